import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run.ts";
import type { FileReport } from "../../shared/contracts/file-result.ts";
import { dayMs, systemClock } from "../../shared/runtime/time.ts";
import { bodyOf, live, postJson, type Living } from "../support/stack.ts";

let here: Living;
let host: RunningHost;

beforeAll(async () => {
  const nowMs = Date.now();
  here = await live(
    {
      // The world stands still, so that two ways of asking about it must agree.
      clock: { now: () => nowMs, sleep: systemClock.sleep },
      tokenClock: systemClock,
      world: { startMs: nowMs - 3 * dayMs, eventsPerHour: 60 },
      switches: {
        files: { quota: { perMinute: null, perHour: null } },
        hunting: { quota: { perMinute: null } },
      },
    },
    { BULK_FROM_HASHES: "50" },
  );
  // No timers: a hunt that comes due would be counted among the calls.
  host = await here.host({
    functions: ["file_stats", "one_file_stats", "look_up_files", "show_job", "cancel_job"],
  });
});
afterAll(() => here.end());

const url = (more = ""): string => `${host.url}/api/files/stats${more}`;
const known = (index: number): string => here.tenant.world.files[index]?.sha1 ?? "";
const cold = (seed: string): string => createHash("sha1").update(seed).digest("hex");
const calls = (): string[] =>
  here.tenant
    .requests()
    .map(({ path }) => path)
    .filter((path) => path.startsWith("/api/files/"));
const post = (body: string | Uint8Array, type: string | undefined, more = ""): Promise<Response> =>
  fetch(url(more), {
    method: "POST",
    headers: type === undefined ? {} : { "content-type": type },
    body: Buffer.from(body),
  });

describe("any payload", () => {
  test.each<[string, () => string, string | undefined]>([
    ["JSON", () => JSON.stringify({ alert: { sha1: known(0) } }), "application/json"],
    [
      "JSON as curl -d labels it",
      () => JSON.stringify({ sha1: known(0) }),
      "application/x-www-form-urlencoded",
    ],
    [
      "a form",
      () => `payload=${encodeURIComponent(JSON.stringify({ sha1: known(0) }))}`,
      "application/x-www-form-urlencoded",
    ],
    ["text", () => `seen: SHA1=${known(0).toUpperCase()} on host x`, "text/plain"],
    ["bytes of no named type", () => known(0), undefined],
  ])("is searched: %s", async (_, body, type) => {
    const reply = await post(body(), type);
    expect(reply.status).toBe(200);
    expect((await bodyOf<FileReport>(reply)).results.map(({ hash }) => hash)).toEqual([known(0)]);
  });

  test("tells where each hash was, and takes what is called an id when all is asked for", async () => {
    const reply = await postJson(url("?where=true&all=true"), { x: [{ DeviceId: known(0) }] });
    expect((await bodyOf<FileReport>(reply)).results[0]?.where).toEqual(["/x/0/DeviceId"]);
  });

  test("without a hash is an empty report, and costs no call", async () => {
    const before = calls().length;
    const report = await bodyOf<FileReport>(await postJson(url(), { hello: "world" }));
    expect(report).toEqual({
      results: [],
      summary: { found: 0, notFound: 0, invalid: 0, pending: 0, failed: 0 },
      lookBackHours: 720,
      skipped: [],
    });
    expect(calls()).toHaveLength(before);
  });

  test("may ask for information, a look-back and thresholds", async () => {
    const reply = await postJson(url("?include=information&lookBackHours=24&globalRareBelow=1"), {
      sha1: [known(3)],
    });
    const report = await bodyOf<FileReport>(reply);
    expect(report.lookBackHours).toBe(24);
    expect(report.results[0]?.information).toMatchObject({
      size: Number(here.tenant.world.files[3]?.size),
    });
    expect(report.results[0]?.verdict?.value).toBe("uncommon");
    expect(calls()).toContain(`/api/files/${known(3)}`);
  });
});

