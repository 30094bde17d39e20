import { describe, expect, test } from "vitest";
import {
  computeBackOffMs,
  handleRunMessage,
} from "../../../../shared/hunts/run/handle-run-message.ts";
import type { HuntRun } from "../../../../shared/contracts/hunt-run.ts";
import type { HuntingReply } from "../../../../shared/hunts/ports.ts";
import { hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import {
  listExportedLines,
  huntHarness,
  noonMs,
  createRunMessage,
  type HuntHarness,
} from "../../../support/hunt-harness.ts";
import { toExportLine, sourceRow, testHunt } from "../../../support/hunt-source.ts";

const hunt = testHunt();
const readStatus = (harness: HuntHarness): unknown =>
  JSON.parse(harness.records.peek("state/hunts/test-hunt/status.json") ?? "null");
const listRequeued = (harness: HuntHarness): object[] =>
  harness.sentMessages
    .filter(({ queue }) => queue === "hunt-runs")
    .map(({ message, delaySeconds }) => ({ ...message, delaySeconds }));

/** A harness whose service gives the set reply, if any. */
function createReplyingHarness(
  first: HuntingReply | undefined,
  options: { cap?: number } = {},
): HuntHarness & { reply: HuntingReply | undefined } {
  const state = { reply: first };
  const harness = huntHarness({ ...options, interceptQuery: () => state.reply });
  harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
  return Object.assign(state, harness);
}

const refused: HuntingReply = { kind: "refused", cause: "query", message: "'Foo' is unknown" };

describe("a refused query", () => {
  test("is tried in the other form, then pauses the hunt", async () => {
    const harness = createReplyingHarness(refused);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("refused");
    expect(harness.source.queries.map((query) => query.split(" ")[0])).toEqual(["ROWS", "PLACE"]);
    expect(readStatus(harness)).toMatchObject({ state: "invalid", reason: "'Foo' is unknown" });
    await harness.clock.advance(hourMs);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("paused");
    expect(harness.source.queries).toHaveLength(2);
    expect(listRequeued(harness)).toEqual([]);
  });

  test("is retried at once when it has changed or a run is requested", async () => {
    const harness = createReplyingHarness(refused);
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(
      await handleRunMessage(
        harness.deps,
        testHunt({ queryHash: "b".repeat(64) }),
        createRunMessage(harness),
      ),
    ).toBe("refused");
    harness.reply = undefined;
    expect(
      await handleRunMessage(
        harness.deps,
        testHunt({ queryHash: "b".repeat(64) }),
        createRunMessage(harness, { reason: "request" }),
      ),
    ).toBe("done");
    expect(readStatus(harness)).toMatchObject({ state: "ok" });
  });

  test("continues in the form that the service accepts", async () => {
    const harness = huntHarness({
      interceptQuery: (query) => (query.startsWith("ROWS") ? refused : undefined),
    });
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
    await harness.clock.advance(hourMs);
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(harness.source.queries.filter((query) => query.startsWith("ROWS"))).toHaveLength(1);
  });
});

describe("a missing permission", () => {
  test("pauses the hunt for 15 minutes, also for requested runs", async () => {
    const harness = createReplyingHarness({
      kind: "refused",
      cause: "permission",
      message: "ThreatHunting.Read.All is missing",
    });
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    await harness.clock.advance(14 * minuteMs);
    expect(
      await handleRunMessage(harness.deps, hunt, createRunMessage(harness, { reason: "request" })),
    ).toBe("paused");
    harness.reply = undefined;
    await harness.clock.advance(2 * minuteMs);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
  });
});

describe("a run that must stop", () => {
  test("continues with its next message when the quota is used up", async () => {
    const harness = createReplyingHarness({ kind: "later", retryAfterMs: 90_000, cause: "quota" });
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("continues");
    expect(listRequeued(harness)).toMatchObject([{ reason: "continue", delaySeconds: 90 }]);
    expect(readStatus(harness)).toBeNull();
  });

  test("is retried with growing delays while the service fails", async () => {
    const harness = createReplyingHarness({ kind: "failed", message: "503" });
    expect(
      await handleRunMessage(harness.deps, hunt, createRunMessage(harness, { failures: 2 })),
    ).toBe("failing");
    expect(listRequeued(harness)).toMatchObject([{ failures: 3, delaySeconds: 240 }]);
    expect(readStatus(harness)).toMatchObject({ state: "failing", reason: "503" });
    expect([1, 2, 20].map((failures) => computeBackOffMs(failures))).toEqual([
      60_000, 120_000, 900_000,
    ]);
  });

  test("leaves no poison message while storage is down", async () => {
    const harness = createReplyingHarness(undefined);
    const depsWithoutStorage = {
      ...harness.deps,
      exports: { ...harness.deps.exports, find: () => Promise.reject(new Error("storage")) },
    };
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    await harness.clock.advance(hourMs);
    expect(await handleRunMessage(depsWithoutStorage, hunt, createRunMessage(harness))).toBe(
      "failing",
    );
    expect(listRequeued(harness)).toMatchObject([{ failures: 1 }]);
  });

  test("starts no call after three minutes", async () => {
    const harness = createReplyingHarness(undefined, { cap: 10 });
    for (let index = 0; index < 200; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index * minuteMs, `r${index}`));
    const { hunting } = harness.deps;
    const slowDeps = {
      ...harness.deps,
      hunting: {
        ...hunting,
        runQuery: async (...parts: Parameters<typeof hunting.runQuery>) => {
          await harness.clock.advance(50_000);
          return hunting.runQuery(...parts);
        },
      },
    };
    expect(await handleRunMessage(slowDeps, hunt, createRunMessage(harness))).toBe("continues");
    expect(harness.source.queries).toHaveLength(4);
  });
});

