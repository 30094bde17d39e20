import { describe, expect, test } from "vitest";
import type { LookupOutcome } from "../../../shared/files/answer-lookup.ts";
import type { FileLookupService } from "../../../shared/files/file-lookup-service.ts";
import { cachePath } from "../../../shared/files/cached-file.ts";
import { maxParallelLookups } from "../../../shared/files/hash-lookup.ts";
import type { FileReport } from "../../../shared/contracts/file-result.ts";
import { jobPaths } from "../../../shared/storage/jobs.ts";
import { hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import {
  fileHash,
  filesHarness,
  answerHunting,
  plainOptions,
  requestFor,
  statistics,
  type FilesHarness,
} from "../../support/files-harness.ts";

const createHashes = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => fileHash(from + index));

const expectReport = (outcome: LookupOutcome): FileReport => {
  if (outcome.kind !== "report") throw new Error(`got ${outcome.kind}`);
  return outcome.report;
};
const expectJobId = (outcome: LookupOutcome): string => {
  if (outcome.kind !== "job") throw new Error(`got ${outcome.kind}`);
  return outcome.id;
};
const lookUpFiles = async (harness: FilesHarness, request = requestFor([fileHash(0)])) =>
  expectReport(await harness.clock.run(harness.service.lookUpFiles(request)));
const readFinalReport = async (service: FileLookupService, id: string): Promise<FileReport> => {
  const view = await service.readJob(id);
  if (view.kind !== "ended") throw new Error(`the job is ${view.kind}`);
  return (await service.readReport(view.header)).report;
};

describe("a lookup", () => {
  test("answers each hash in the order of the request, with its source and time", async () => {
    const harness = filesHarness({
      findStatistics: (hash) => (hash === fileHash(1) ? undefined : statistics),
    });
    const report = await lookUpFiles(harness, {
      ...requestFor(createHashes(2)),
      requested: [
        ...requestFor(createHashes(2)).requested,
        { hash: "../machines", kind: "invalid" },
      ],
    });
    const emptyFields = {
      source: null,
      statistics: null,
      asOf: null,
      fromCache: false,
      stale: false,
      problem: null,
    };
    expect(report.results).toEqual([
      {
        ...emptyFields,
        hash: fileHash(0),
        sha1: fileHash(0),
        status: "found",
        source: "statistics",
        statistics,
        asOf: "2026-01-05T06:00:00.250Z",
      },
      {
        ...emptyFields,
        hash: fileHash(1),
        sha1: fileHash(1),
        status: "notFound",
        source: "statistics",
        asOf: "2026-01-05T06:00:00.250Z",
      },
      {
        ...emptyFields,
        hash: "../machines",
        sha1: null,
        status: "invalid",
        problem: expect.stringContaining("hexadecimal") as string,
      },
    ]);
    expect(report.summary).toEqual({ found: 1, notFound: 1, invalid: 1, pending: 0, failed: 0 });
  });

  test("resolves SHA-256 and MD5 through file information first", async () => {
    const harness = filesHarness();
    const [sha256, md5] = [fileHash(0, "sha256"), fileHash(0, "md5")];
    const report = await lookUpFiles(harness, requestFor([sha256, md5]));
    expect(report.results.map(({ status, hash }) => [status, hash])).toEqual([
      ["found", sha256],
      ["found", md5],
    ]);
    const sha1s = report.results.map(({ sha1 }) => sha1);
    expect(harness.calls.map(({ api: what, hash }) => [what, hash])).toEqual([
      ["information", sha256],
      ["information", md5],
      ["statistics", sha1s[0]],
      ["statistics", sha1s[1]],
    ]);
    harness.calls.length = 0;
    await lookUpFiles(harness, requestFor([sha256]));
    expect(harness.calls).toEqual([]);
  });

  test("reports a SHA-256 that Defender does not know as notFound after one call", async () => {
    const harness = filesHarness({ findStatistics: () => undefined });
    const report = await lookUpFiles(harness, requestFor([fileHash(0, "sha256")]));
    expect(report.results[0]).toMatchObject({
      status: "notFound",
      sha1: null,
      source: "information",
    });
    expect(harness.calls).toHaveLength(1);
  });

  test("merges file information and caches it", async () => {
    const harness = filesHarness();
    const request = requestFor([fileHash(0)], {
      options: { ...plainOptions, information: true },
    });
    expect((await lookUpFiles(harness, request)).results[0]).toMatchObject({
      information: { size: 4_096, publisher: "Contoso" },
    });
    expect((await lookUpFiles(harness, request)).results[0]).toMatchObject({
      fromCache: true,
      information: { size: 4_096 },
    });
    expect(harness.calls).toHaveLength(2);
  });

  test("judges by the thresholds of the request", async () => {
    const options = { ...plainOptions, thresholds: { globalCommonFrom: 1_000 } };
    const report = await lookUpFiles(filesHarness(), requestFor([fileHash(0)], { options }));
    expect(report.results[0]?.verdict).toEqual({
      value: "common",
      rule: "globalPrevalence 705012 reaches globalCommonFrom 1000",
    });
  });

  test("answers a request without hashes with an empty report", async () => {
    expect((await lookUpFiles(filesHarness(), requestFor([]))).results).toEqual([]);
  });
});