describe("CSV", () => {
  test("is answered when preferred, with the same columns for hit and miss", async () => {
    const reply = await fetch(url(), {
      method: "POST",
      headers: { accept: "text/csv", "content-type": "application/json" },
      body: JSON.stringify({ sha1: [known(0), "=nonsense"] }),
    });
    expect(reply.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    const lines = (await reply.text()).trimEnd().split("\r\n");
    expect(lines).toHaveLength(3);
    expect(lines[1]).toContain(`${known(0)},found,statistics`);
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
    const before = calls().length;
    const reply = await fetch(`${host.url}/api/files/${hash}/stats`);
    expect([400, 404]).toContain(reply.status);
    expect(calls()).toHaveLength(before);
  });

  test("that is unknown is a plain answer", async () => {
    const reply = await fetch(`${host.url}/api/files/${cold("nobody")}/stats`);
    expect(await bodyOf<FileReport>(reply)).toMatchObject({
      results: [{ status: "not_found", statistics: null }],
    });
  });

  test("of which nothing can be known now is 503 with a time to come again", async () => {
    here.tenant.faults.add({ api: "files", kind: "failed", status: 503, count: null });
    const reply = await fetch(`${host.url}/api/files/${cold("down")}/stats`);
    here.tenant.faults.clear();
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

  test("never makes the door fail", async () => {
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
          const reply = await post(body, type, more);
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
      Array.from({ length: 25_000 }, (_, index) => cold(String(index))).join("\n"),
      422,
    ],
    ["__proto__", '{"__proto__":{"admin":true},"sha1":"x"}', 400],
    ["1e400", '{"x":1e400}', 400],
  ])("of %s is answered as it should", async (name, body, status) => {
    const json = name !== "a million digits" && name !== "25,000 hashes";
    expect((await post(body, json ? "application/json" : "text/plain")).status).toBe(status);
  });

  test.each<[string, Uint8Array, Readonly<Record<string, string>>, number]>([
    ["F57 one byte over a mebibyte", Buffer.alloc(1_048_577, "a"), {}, 413],
    ["F60 compressed", gzipSync("a".repeat(1_000_000)), { "content-encoding": "gzip" }, 415],
    ["F65 text that is no UTF-8", Buffer.from([0x73, 0xc3, 0x28]), {}, 400],
    ["F65 UTF-16 without a mark", Buffer.from("sha1", "utf16le"), {}, 400],
  ])("%s is answered as it should", async (_, body, headers, status) => {
    const reply = await fetch(url(), {
      method: "POST",
      headers: { "content-type": "text/plain", ...headers },
      body: Buffer.from(body),
    });
    expect(reply.status).toBe(status);
  });

  test("that is chunked is told that this platform reads none", async () => {
    const reply = await fetch(url(), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new Blob(["{}"]).stream(),
      duplex: "half",
    });
    expect(reply.status).toBe(411);
  });
});

describe("a Logic App", () => {
  /** Follows 202, Location and Retry-After with no key of its own, as the platform's HTTP action does. */
  const follow = async (first: Response): Promise<FileReport> => {
    let reply = first;
    for (let polls = 0; reply.status === 202 && polls < 300; polls += 1) {
      await reply.arrayBuffer();
      const seconds = Number(reply.headers.get("retry-after"));
      expect(seconds).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, Math.min(seconds * 1_000, 300)));
      reply = await fetch(reply.headers.get("location") ?? "");
    }
    expect(reply.status).toBe(200);
    return bodyOf<FileReport>(reply);
  };

  test.each<[string, Readonly<Record<string, string>>]>([
    ["under no key of its own", {}],
    ["under its run's id", { "idempotency-key": "08585-run-1" }],
  ])("that repeats its request four times %s gets every answer once", async (how, headers) => {
    const before = here.tenant.requests().length;
    const sha1 = [
      ...Array.from({ length: 70 }, (__, index) => cold(`${how} ${index}`)),
      "nonsense",
    ];
    const replies = [];
    for (let time = 0; time < 4; time += 1) replies.push(await postJson(url(), { sha1 }, headers));
    expect(
      replies.map(({ status }) => status).filter((status) => status !== 200 && status !== 202),
    ).toEqual([]);
    const places = new Set(
      replies.flatMap((reply) => reply.headers.get("location")?.replace(/\?.*/, "") ?? []),
    );
    expect(places.size).toBe(1);
    const reports = await Promise.all(replies.map(follow));
    for (const report of reports) {
      expect(report.results.map(({ hash }) => hash)).toEqual(sha1);
      expect(report.summary).toMatchObject({ pending: 0, failed: 0, invalid: 1 });
    }
    const later = here.tenant.requests().slice(before);
    expect(
      later.filter(({ path }) => path.endsWith("/runHuntingQuery")).length,
    ).toBeLessThanOrEqual(2);
  });

  test("that asks something else under a key that was used is told so", async () => {
    const sha1 = Array.from({ length: 60 }, (_, index) => cold(`another ${index}`));
    const headers = { "idempotency-key": "08585-run-1" };
    expect((await postJson(url(), { sha1 }, headers)).status).toBe(409);
  });

  test("gets from hunting what the statistics API says", async () => {
    const files = here.tenant.world.files.slice(10, 80);
    const bulk = await follow(await postJson(url(), { sha1: files.map(({ sha1 }) => sha1) }));
    expect(bulk.results.every(({ source }) => source === "hunting")).toBe(true);
    here.tenant.change({ files: { body: "twin" } });
    const compared: unknown[][] = [[], []];
    for (const result of bulk.results.slice(0, 25)) {
      // Another look-back is another entry of the cache; both lie before the world's first event.
      const one = await fetch(`${host.url}/api/files/${result.hash}/stats?lookBackHours=719`);
      const [direct] = (await bodyOf<FileReport>(one)).results;
      expect(direct?.source).toBe("statistics");
      for (const [side, given] of [
        [0, direct],
        [1, result],
      ] as const) {
        const { topFileNames, ...figures } = given?.statistics ?? { topFileNames: [] };
        const seen = given?.statistics?.organizationPrevalence !== 0;
        const toSecond = Object.entries(figures).map(([name, value]) => [
          name,
          typeof value === "string" ? value.slice(0, 19) : value,
        ]);
        compared[side]?.push([
          given?.status,
          Object.fromEntries(toSecond),
          seen ? topFileNames.toSorted((a, b) => (a < b ? -1 : 1)) : [],
        ]);
      }
    }
    expect(compared[1]).toEqual(compared[0]);
  }, 90_000);
});

// Last, since what it leaves behind keeps the host busy.
test("F09: of 500 lookups at once each is answered, becomes a job or is told when to come, while Defender is slow", async () => {
  const slow = here.tenant.faults.add({ kind: "delay", api: "files", ms: 2_000, count: null });
  const replies = await Promise.all(
    Array.from({ length: 500 }, (_, index) => postJson(url(), { sha1: [cold(`slow ${index}`)] })),
  );
  here.tenant.faults.remove(slow);
  for (const { status, headers } of replies) {
    expect([200, 202, 503]).toContain(status);
    if (status !== 200) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(replies.filter(({ status }) => status === 202).length).toBeGreaterThan(300);
  await Promise.all(replies.map((reply) => reply.arrayBuffer()));
}, 120_000);