describe("an unknown refusal", () => {
  const unknown: HuntingReply = {
    kind: "failed",
    message: "Graph answered 400: Flux capacitor is empty",
    isUnknownRefusal: true,
  };

  test("is retried at most hourly by one message, and no timer adds a call", async () => {
    const harness = createReplyingHarness(unknown);
    const delays: unknown[] = [];
    for (let failures = 0; failures < 9; failures += 1) {
      const message = createRunMessage(harness, { reason: "continue", failures });
      expect(await handleRunMessage(harness.deps, hunt, message)).toBe("failing");
      delays.push(harness.sentMessages.at(-1)?.delaySeconds);
    }
    expect(delays).toEqual([60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
    expect(readStatus(harness)).toMatchObject({ state: "failing", reason: unknown.message });
    const queryCount = harness.source.queries.length;
    await harness.clock.advance(30 * minuteMs);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("paused");
    expect(harness.source.queries).toHaveLength(queryCount);
  });

  test("is also tried in the other form of the window", async () => {
    const harness = huntHarness({
      interceptQuery: (query) => (query.startsWith("ROWS") ? unknown : undefined),
    });
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
  });

  test("raises the alert and fails the job after 24 hours, with the service's text", async () => {
    const harness = createReplyingHarness(unknown);
    const job = "c".repeat(32);
    const failingSince = new Date(noonMs).toISOString();
    const message = (): HuntRun =>
      createRunMessage(harness, { reason: "continue", job, failures: 20, failingSince });
    await harness.clock.advance(23 * hourMs);
    await handleRunMessage(harness.deps, hunt, message());
    expect(harness.records.peek(`state/jobs/${job}/end.json`)).toBeUndefined();
    expect(harness.loggedEvents.map(({ event }) => event)).not.toContain("hunt.degraded");
    await harness.clock.advance(hourMs);
    const sentBefore = listRequeued(harness).length;
    await handleRunMessage(harness.deps, hunt, message());
    expect(listRequeued(harness)).toHaveLength(sentBefore);
    expect(harness.records.peek(`state/jobs/${job}/end.json`)).toContain("Flux capacitor");
    expect(harness.loggedEvents.map(({ event }) => event)).toContain("hunt.degraded");
  });

  test("ends with its status when the service accepts the query again", async () => {
    const harness = createReplyingHarness(unknown);
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    harness.reply = undefined;
    await harness.clock.advance(minuteMs);
    const message = createRunMessage(harness, { reason: "continue", failures: 1 });
    expect(await handleRunMessage(harness.deps, hunt, message)).toBe("done");
    expect(readStatus(harness)).toMatchObject({ state: "ok" });
  });
});

describe("a query that the service aborts", () => {
  const tooHeavy: HuntingReply = { kind: "too-heavy", cause: "timed-out" };

  test("is halved four times, then pauses the hunt with the reason", async () => {
    const harness = createReplyingHarness(tooHeavy);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("degraded");
    expect(harness.source.queries).toHaveLength(5);
    expect(readStatus(harness)).toMatchObject({
      state: "degraded",
      reason: "timed-out after 4 halvings",
    });
    expect(harness.exports.listAll()).toEqual([]);
  });

  test("succeeds as soon as it is small enough", async () => {
    const harness = huntHarness({
      interceptQuery: (query) => {
        const [from = "", to = ""] = [...query.matchAll(/datetime\(([^)]+)\)/g)].map(
          ([, text = ""]) => text,
        );
        return Date.parse(to) - Date.parse(from) > 8 * hourMs ? tooHeavy : undefined;
      },
    });
    harness.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs - 20 * hourMs, "b"));
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
    expect(listExportedLines(harness)).toHaveLength(2);
  });
});