describe("the cache", () => {
  test.each([
    ["found", statistics, 6 * hourMs],
    ["not found", undefined, hourMs],
  ] as const)(
    "serves a file that was %s up to its age, also after a restart",
    async (_, value, ageMs) => {
      const harness = filesHarness({ findStatistics: () => value });
      await lookUpFiles(harness);
      await harness.clock.advance(ageMs - minuteMs);
      expect((await lookUpFiles(harness)).results[0]?.fromCache).toBe(true);
      const restartedService = harness.restart();
      await harness.clock.run(restartedService.lookUpFiles(requestFor([fileHash(0)])));
      expect(harness.calls).toHaveLength(1);
      await harness.clock.advance(2 * minuteMs);
      expect((await lookUpFiles(harness)).results[0]?.fromCache).toBe(false);
      expect(harness.calls).toHaveLength(2);
    },
  );

  test("stores each look-back separately", async () => {
    const harness = filesHarness();
    await lookUpFiles(harness);
    await lookUpFiles(
      harness,
      requestFor([fileHash(0)], { options: { ...plainOptions, lookBackHours: 24 } }),
    );
    await lookUpFiles(harness);
    expect(harness.calls).toHaveLength(2);
  });

  test("lets equal hashes share a call, in one instance and between two", async () => {
    const harness = filesHarness({ instances: 2 });
    const lookups = harness.services.flatMap((service) =>
      Array.from({ length: 5 }, () => () => service.lookUpFiles(requestFor(createHashes(3)))),
    );
    const outcomes = await harness.clock.run(Promise.all(lookups.map((each) => each())));
    expect(outcomes.map((outcome) => expectReport(outcome).summary.found)).toEqual(
      Array.from({ length: 10 }, () => 3),
    );
    expect(harness.calls.map(({ hash }) => hash).sort()).toEqual(createHashes(3).sort());
  });

  test("replaces a record that is not JSON", async () => {
    const harness = filesHarness();
    harness.records.poke(cachePath(fileHash(0)), "not JSON");
    expect((await lookUpFiles(harness)).summary.found).toBe(1);
    await harness.clock.run(harness.restart().lookUpFiles(requestFor([fileHash(0)])));
    expect(harness.calls).toHaveLength(1);
  });

  test("gives every answer while its store fails", async () => {
    const down = {
      before: ({ path }: { path: string }) => {
        if (path.startsWith("state/files/")) throw new Error("storage is away");
      },
    };
    const harness = filesHarness({ records: down });
    expect((await lookUpFiles(harness)).summary.found).toBe(1);
  });
});

describe("a cache that hangs", () => {
  test("delays a lookup by seconds at most", async () => {
    const store: { harness?: FilesHarness } = {};
    const hangStore = async ({ path }: { path: string }): Promise<void> => {
      if (path.startsWith("state/files/")) await store.harness?.clock.sleep(10 * minuteMs);
    };
    const harness = filesHarness({ records: { before: hangStore } });
    store.harness = harness;
    const startMs = harness.clock.now();
    expect((await lookUpFiles(harness, requestFor(createHashes(30)))).summary.found).toBe(30);
    expect(harness.clock.now() - startMs).toBeLessThan(20_000);
  });
});

