import { describe, expect, test } from "vitest";
import {
  decideRetry,
  computePauseMs,
  type Failure,
  type RetryDecision,
} from "../../../shared/http-pipeline/retry.ts";

/** 10:07:00, eight minutes before the next quarter hour. */
const nowMs = Date.UTC(2026, 2, 1, 10, 7);
const createStatusFailure = (
  code: number,
  message = "",
  headers: Record<string, string> = {},
): Failure => ({
  kind: "status",
  status: code,
  headers: new Headers(headers),
  body: { error: { code: "X", message } },
});

describe("decideRetry", () => {
  test.each([
    ["a header in seconds", { "retry-after": "10" }, "", 10_000],
    [
      "a header with a date, by the service's own clock",
      { "retry-after": "Sun, 01 Mar 2026 12:00:30 GMT", date: "Sun, 01 Mar 2026 12:00:00 GMT" },
      "",
      30_000,
    ],
    ["a header with a date alone", { "retry-after": "Sun, 01 Mar 2026 10:07:30 GMT" }, "", 30_000],
    [
      "a header before the text",
      { "retry-after": "3" },
      "You can send requests again in 8 seconds.",
      3_000,
    ],
    [
      "seconds in the text",
      {},
      "Maximum allowed 30 per 00:01:00 for the key X. You can send requests again in 8 seconds.",
      8_000,
    ],
    ["one second in the text", {}, "Request was throttled. Expected available in 1 second.", 1_000],
    [
      "a window in the text",
      {},
      "API calls quota exceeded! maximum allowed 1500 per 01:00:00",
      3_600_000,
    ],
    ["nothing: a minute", {}, "Please retry again later.", 60_000],
    [
      "the largest of several headers",
      { "retry-after": "30, 60", "retry-after-ms": "45000" },
      "",
      60_000,
    ],
    [
      "the largest of a date and milliseconds",
      {
        "retry-after": "Sun, 01 Mar 2026 10:07:30 GMT",
        "x-ms-retry-after-ms": "90000",
      },
      "",
      90_000,
    ],
    ["minutes in the text", {}, "You can run queries again in 12 minutes.", 720_000],
    ["a minute in the text", {}, "Try again in a minute.", 60_000],
    ["its own pause for zero", { "retry-after": "0" }, "", 60_000],
    ["its own pause for a negative number", { "retry-after": "-5" }, "", 60_000],
    [
      "its own pause for a past date",
      { "retry-after": "Sun, 01 Mar 2026 09:00:00 GMT" },
      "",
      60_000,
    ],
    ["nonsense", { "retry-after": "soon" }, "", 60_000],
  ] as const)("waits after a 429 by %s", (_, headers, message, retryAfterMs) => {
    expect(decideRetry("hunting", createStatusFailure(429, message, headers), nowMs)).toMatchObject(
      {
        code: "throttled",
        retryAfterMs,
        report: { kind: "throttled", retryAfterMs, cause: "calls" },
      },
    );
  });

  test.each([
    ["15 minutes for a quota per minute", "Please retry again later.", 900_000],
    ["an hour for a quota per hour", "Maximum allowed 1500 per 01:00:00", 3_600_000],
    ["an hour for run time", "CPU resources are used up", 3_600_000],
  ])("caps a pause of a day at %s and asks for a probe", (_, message, retryAfterMs) => {
    const failure = createStatusFailure(429, message, { "retry-after": "86400" });
    expect(decideRetry("hunting", failure, nowMs)).toMatchObject({
      retryAfterMs,
      report: { kind: "throttled", retryAfterMs, isCapped: true },
    });
  });

  test("caps the pause of a 503 at an hour", () => {
    const failure = createStatusFailure(503, "", { "retry-after": "86400" });
    expect(decideRetry("files", failure, nowMs)).toMatchObject({ retryAfterMs: 3_600_000 });
  });

  test.each([
    "You have exceeded processing resources allocated to this tenant. You can run queries again in 12 minutes.",
    "The CPU quota is used up. You can run queries again in 720 seconds.",
  ])("pauses hunting for the time that the run-time text names: %s", (message) => {
    expect(decideRetry("hunting", createStatusFailure(429, message), nowMs).report).toEqual({
      kind: "throttled",
      retryAfterMs: 720_000,
      cause: "run-time",
    });
  });

  test("pauses hunting until the next quarter hour when the run time is used up", () => {
    expect(
      decideRetry(
        "hunting",
        createStatusFailure(429, "[simulator] CPU quota exhausted until 10:15"),
        nowMs,
      ).report,
    ).toEqual({
      kind: "throttled",
      retryAfterMs: 8 * 60_000,
      cause: "run-time",
    });
  });

  test.each([
    [503, "unavailable", "wait", { "retry-after": "4" }],
    [503, "unavailable", "backoff", {}],
    [500, "unavailable", "backoff", {}],
    [408, "unavailable", "backoff", {}],
    [400, "rejected", "never", {}],
    [413, "rejected", "never", {}],
    [404, "notFound", "never", {}],
    [403, "forbidden", "never", {}],
    [401, "unauthorized", "token", {}],
  ] as const)("takes a %d for %s, again: %s", (code, word, retry, headers) => {
    expect(decideRetry("files", createStatusFailure(code, "", headers), nowMs)).toMatchObject({
      code: word,
      retry,
    });
  });

  test.each([
    [405, "the method is not allowed"],
    [409, "a conflict"],
    [413, "the request is too large"],
    [415, "the content type is not supported"],
    [418, "the request was refused (418)"],
  ])("says what a %i is", (status, text) => {
    expect(decideRetry("cloud-apps", createStatusFailure(status), nowMs)).toMatchObject({
      code: "rejected",
      why: expect.stringContaining(text) as unknown,
    });
  });

  test("does not count a heavy query as a failure of the service, nor retry it", () => {
    for (const failure of [
      createStatusFailure(504),
      { kind: "deadline", deadlineMs: 230_000 } as const,
    ])
      expect(decideRetry("hunting", failure, nowMs)).toMatchObject({
        code: "unavailable",
        retry: "never",
        report: undefined,
      });
    expect(decideRetry("files", createStatusFailure(504), nowMs)).toMatchObject({
      retry: "backoff",
      report: { kind: "failed" },
    });
  });

  test("does not retry after an untrusted certificate", () => {
    const failure: Failure = {
      kind: "connection",
      code: "CERT_HAS_EXPIRED",
      isSent: false,
      isRetryable: false,
    };
    expect(decideRetry("files", failure, nowMs)).toMatchObject({
      code: "unavailable",
      retry: "never",
    });
  });
});