describe("a truncated result", () => {
  test("is never committed: all rows are exported in several windows", async () => {
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 95; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index * 1_000, `r${index}`));
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
    expect(listExportedLines(harness)).toEqual(harness.source.rows.map(toExportLine).toSorted());
    expect(harness.loggedEvents.some(({ event }) => event === "hunt.halved")).toBe(true);
  });

  test("is noticed below the documented limit", async () => {
    const harness = huntHarness({ cap: 30, roundRows: 10 });
    for (let index = 0; index < 95; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index * 1_000, `r${index}`));
    const deps = {
      ...harness.deps,
      hunting: { ...harness.deps.hunting, caps: { rows: 100, bytes: 1e12, roundRows: 10 } },
    };
    await handleRunMessage(deps, hunt, createRunMessage(harness));
    expect(listExportedLines(harness)).toHaveLength(95);
  });

  test("exactly at the limit and complete is committed without a split", async () => {
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 10; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs - index * 1_000, `r${index}`));
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(harness.source.queries).toHaveLength(2);
    expect(harness.exports.listAll().map(({ metadata }) => metadata.rows)).toEqual([10]);
  });

  test("within one tick is read in shards that add up to the count", async () => {
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 35; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs, `r${index}`));
    await handleRunMessage(harness.deps, hunt, createRunMessage(harness));
    expect(listExportedLines(harness)).toHaveLength(35);
  });

  test("within one tick pauses a hunt without a shard key", async () => {
    const plainHunt = testHunt();
    const { shardSuffix: _none, ...query } = plainHunt.query;
    const harness = huntHarness({ cap: 10 });
    for (let index = 0; index < 35; index += 1)
      harness.source.rows.push(sourceRow(noonMs - hourMs, `r${index}`));
    expect(
      await handleRunMessage(harness.deps, { ...plainHunt, query }, createRunMessage(harness)),
    ).toBe("degraded");
    expect(listExportedLines(harness)).toEqual([]);
    expect(readStatus(harness)).toMatchObject({
      state: "degraded",
      to: "2026-01-05T11:00:00.0000001Z",
    });
  });
});

describe("a lease", () => {
  test("keeps a second instance from running and keeps its message", async () => {
    const harness = createReplyingHarness(undefined);
    harness.records.poke(
      "state/hunts/test-hunt/lease.json",
      JSON.stringify({ owner: "other", untilMs: noonMs + minuteMs }),
    );
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("leased");
    expect(harness.source.queries).toEqual([]);
    expect(listRequeued(harness)).toHaveLength(1);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("leased");
    expect(listRequeued(harness)).toHaveLength(1);
  });

  test.each([
    ["has expired", JSON.stringify({ owner: "x", untilMs: noonMs - 1_000 })],
    ["expires implausibly late", JSON.stringify({ owner: "x", untilMs: Date.UTC(2099, 0, 1) })],
    ["is invalid", "{"],
  ])("that %s blocks no run", async (_, text) => {
    const harness = createReplyingHarness(undefined);
    harness.records.poke("state/hunts/test-hunt/lease.json", text);
    expect(await handleRunMessage(harness.deps, hunt, createRunMessage(harness))).toBe("done");
  });
});