describe("when Defender is out of reach", () => {
  const createOutage = () => {
    const state = { down: false };
    const harness = filesHarness({
      fault: () => (state.down ? { kind: "down", retryAfterMs: 40_000 } : undefined),
    });
    return { state, harness };
  };

  test("a lookup serves an old answer and marks it as stale", async () => {
    const { state, harness } = createOutage();
    await lookUpFiles(harness);
    state.down = true;
    await harness.clock.advance(7 * hourMs);
    expect((await lookUpFiles(harness)).results[0]).toMatchObject({
      status: "found",
      stale: true,
      fromCache: true,
    });
  });

  test("an unknown hash fails and a cached one is found", async () => {
    const { state, harness } = createOutage();
    await lookUpFiles(harness);
    state.down = true;
    const report = await lookUpFiles(harness, requestFor(createHashes(2)));
    expect(report.results.map(({ status }) => status)).toEqual(["found", "failed"]);
  });

  test("a lookup of unknown hashes is refused with a pause", async () => {
    const { state, harness } = createOutage();
    state.down = true;
    expect(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(2)))),
    ).toEqual({
      kind: "down",
      retryAfterMs: 40_000,
    });
  });

  test("a job waits six hours and then answers every hash", async () => {
    const state = { down: true };
    const harness = filesHarness({
      fault: () => (state.down ? { kind: "down", retryAfterMs: 1_000 } : undefined),
    });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(150)))),
    );
    void harness.clock.sleep(6 * hourMs).then(() => (state.down = false));
    await harness.clock.run(harness.drainQueue(1));
    expect((await readFinalReport(harness.service, id)).summary).toMatchObject({
      found: 150,
      failed: 0,
      pending: 0,
    });
  });

  test("a refusal is stated in the result, also in a job", async () => {
    const harness = filesHarness({
      fault: () => ({ kind: "refused", problem: "the permission is missing" }),
    });
    expect((await lookUpFiles(harness)).results[0]).toMatchObject({
      status: "failed",
      problem: "the permission is missing",
    });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(150)))),
    );
    await harness.clock.run(harness.drainQueue());
    expect((await readFinalReport(harness.service, id)).summary.failed).toBe(150);
  });
});

