import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import type { FileReport } from "../../shared/contracts/file-result.ts";
import { dayMs, systemClock } from "../../shared/runtime/time.ts";
import { readResult, startStack, postJson, type Stack } from "../support/stack.ts";

let stack: Stack;
let host: RunningHost;

beforeAll(async () => {
  const nowMs = Date.now();
  stack = await startStack(
    {
      // The dataset does not change, so that both ways of a lookup must agree.
      clock: { now: () => nowMs, sleep: systemClock.sleep },
      tokenClock: systemClock,
      dataset: { startMs: nowMs - 3 * dayMs, eventsPerHour: 60 },
      behaviors: {
        files: { quota: { perMinute: null, perHour: null } },
        hunting: { quota: { perMinute: null } },
      },
    },
    { BULK_LOOKUP_THRESHOLD: "50" },
  );
  // No timers: a hunt that comes due would be counted among the calls.
  host = await stack.startHost({
    functions: ["enrich_files", "enrich_file", "process_file_lookups", "get_job", "cancel_job"],
  });
});
afterAll(() => stack.stop());

const toUrl = (more = ""): string => `${host.url}/api/files/stats${more}`;
const knownSha1 = (index: number): string => stack.simulator.dataset.files[index]?.sha1 ?? "";
const unknownSha1 = (seed: string): string => createHash("sha1").update(seed).digest("hex");
const listFileCalls = (): string[] =>
  stack.simulator
    .listRequests()
    .map(({ path }) => path)
    .filter((path) => path.startsWith("/api/files/"));
const postBody = (
  body: string | Uint8Array,
  type: string | undefined,
  more = "",
): Promise<Response> =>
  fetch(toUrl(more), {
    method: "POST",
    headers: type === undefined ? {} : { "content-type": type },
    body: Buffer.from(body),
  });

describe("any payload", () => {
  test.each<[string, () => string, string | undefined]>([
    ["JSON", () => JSON.stringify({ alert: { sha1: knownSha1(0) } }), "application/json"],
    [
      "JSON as curl -d labels it",
      () => JSON.stringify({ sha1: knownSha1(0) }),
      "application/x-www-form-urlencoded",
    ],
    [
      "a form",
      () => `payload=${encodeURIComponent(JSON.stringify({ sha1: knownSha1(0) }))}`,
      "application/x-www-form-urlencoded",
    ],
    ["text", () => `seen: SHA1=${knownSha1(0).toUpperCase()} on host x`, "text/plain"],
    ["bytes of no named type", () => knownSha1(0), undefined],
  ])("is searched: %s", async (_, body, type) => {
    const reply = await postBody(body(), type);
    expect(reply.status).toBe(200);
    expect((await readResult<FileReport>(reply)).results.map(({ hash }) => hash)).toEqual([
      knownSha1(0),
    ]);
  });

  test("tells where each hash was, and takes what is called an id when all is asked for", async () => {
    const reply = await postJson(toUrl("?where=true&all=true"), {
      x: [{ DeviceId: knownSha1(0) }],
    });
    expect((await readResult<FileReport>(reply)).results[0]?.where).toEqual(["/x/0/DeviceId"]);
  });

  test("without a hash is an empty report, and costs no call", async () => {
    const before = listFileCalls().length;
    const report = await readResult<FileReport>(await postJson(toUrl(), { hello: "world" }));
    expect(report).toEqual({
      results: [],
      summary: { found: 0, notFound: 0, invalid: 0, pending: 0, failed: 0 },
      lookBackHours: 720,
      skipped: [],
    });
    expect(listFileCalls()).toHaveLength(before);
  });

  test("may ask for information, a look-back and thresholds", async () => {
    const reply = await postJson(toUrl("?include=information&lookBackHours=24&globalRareBelow=1"), {
      sha1: [knownSha1(3)],
    });
    const report = await readResult<FileReport>(reply);
    expect(report.lookBackHours).toBe(24);
    expect(report.results[0]?.information).toMatchObject({
      size: Number(stack.simulator.dataset.files[3]?.size),
    });
    expect(report.results[0]?.verdict?.value).toBe("uncommon");
    expect(listFileCalls()).toContain(`/api/files/${knownSha1(3)}`);
  });
});