describe("computePauseMs", () => {
  const decision: RetryDecision = {
    code: "unavailable",
    why: "",
    report: undefined,
    retry: "backoff",
    retryAfterMs: undefined,
  };
  const defaults = { triesMade: 1, tries: 3, maxWaitMs: 25_000, hasQuota: true, random: 0.5 };

  test.each([
    ["doubles with each try", {}, { triesMade: 2 }, 1_000],
    ["has full jitter", {}, { random: 0 }, 0],
    ["is never longer than twenty seconds", {}, { triesMade: 19, tries: 20, random: 1 }, 20_000],
    ["ends with the tries", {}, { triesMade: 3 }, undefined],
    ["is none for another token", { retry: "token" }, { triesMade: 3 }, 0],
    [
      "is none where the quota waits for everybody",
      { code: "throttled", retry: "wait", retryAfterMs: 5_000 },
      {},
      0,
    ],
    ["is what was asked for, and some jitter", { retry: "wait", retryAfterMs: 5_000 }, {}, 5_500],
    ["never exceeds the caller's patience", { retry: "wait", retryAfterMs: 25_001 }, {}, undefined],
    ["is not taken when trying again is useless", { retry: "never" }, {}, undefined],
  ] as const)("%s", (_, changes, input, pauseMs) => {
    expect(computePauseMs({ ...decision, ...changes }, { ...defaults, ...input })).toBe(pauseMs);
  });
});