describe("a job", () => {
  test("answers hashes that do not fit into a request, in their order, and shows them as pending before", async () => {
    const harness = filesHarness({ isPaced: true });
    const hashes = createHashes(250);
    const outcome = await harness.clock.run(harness.service.lookUpFiles(requestFor(hashes)));
    const id = expectJobId(outcome);
    expect(outcome).toMatchObject({ hashes: 250, retryAfterMs: 2 * minuteMs + 2_000 });
    const view = await harness.service.readJob(id);
    expect(view).toMatchObject({ kind: "running", partsDone: 0 });
    if (view.kind !== "running") return;
    expect((await harness.service.readReport(view.header)).report.summary.pending).toBe(250);
    await harness.clock.run(harness.drainQueue());
    const report = await readFinalReport(harness.service, id);
    expect(report.results.map(({ hash }) => hash)).toEqual(hashes);
    expect(report.summary.found).toBe(250);
    expect(harness.events.filter(({ kind }) => kind === "job-finished")).toHaveLength(1);
  });

  test("shows answered parts while others are pending", async () => {
    const harness = filesHarness({ isPaced: true });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(250)))),
    );
    const draining = harness.drainQueue(1);
    await harness.clock.run(async () => {
      for (;;) {
        const view = await harness.service.readJob(id);
        if (view.kind === "running" && view.partsDone === 1) return;
        await harness.clock.sleep(1_000);
      }
    });
    const view = await harness.service.readJob(id);
    if (view.kind !== "running") throw new Error("ended too early");
    expect((await harness.service.readReport(view.header)).report.summary).toMatchObject({
      found: 100,
      pending: 150,
    });
    await harness.clock.run(draining);
  });

  test("is the same for a request that is repeated within ten minutes, and a new one later", async () => {
    const harness = filesHarness({ isPaced: true });
    const request = requestFor(createHashes(250));
    const outcomes = [];
    for (let time = 0; time < 4; time += 1)
      outcomes.push(expectJobId(await harness.clock.run(harness.service.lookUpFiles(request))));
    expect(new Set(outcomes).size).toBe(1);
    await harness.clock.advance(21 * minuteMs);
    expect(expectJobId(await harness.clock.run(harness.service.lookUpFiles(request)))).not.toBe(
      outcomes[0],
    );
  });

  test("is the same for requests that race", async () => {
    const harness = filesHarness({ isPaced: true, instances: 2 });
    const request = requestFor(createHashes(250), { idempotencyKey: "run-1" });
    const outcomes = await harness.clock.run(
      Promise.all(harness.services.map((service) => service.lookUpFiles(request))),
    );
    expect(new Set(outcomes.map(expectJobId)).size).toBe(1);
    await harness.clock.run(harness.drainQueue());
    expect(harness.calls).toHaveLength(250);
  });

  test("belongs to one of two requests that race under one key; the other is a conflict", async () => {
    const harness = filesHarness({ isPaced: true, instances: 2 });
    const requests = [150, 151].map((count) =>
      requestFor(createHashes(count), { idempotencyKey: "run-1" }),
    );
    const lookups = harness.services.map((service, index) =>
      service.lookUpFiles(requests[index] ?? requestFor([])),
    );
    const outcomes = await harness.clock.run(Promise.all(lookups));
    expect(outcomes.map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b))).toEqual([
      "conflict",
      "job",
    ]);
  });

  test("is the same for its key for days, and another request under that key is a conflict", async () => {
    const harness = filesHarness({ isPaced: true });
    const request = requestFor(createHashes(150), { idempotencyKey: "run-1" });
    const id = expectJobId(await harness.clock.run(harness.service.lookUpFiles(request)));
    await harness.clock.run(harness.drainQueue());
    await harness.clock.advance(12 * hourMs);
    expect((await lookUpFiles(harness, request)).summary.found).toBe(150);
    expect(harness.calls).toHaveLength(150);
    expect(await readFinalReport(harness.service, id)).toEqual(await lookUpFiles(harness, request));
    const otherRequest = requestFor(createHashes(151), { idempotencyKey: "run-1" });
    expect(await harness.clock.run(harness.service.lookUpFiles(otherRequest))).toEqual({
      kind: "conflict",
    });
  });

  test("makes no further call after it is canceled, and keeps its results", async () => {
    const harness = filesHarness({ isPaced: true });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(250)))),
    );
    const view = await harness.service.readJob(id);
    if (view.kind !== "running") throw new Error("not running");
    expect(await harness.service.cancelJob(view.header)).toBe(true);
    expect(await harness.service.cancelJob(view.header)).toBe(false);
    await harness.clock.run(harness.drainQueue());
    expect(harness.calls).toEqual([]);
    expect(await harness.service.readJob(id)).toMatchObject({
      kind: "ended",
      status: "canceled",
    });
    expect((await readFinalReport(harness.service, id)).summary.pending).toBe(250);
  });

  test("is absent after seven days", async () => {
    const harness = filesHarness({ isPaced: true });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(250)))),
    );
    await harness.clock.advance(7 * 24 * hourMs);
    expect(await harness.service.readJob(id)).toEqual({ kind: "absent" });
  });

  test("ignores a message that comes twice or names no job", async () => {
    const harness = filesHarness({ isPaced: true });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(250)))),
    );
    for (const part of [0, 0, 1, 7])
      await harness.queues.send("file-lookups", { version: 1, job: id, part });
    await harness.queues.send("file-lookups", { version: 1, job: "f".repeat(32) });
    harness.queues.takeNext("file-lookups");
    await harness.clock.run(harness.service.handleMessage({ version: 1, job: id }));
    await harness.clock.run(harness.drainQueue());
    expect(harness.calls).toHaveLength(250);
    expect((await readFinalReport(harness.service, id)).summary.found).toBe(250);
  });
});

describe("a store so slow that a permit expires before the lease is acquired", () => {
  test.each([
    ["every write takes longer than a permit is usable", 1_200],
    ["some writes do", 600],
  ])("causes no additional call when %s", async (_, storeMs) => {
    let writes = 0;
    const harness = filesHarness({
      isPaced: true,
      instances: 2,
      records: {
        before: async ({ verb, path }) => {
          if (!path.startsWith("state/files/") || verb === "read") return;
          writes += 1;
          await harness.clock.sleep((storeMs * (1 + (writes % 3))) / 2);
        },
      },
    });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(250)))),
    );
    // Both instances receive the message, as when it becomes visible again.
    const message = { version: 1 as const, job: id };
    harness.queues.takeNext("file-lookups");
    await harness.clock.run(
      Promise.all(harness.services.map((service) => service.handleMessage(message))),
    );
    await harness.clock.run(harness.drainQueue());
    expect((await readFinalReport(harness.service, id)).summary).toMatchObject({
      found: 250,
      pending: 0,
    });
    expect(harness.calls).toHaveLength(250);
  });
});