describe("CSV", () => {
  test("is answered when preferred, with the same columns for hit and miss", async () => {
    const reply = await fetch(toUrl(), {
      method: "POST",
      headers: { accept: "text/csv", "content-type": "application/json" },
      body: JSON.stringify({ sha1: [knownSha1(0), "=nonsense"] }),
    });
    expect(reply.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    const lines = (await reply.text()).trimEnd().split("\r\n");
    expect(lines).toHaveLength(3);
    expect(lines[1]).toContain(`${knownSha1(0)},found,statistics`);
    expect(lines[2]).toMatch(/^'=nonsense,,invalid/);
  });
});

describe("one hash", () => {
  test.each([
    ["a path that goes elsewhere", "..%2Fmachines"],
    ["an encoded one", "%252e%252e%2Fmachines"],
    ["39 digits", "a".repeat(39)],
    ["41 digits", "a".repeat(41)],
    ["full-width digits", encodeURIComponent("１".repeat(40))],
    ["a query in it", `${"a".repeat(40)}%3Fx=1`],
  ])("is refused for %s, before any call", async (_, hash) => {
    const before = listFileCalls().length;
    const reply = await fetch(`${host.url}/api/files/${hash}/stats`);
    expect([400, 404]).toContain(reply.status);
    expect(listFileCalls()).toHaveLength(before);
  });

  test("that is unknown is a plain answer", async () => {
    const reply = await fetch(`${host.url}/api/files/${unknownSha1("nobody")}/stats`);
    expect(await readResult<FileReport>(reply)).toMatchObject({
      results: [{ status: "notFound", statistics: null }],
    });
  });

  test("of which nothing can be known now is 503 with a time to come again", async () => {
    stack.simulator.faults.add({ api: "files", kind: "failed", status: 503, count: null });
    const reply = await fetch(`${host.url}/api/files/${unknownSha1("down")}/stats`);
    stack.simulator.faults.clear();
    expect(reply.status).toBe(503);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("a hostile body", () => {
  const hex = fc.constantFrom(
    "a".repeat(40),
    "A".repeat(64),
    "0".repeat(32),
    "f".repeat(39),
    '"',
    "\\",
    "\0",
    "\uD800",
    "é",
    "{",
    "]",
    ":",
    ",",
    "\n",
    "=",
    "&",
    "%",
    "sha1",
    "__proto__",
    "1e999",
    "-",
    "<",
    ">",
  );
  const types = [
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "application/xml",
    "image/png",
    "application/json; charset=utf-16",
    ";;;",
    undefined,
  ];

  test("a payload never makes the function fail", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.array(hex, { maxLength: 30 }).map((parts) => new TextEncoder().encode(parts.join(""))),
          fc.json().map((text) => new TextEncoder().encode(text)),
          fc.uint8Array({ maxLength: 200 }),
        ),
        fc.constantFrom(...types),
        fc.constantFrom("", "?where=true", "?all=1&where=1", "?lookBackHours=x", "?include=%00"),
        async (body, type, more) => {
          const reply = await postBody(body, type, more);
          await reply.arrayBuffer();
          expect(reply.status).toBeLessThan(500);
        },
      ),
      { numRuns: 80 },
    );
  }, 90_000);

  test.each<[string, string, number]>([
    ["a million levels", "[".repeat(500_000) + "]".repeat(500_000), 400],
    ["an unclosed million", "[".repeat(1_000_000), 400],
    ["a million digits", "a".repeat(1_000_000), 200],
    ["near misses", JSON.stringify(Array.from({ length: 20_000 }, () => "a".repeat(39))), 200],
    [
      "25,000 hashes",
      Array.from({ length: 25_000 }, (_, index) => unknownSha1(String(index))).join("\n"),
      422,
    ],
    ["__proto__", '{"__proto__":{"admin":true},"sha1":"x"}', 400],
    ["1e400", '{"x":1e400}', 400],
  ])("of %s is answered as it should", async (name, body, status) => {
    const json = name !== "a million digits" && name !== "25,000 hashes";
    expect((await postBody(body, json ? "application/json" : "text/plain")).status).toBe(status);
  });

  test.each<[string, Uint8Array, Readonly<Record<string, string>>, number]>([
    ["F57 one byte over a mebibyte", Buffer.alloc(1_048_577, "a"), {}, 413],
    ["F60 compressed", gzipSync("a".repeat(1_000_000)), { "content-encoding": "gzip" }, 415],
    ["F65 text that is no UTF-8", Buffer.from([0x73, 0xc3, 0x28]), {}, 400],
    ["F65 UTF-16 without a mark", Buffer.from("sha1", "utf16le"), {}, 400],
  ])("%s is answered as it should", async (_, body, headers, status) => {
    const reply = await fetch(toUrl(), {
      method: "POST",
      headers: { "content-type": "text/plain", ...headers },
      body: Buffer.from(body),
    });
    expect(reply.status).toBe(status);
  });

  test("a chunked body is 411, because it does not arrive", async () => {
    const reply = await fetch(toUrl(), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new Blob(["{}"]).stream(),
      duplex: "half",
    });
    expect(reply.status).toBe(411);
  });
});

describe("a Logic App", () => {
  /**
   * Follows 202, Location and Retry-After with no key of its own, as the platform's HTTP action
   * does.
   */
  const followJob = async (first: Response): Promise<FileReport> => {
    let reply = first;
    for (let polls = 0; reply.status === 202 && polls < 300; polls += 1) {
      await reply.arrayBuffer();
      const seconds = Number(reply.headers.get("retry-after"));
      expect(seconds).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, Math.min(seconds * 1_000, 300)));
      reply = await fetch(reply.headers.get("location") ?? "");
    }
    expect(reply.status).toBe(200);
    return readResult<FileReport>(reply);
  };

  test.each<[string, Readonly<Record<string, string>>]>([
    ["under no key of its own", {}],
    ["under its run's id", { "idempotency-key": "08585-run-1" }],
  ])("that repeats its request four times %s gets every answer once", async (how, headers) => {
    const before = stack.simulator.listRequests().length;
    const sha1 = [
      ...Array.from({ length: 70 }, (__, index) => unknownSha1(`${how} ${index}`)),
      "nonsense",
    ];
    const replies = [];
    for (let time = 0; time < 4; time += 1)
      replies.push(await postJson(toUrl(), { sha1 }, headers));
    expect(
      replies.map(({ status }) => status).filter((status) => status !== 200 && status !== 202),
    ).toEqual([]);
    const jobUrls = new Set(
      replies.flatMap((reply) => reply.headers.get("location")?.replace(/\?.*/, "") ?? []),
    );
    expect(jobUrls.size).toBe(1);
    const reports = await Promise.all(replies.map(followJob));
    for (const report of reports) {
      expect(report.results.map(({ hash }) => hash)).toEqual(sha1);
      expect(report.summary).toMatchObject({ pending: 0, failed: 0, invalid: 1 });
    }
    const laterRequests = stack.simulator.listRequests().slice(before);
    expect(
      laterRequests.filter(({ path }) => path.endsWith("/runHuntingQuery")).length,
    ).toBeLessThanOrEqual(2);
  });

  test("another lookup under a used idempotency key is 409", async () => {
    const sha1 = Array.from({ length: 60 }, (_, index) => unknownSha1(`another ${index}`));
    const headers = { "idempotency-key": "08585-run-1" };
    expect((await postJson(toUrl(), { sha1 }, headers)).status).toBe(409);
  });

  test("gets from hunting what the statistics API says", async () => {
    const files = stack.simulator.dataset.files.slice(10, 80);
    const bulk = await followJob(await postJson(toUrl(), { sha1: files.map(({ sha1 }) => sha1) }));
    expect(bulk.results.every(({ source }) => source === "hunting")).toBe(true);
    stack.simulator.changeBehaviors({ files: { body: "twin" } });
    const sides: unknown[][] = [[], []];
    for (const result of bulk.results.slice(0, 25)) {
      // Another look-back is another entry of the cache; both lie before the world's first event.
      const one = await fetch(`${host.url}/api/files/${result.hash}/stats?lookBackHours=719`);
      const [direct] = (await readResult<FileReport>(one)).results;
      expect(direct?.source).toBe("statistics");
      for (const [side, compared] of [
        [0, direct],
        [1, result],
      ] as const) {
        const { topFileNames, ...figures } = compared?.statistics ?? { topFileNames: [] };
        const isPresent = compared?.statistics?.organizationPrevalence !== 0;
        const toSecond = Object.entries(figures).map(([name, value]) => [
          name,
          typeof value === "string" ? value.slice(0, 19) : value,
        ]);
        sides[side]?.push([
          compared?.status,
          Object.fromEntries(toSecond),
          isPresent ? topFileNames.toSorted((a, b) => (a < b ? -1 : 1)) : [],
        ]);
      }
    }
    expect(sides[1]).toEqual(sides[0]);
  }, 90_000);
});

// Last, since what it leaves behind keeps the host busy.
test("F09: of 500 lookups at once each is answered, becomes a job or gets a Retry-After, while Defender is slow", async () => {
  const slow = stack.simulator.faults.add({ kind: "delay", api: "files", ms: 2_000, count: null });
  const replies = await Promise.all(
    Array.from({ length: 500 }, (_, index) =>
      postJson(toUrl(), { sha1: [unknownSha1(`slow ${index}`)] }),
    ),
  );
  stack.simulator.faults.remove(slow);
  for (const { status, headers } of replies) {
    expect([200, 202, 503]).toContain(status);
    if (status !== 200) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(replies.filter(({ status }) => status === 202).length).toBeGreaterThan(300);
  await Promise.all(replies.map((reply) => reply.arrayBuffer()));
}, 120_000);