describe("a worker that crashes", () => {
  const failpoints = [
    "J1 input written",
    "J2 header written",
    "J3 message sent",
    "J4 message read",
    "F1 permit acquired",
    "F2 lease acquired",
    "F3 answer read",
  ];
  const laterFailpoints = [
    "F4 answer stored",
    "J5 part looked up",
    "J6 result written",
    "J7 part requeued",
  ];
  const deathError = new Error("killed here");

  test.each([...failpoints, ...laterFailpoints])(
    "at '%s' loses no answer and repeats at most the calls in progress",
    async (failpoint) => {
      const state = { visits: 0, dead: false };
      const killAtFailpoint = async (name: string): Promise<void> => {
        if (state.dead) throw deathError;
        if (name !== failpoint) return;
        state.visits += 1;
        if (state.visits < 3 && name.startsWith("F")) return;
        state.dead = true;
        throw deathError;
      };
      const harness = filesHarness({
        isPaced: true,
        failpoint: killAtFailpoint,
        settings: { callsPerMinute: 50 },
      });
      const request = requestFor(createHashes(200));
      const firstOutcome = await harness.clock.run(
        harness.service.lookUpFiles(request).catch(() => undefined),
      );
      const messages: object[] = [];
      await harness.clock.run(
        harness.queues
          .drain("file-lookups", 4, async (message) => {
            if (state.dead) return void messages.push(message);
            await harness.service
              .handleMessage(message as never)
              .catch(() => messages.push(message));
          })
          .catch(() => undefined),
      );
      const calledBefore = harness.calls.length;
      const restartedService = harness.restart();
      for (const message of messages) await harness.queues.send("file-lookups", message);
      const repeatedOutcome = await harness.clock.run(restartedService.lookUpFiles(request));
      await harness.clock.run(
        harness.queues.drain("file-lookups", 4, (message) =>
          restartedService.handleMessage(message as never),
        ),
      );
      const id = repeatedOutcome.kind === "job" ? repeatedOutcome.id : undefined;
      const report =
        id === undefined
          ? expectReport(repeatedOutcome)
          : await readFinalReport(restartedService, id);
      expect(report.summary).toMatchObject({ found: 200, pending: 0, failed: 0 });
      if (firstOutcome?.kind === "job" && id !== undefined) expect(id).toBe(firstOutcome.id);
      // 32 calls at most are in flight for each of the four messages.
      expect(harness.calls.length).toBeLessThanOrEqual(200 + 4 * maxParallelLookups);
      expect(calledBefore).toBeLessThanOrEqual(200);
      for (const path of harness.records.paths().filter((each) => each.startsWith("state/jobs/")))
        expect(path).toMatch(/(?:input|results|job\.json|end\.json)/);
    },
  );
});

describe("the bulk path", () => {
  const settings = { bulkThreshold: 200 };

  test("answers 10,000 hashes in 20 hunting calls and none of the file API", async () => {
    const harness = filesHarness({ isPaced: true, settings, hunting: answerHunting });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(10_000)))),
    );
    await harness.clock.run(harness.drainQueue());
    const report = await readFinalReport(harness.service, id);
    expect(report.summary.found).toBe(10_000);
    expect(new Set(report.results.map(({ source }) => source))).toEqual(new Set(["hunting"]));
    expect([harness.huntingCalls.length, harness.calls.length]).toEqual([20, 0]);
    expect(
      (await lookUpFiles(harness, requestFor(createHashes(100, 5_000)))).results.every(
        ({ fromCache }) => fromCache,
      ),
    ).toBe(true);
  });

  test("runs once when the request and its message are repeated on two instances", async () => {
    const harness = filesHarness({ instances: 2, settings, hunting: answerHunting });
    const request = requestFor(createHashes(300), { idempotencyKey: "run-1" });
    const ids = [];
    for (const service of [...harness.services, ...harness.services])
      ids.push(expectJobId(await harness.clock.run(service.lookUpFiles(request))));
    await harness.clock.run(harness.drainQueue());
    expect((await readFinalReport(harness.service, ids[0] ?? "")).summary.found).toBe(300);
    expect([new Set(ids).size, harness.huntingCalls.length, harness.calls.length]).toEqual([
      1, 2, 0,
    ]);
  });

  test("answers SHA-256s too", async () => {
    const harness = filesHarness({ isPaced: true, settings, hunting: answerHunting });
    const hashes = Array.from({ length: 300 }, (_, index) => fileHash(index, "sha256"));
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(hashes))),
    );
    await harness.clock.run(harness.drainQueue());
    expect((await readFinalReport(harness.service, id)).summary.found).toBe(300);
    expect([harness.huntingCalls.length, harness.calls.length]).toEqual([2, 0]);
  });

  test("leaves hashes that hunting cannot answer to the file API", async () => {
    const answerQuery = (query: string) => {
      const answer = answerHunting(query);
      if (answer.kind !== "rows" || !query.includes("FileProfile")) return answer;
      return {
        ...answer,
        rows: answer.rows.map((row, at) =>
          at < 5 ? { ...row, ProfileAvailability: "Error" } : row,
        ),
      };
    };
    const harness = filesHarness({ settings, hunting: answerQuery });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(300)))),
    );
    await harness.clock.run(harness.drainQueue());
    const report = await readFinalReport(harness.service, id);
    expect(harness.calls).toHaveLength(5);
    expect(report.results.filter(({ source }) => source === "statistics")).toHaveLength(5);
  });

  test("halves a query that is too long, and remembers the size", async () => {
    const answerQuery = (query: string) =>
      query.length > 25_000
        ? ({ kind: "rejected", message: "The query is too long." } as const)
        : answerHunting(query);
    const harness = filesHarness({ settings, hunting: answerQuery });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(2_000)))),
    );
    await harness.clock.run(harness.drainQueue(1));
    expect((await readFinalReport(harness.service, id)).summary.found).toBe(2_000);
    expect([harness.huntingCalls.length, harness.calls.length]).toEqual([1 + 8, 0]);
  });

  test("is disabled for a day after a refusal of the function, and the file API answers", async () => {
    const answerQuery = () =>
      ({ kind: "rejected", message: "Unknown function: 'FileProfile'." }) as const;
    const harness = filesHarness({ settings, hunting: answerQuery });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(300)))),
    );
    await harness.clock.run(harness.drainQueue());
    expect((await readFinalReport(harness.service, id)).summary.found).toBe(300);
    expect([harness.huntingCalls.length, harness.calls.length]).toEqual([1, 300]);
    expect(await harness.service.bulkDisabled()).toMatchObject({
      reason: "Unknown function: 'FileProfile'.",
    });
    await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(300, 1_000))));
    await harness.clock.run(harness.drainQueue());
    expect(harness.huntingCalls).toHaveLength(1);
    await harness.clock.advance(24 * hourMs);
    expect(await harness.service.bulkDisabled()).toBeUndefined();
  });

  test("gives up on hunting that keeps failing", async () => {
    const harness = filesHarness({ settings, hunting: () => ({ kind: "failed" }) });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(300)))),
    );
    await harness.clock.run(harness.drainQueue());
    expect((await readFinalReport(harness.service, id)).summary.found).toBe(300);
    expect([harness.huntingCalls.length, harness.calls.length]).toEqual([3, 300]);
  });

  test("distinguishes unknown files from files that only this organization saw", async () => {
    const answerMissing = (query: string) => {
      const answer = answerHunting(query);
      if (answer.kind !== "rows") return answer;
      if (query.includes("FileProfile"))
        return {
          ...answer,
          rows: answer.rows.map(({ SHA1 }) => ({ SHA1, ProfileAvailability: "Missing" })),
        };
      return { ...answer, rows: answer.rows.slice(0, 1) };
    };
    const harness = filesHarness({ settings, hunting: answerMissing });
    const id = expectJobId(
      await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(300)))),
    );
    await harness.clock.run(harness.drainQueue());
    const report = await readFinalReport(harness.service, id);
    expect(report.summary).toMatchObject({ found: 1, notFound: 299 });
    expect(report.results[0]?.statistics).toMatchObject({
      organizationPrevalence: 3,
      globalPrevalence: null,
    });
  });
});

test("a job stores one record per part", async () => {
  const harness = filesHarness({
    isPaced: true,
    settings: { bulkThreshold: 200 },
    hunting: answerHunting,
  });
  const id = expectJobId(
    await harness.clock.run(harness.service.lookUpFiles(requestFor(createHashes(3_000)))),
  );
  await harness.clock.run(harness.drainQueue());
  const paths = harness.records.paths().filter((path) => path.startsWith(jobPaths.results(id)));
  expect(paths).toHaveLength(3);
});
