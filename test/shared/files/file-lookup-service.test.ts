import { describe, expect, test } from "vitest";
import type { AskOutcome, FilesDesk } from "../../../shared/files/file-lookup-service.ts";
import { cachePath } from "../../../shared/files/cached-file.ts";
import { lookUpWidth } from "../../../shared/files/look-up.ts";
import type { FileReport } from "../../../shared/contracts/file-result.ts";
import { jobPaths } from "../../../shared/storage/jobs.ts";
import { hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import {
  fileHash,
  filesRoom,
  huntingAnswers,
  plainOptions,
  questionAbout,
  statistics,
  type FilesRoom,
} from "../../support/files-harness.ts";

const hashes = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => fileHash(from + index));

const reportOf = (outcome: AskOutcome): FileReport => {
  if (outcome.kind !== "report") throw new Error(`got ${outcome.kind}`);
  return outcome.report;
};
const jobOf = (outcome: AskOutcome): string => {
  if (outcome.kind !== "job") throw new Error(`got ${outcome.kind}`);
  return outcome.id;
};
const ask = async (room: FilesRoom, question = questionAbout([fileHash(0)])) =>
  reportOf(await room.clock.run(room.desk.ask(question)));
const finalOf = async (desk: FilesDesk, id: string): Promise<FileReport> => {
  const view = await desk.job(id);
  if (view.kind !== "ended") throw new Error(`the job is ${view.kind}`);
  return (await desk.results(view.header)).report;
};

describe("a lookup", () => {
  test("answers each hash in the order asked, with its source and time", async () => {
    const room = filesRoom({ known: (hash) => (hash === fileHash(1) ? undefined : statistics) });
    const report = await ask(room, {
      ...questionAbout(hashes(2)),
      asked: [...questionAbout(hashes(2)).asked, { hash: "../machines", kind: "invalid" }],
    });
    const unknown = {
      source: null,
      statistics: null,
      asOf: null,
      fromCache: false,
      stale: false,
      problem: null,
    };
    expect(report.results).toEqual([
      {
        ...unknown,
        hash: fileHash(0),
        sha1: fileHash(0),
        status: "found",
        source: "statistics",
        statistics,
        asOf: "2026-01-05T06:00:00.250Z",
      },
      {
        ...unknown,
        hash: fileHash(1),
        sha1: fileHash(1),
        status: "not_found",
        source: "statistics",
        asOf: "2026-01-05T06:00:00.250Z",
      },
      {
        ...unknown,
        hash: "../machines",
        sha1: null,
        status: "invalid",
        problem: expect.stringContaining("hexadecimal") as string,
      },
    ]);
    expect(report.summary).toEqual({ found: 1, notFound: 1, invalid: 1, pending: 0, failed: 0 });
  });

  test("resolves SHA-256 and MD5 through file information first", async () => {
    const room = filesRoom();
    const [sha256, md5] = [fileHash(0, "sha256"), fileHash(0, "md5")];
    const report = await ask(room, questionAbout([sha256, md5]));
    expect(report.results.map(({ status, hash }) => [status, hash])).toEqual([
      ["found", sha256],
      ["found", md5],
    ]);
    const sha1s = report.results.map(({ sha1 }) => sha1);
    expect(room.calls.map(({ what, hash }) => [what, hash])).toEqual([
      ["information", sha256],
      ["information", md5],
      ["statistics", sha1s[0]],
      ["statistics", sha1s[1]],
    ]);
    room.calls.length = 0;
    await ask(room, questionAbout([sha256]));
    expect(room.calls).toEqual([]);
  });

  test("of a SHA-256 that Defender does not know is not found, after one call", async () => {
    const room = filesRoom({ known: () => undefined });
    const report = await ask(room, questionAbout([fileHash(0, "sha256")]));
    expect(report.results[0]).toMatchObject({
      status: "not_found",
      sha1: null,
      source: "information",
    });
    expect(room.calls).toHaveLength(1);
  });

  test("merges information, and has it for the cache", async () => {
    const room = filesRoom();
    const question = questionAbout([fileHash(0)], {
      options: { ...plainOptions, information: true },
    });
    expect((await ask(room, question)).results[0]).toMatchObject({
      information: { size: 4_096, publisher: "Contoso" },
    });
    expect((await ask(room, question)).results[0]).toMatchObject({
      fromCache: true,
      information: { size: 4_096 },
    });
    expect(room.calls).toHaveLength(2);
  });

  test("judges by the thresholds given", async () => {
    const options = { ...plainOptions, thresholds: { globalCommonFrom: 1_000 } };
    const report = await ask(filesRoom(), questionAbout([fileHash(0)], { options }));
    expect(report.results[0]?.verdict).toEqual({
      value: "common",
      rule: "globalPrevalence 705012 reaches globalCommonFrom 1000",
    });
  });

  test("of nothing is an empty report", async () => {
    expect((await ask(filesRoom(), questionAbout([]))).results).toEqual([]);
  });
});

describe("the cache", () => {
  test.each([
    ["found", statistics, 6 * hourMs],
    ["not found", undefined, hourMs],
  ] as const)("serves what was %s up to its age, also after a restart", async (_, value, ageMs) => {
    const room = filesRoom({ known: () => value });
    await ask(room);
    await room.clock.advance(ageMs - minuteMs);
    expect((await ask(room)).results[0]?.fromCache).toBe(true);
    const restarted = room.restarted();
    await room.clock.run(restarted.ask(questionAbout([fileHash(0)])));
    expect(room.calls).toHaveLength(1);
    await room.clock.advance(2 * minuteMs);
    expect((await ask(room)).results[0]?.fromCache).toBe(false);
    expect(room.calls).toHaveLength(2);
  });

  test("keeps look-backs apart", async () => {
    const room = filesRoom();
    await ask(room);
    await ask(
      room,
      questionAbout([fileHash(0)], { options: { ...plainOptions, lookBackHours: 24 } }),
    );
    await ask(room);
    expect(room.calls).toHaveLength(2);
  });

  test("makes equal hashes asked at once share a call, in one instance and between two", async () => {
    const room = filesRoom({ instances: 2 });
    const questions = room.desks.flatMap((desk) =>
      Array.from({ length: 5 }, () => () => desk.ask(questionAbout(hashes(3)))),
    );
    const outcomes = await room.clock.run(Promise.all(questions.map((each) => each())));
    expect(outcomes.map((outcome) => reportOf(outcome).summary.found)).toEqual(
      Array.from({ length: 10 }, () => 3),
    );
    expect(room.calls.map(({ hash }) => hash).sort()).toEqual(hashes(3).sort());
  });

  test("that is broken is written anew", async () => {
    const room = filesRoom();
    room.records.poke(cachePath(fileHash(0)), "not JSON");
    expect((await ask(room)).summary.found).toBe(1);
    await room.clock.run(room.restarted().ask(questionAbout([fileHash(0)])));
    expect(room.calls).toHaveLength(1);
  });

  test("that is away costs calls, not answers", async () => {
    const down = {
      before: ({ path }: { path: string }) => {
        if (path.startsWith("state/files/")) throw new Error("storage is away");
      },
    };
    const room = filesRoom({ records: down });
    expect((await ask(room)).summary.found).toBe(1);
  });
});

describe("a cache that hangs", () => {
  test("holds a lookup up for seconds, not for good", async () => {
    const slow: { room?: FilesRoom } = {};
    const hang = async ({ path }: { path: string }): Promise<void> => {
      if (path.startsWith("state/files/")) await slow.room?.clock.sleep(10 * minuteMs);
    };
    const room = filesRoom({ records: { before: hang } });
    slow.room = room;
    const startMs = room.clock.now();
    expect((await ask(room, questionAbout(hashes(30)))).summary.found).toBe(30);
    expect(room.clock.now() - startMs).toBeLessThan(20_000);
  });
});

describe("when Defender is out of reach", () => {
  const outage = () => {
    const state = { down: false };
    const room = filesRoom({
      fault: () => (state.down ? { kind: "down", retryAfterMs: 40_000 } : undefined),
    });
    return { state, room };
  };

  test("an old answer is served and marked", async () => {
    const { state, room } = outage();
    await ask(room);
    state.down = true;
    await room.clock.advance(7 * hourMs);
    expect((await ask(room)).results[0]).toMatchObject({
      status: "found",
      stale: true,
      fromCache: true,
    });
  });

  test("what is unknown fails by itself beside what is known", async () => {
    const { state, room } = outage();
    await ask(room);
    state.down = true;
    const report = await ask(room, questionAbout(hashes(2)));
    expect(report.results.map(({ status }) => status)).toEqual(["found", "failed"]);
  });

  test("a lookup of which nothing is known is refused for now", async () => {
    const { state, room } = outage();
    state.down = true;
    expect(await room.clock.run(room.desk.ask(questionAbout(hashes(2))))).toEqual({
      kind: "down",
      retryAfterMs: 40_000,
    });
  });

  test("a job waits six hours for it and loses nothing", async () => {
    const state = { down: true };
    const room = filesRoom({
      fault: () => (state.down ? { kind: "down", retryAfterMs: 1_000 } : undefined),
    });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(150)))));
    void room.clock.sleep(6 * hourMs).then(() => (state.down = false));
    await room.clock.run(room.drain(1));
    expect((await finalOf(room.desk, id)).summary).toMatchObject({
      found: 150,
      failed: 0,
      pending: 0,
    });
  });

  test("a refusal is told in the result, in a job too", async () => {
    const room = filesRoom({
      fault: () => ({ kind: "refused", problem: "the permission is missing" }),
    });
    expect((await ask(room)).results[0]).toMatchObject({
      status: "failed",
      problem: "the permission is missing",
    });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(150)))));
    await room.clock.run(room.drain());
    expect((await finalOf(room.desk, id)).summary.failed).toBe(150);
  });
});

describe("a job", () => {
  test("takes what does not fit into a request, is readable at once, and ends with every answer in order", async () => {
    const room = filesRoom({ paced: true });
    const asked = hashes(250);
    const outcome = await room.clock.run(room.desk.ask(questionAbout(asked)));
    const id = jobOf(outcome);
    expect(outcome).toMatchObject({ hashes: 250, retryAfterMs: 2 * minuteMs + 2_000 });
    const view = await room.desk.job(id);
    expect(view).toMatchObject({ kind: "running", partsDone: 0 });
    if (view.kind !== "running") return;
    expect((await room.desk.results(view.header)).report.summary.pending).toBe(250);
    await room.clock.run(room.drain());
    const report = await finalOf(room.desk, id);
    expect(report.results.map(({ hash }) => hash)).toEqual(asked);
    expect(report.summary.found).toBe(250);
    expect(room.events.filter(({ kind }) => kind === "job-finished")).toHaveLength(1);
  });

  test("shows the parts that are answered while others are not", async () => {
    const room = filesRoom({ paced: true });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(250)))));
    const draining = room.drain(1);
    await room.clock.run(async () => {
      for (;;) {
        const view = await room.desk.job(id);
        if (view.kind === "running" && view.partsDone === 1) return;
        await room.clock.sleep(1_000);
      }
    });
    const view = await room.desk.job(id);
    if (view.kind !== "running") throw new Error("ended too early");
    expect((await room.desk.results(view.header)).report.summary).toMatchObject({
      found: 100,
      pending: 150,
    });
    await room.clock.run(draining);
  });

  test("is the same for a request that is repeated within ten minutes, and another one later", async () => {
    const room = filesRoom({ paced: true });
    const question = questionAbout(hashes(250));
    const outcomes = [];
    for (let time = 0; time < 4; time += 1)
      outcomes.push(jobOf(await room.clock.run(room.desk.ask(question))));
    expect(new Set(outcomes).size).toBe(1);
    await room.clock.advance(21 * minuteMs);
    expect(jobOf(await room.clock.run(room.desk.ask(question)))).not.toBe(outcomes[0]);
  });

  test("is the same for requests that race", async () => {
    const room = filesRoom({ paced: true, instances: 2 });
    const question = questionAbout(hashes(250), { idempotencyKey: "run-1" });
    const outcomes = await room.clock.run(
      Promise.all(room.desks.map((desk) => desk.ask(question))),
    );
    expect(new Set(outcomes.map(jobOf)).size).toBe(1);
    await room.clock.run(room.drain());
    expect(room.calls).toHaveLength(250);
  });

  test("belongs to one of two questions that race under one key; the other is a conflict", async () => {
    const room = filesRoom({ paced: true, instances: 2 });
    const questions = [150, 151].map((count) =>
      questionAbout(hashes(count), { idempotencyKey: "run-1" }),
    );
    const asked = room.desks.map((desk, index) => desk.ask(questions[index] ?? questionAbout([])));
    const outcomes = await room.clock.run(Promise.all(asked));
    expect(outcomes.map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b))).toEqual([
      "conflict",
      "job",
    ]);
  });

  test("is the same for its key for good, and another question under that key is a conflict", async () => {
    const room = filesRoom({ paced: true });
    const question = questionAbout(hashes(150), { idempotencyKey: "run-1" });
    const id = jobOf(await room.clock.run(room.desk.ask(question)));
    await room.clock.run(room.drain());
    await room.clock.advance(12 * hourMs);
    expect((await ask(room, question)).summary.found).toBe(150);
    expect(room.calls).toHaveLength(150);
    expect(await finalOf(room.desk, id)).toEqual(await ask(room, question));
    const other = questionAbout(hashes(151), { idempotencyKey: "run-1" });
    expect(await room.clock.run(room.desk.ask(other))).toEqual({ kind: "conflict" });
  });

  test("that is cancelled makes no further call, and keeps what is known", async () => {
    const room = filesRoom({ paced: true });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(250)))));
    const view = await room.desk.job(id);
    if (view.kind !== "running") throw new Error("not running");
    expect(await room.desk.cancel(view.header)).toBe(true);
    expect(await room.desk.cancel(view.header)).toBe(false);
    await room.clock.run(room.drain());
    expect(room.calls).toEqual([]);
    expect(await room.desk.job(id)).toMatchObject({ kind: "ended", outcome: "cancelled" });
    expect((await finalOf(room.desk, id)).summary.pending).toBe(250);
  });

  test("is gone after seven days", async () => {
    const room = filesRoom({ paced: true });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(250)))));
    await room.clock.advance(7 * 24 * hourMs);
    expect(await room.desk.job(id)).toEqual({ kind: "absent" });
  });

  test("is not affected by a message that comes twice, or for no job", async () => {
    const room = filesRoom({ paced: true });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(250)))));
    for (const part of [0, 0, 1, 7])
      await room.queues.send("file-lookups", { version: 1, job: id, part });
    await room.queues.send("file-lookups", { version: 1, job: "f".repeat(32) });
    room.queues.take("file-lookups");
    await room.clock.run(room.desk.work({ version: 1, job: id }));
    await room.clock.run(room.drain());
    expect(room.calls).toHaveLength(250);
    expect((await finalOf(room.desk, id)).summary.found).toBe(250);
  });
});

describe("a store so slow that a turn is over before the file is marked", () => {
  test.each([
    ["a mark takes longer than a turn is good for", 1_200],
    ["it sometimes does", 600],
  ])("costs no call: %s", async (_, storeMs) => {
    let writes = 0;
    const room = filesRoom({
      paced: true,
      instances: 2,
      records: {
        before: async ({ verb, path }) => {
          if (!path.startsWith("state/files/") || verb === "read") return;
          writes += 1;
          await room.clock.sleep((storeMs * (1 + (writes % 3))) / 2);
        },
      },
    });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(250)))));
    // The same message to both, as when it had become visible again.
    const message = { version: 1 as const, job: id };
    room.queues.take("file-lookups");
    await room.clock.run(Promise.all(room.desks.map((desk) => desk.work(message))));
    await room.clock.run(room.drain());
    expect((await finalOf(room.desk, id)).summary).toMatchObject({ found: 250, pending: 0 });
    expect(room.calls).toHaveLength(250);
  });
});

describe("a worker that dies", () => {
  const points = [
    "J1 input written",
    "J2 header written",
    "J3 message sent",
    "J4 message read",
    "F1 turn taken",
    "F2 marked",
    "F3 answer read",
  ];
  const later = ["F4 answer kept", "J5 part looked up", "J6 result written", "J7 part put back"];
  const died = new Error("killed here");

  test.each([...points, ...later])(
    "at '%s' leaves everything to be answered, at most the calls in flight twice",
    async (point) => {
      const state = { visits: 0, dead: false };
      const reach = async (name: string): Promise<void> => {
        if (state.dead) throw died;
        if (name !== point) return;
        state.visits += 1;
        if (state.visits < 3 && name.startsWith("F")) return;
        state.dead = true;
        throw died;
      };
      const room = filesRoom({ paced: true, reach, settings: { callsPerMinute: 50 } });
      const question = questionAbout(hashes(200));
      const first = await room.clock.run(room.desk.ask(question).catch(() => undefined));
      const messages: object[] = [];
      await room.clock.run(
        room.queues
          .drain("file-lookups", 4, async (message) => {
            if (state.dead) return void messages.push(message);
            await room.desk.work(message as never).catch(() => messages.push(message));
          })
          .catch(() => undefined),
      );
      const calledBefore = room.calls.length;
      const alive = room.restarted();
      for (const message of messages) await room.queues.send("file-lookups", message);
      const again = await room.clock.run(alive.ask(question));
      await room.clock.run(
        room.queues.drain("file-lookups", 4, (message) => alive.work(message as never)),
      );
      const id = again.kind === "job" ? again.id : undefined;
      const report = id === undefined ? reportOf(again) : await finalOf(alive, id);
      expect(report.summary).toMatchObject({ found: 200, pending: 0, failed: 0 });
      if (first?.kind === "job" && id !== undefined) expect(id).toBe(first.id);
      // 32 calls at most are in flight for each of the four messages.
      expect(room.calls.length).toBeLessThanOrEqual(200 + 4 * lookUpWidth);
      expect(calledBefore).toBeLessThanOrEqual(200);
      for (const path of room.records.paths().filter((each) => each.startsWith("state/jobs/")))
        expect(path).toMatch(/(?:input|results|job\.json|end\.json)/);
    },
  );
});

describe("the short way", () => {
  const settings = { bulkFrom: 200 };

  test("answers 10,000 hashes in 20 hunting calls and none of the file API", async () => {
    const room = filesRoom({ paced: true, settings, hunting: huntingAnswers });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(10_000)))));
    await room.clock.run(room.drain());
    const report = await finalOf(room.desk, id);
    expect(report.summary.found).toBe(10_000);
    expect(new Set(report.results.map(({ source }) => source))).toEqual(new Set(["hunting"]));
    expect([room.huntingCalls.length, room.calls.length]).toEqual([20, 0]);
    expect(
      (await ask(room, questionAbout(hashes(100, 5_000)))).results.every(
        ({ fromCache }) => fromCache,
      ),
    ).toBe(true);
  });

  test("is taken once when the request and its message are repeated, over two instances", async () => {
    const room = filesRoom({ instances: 2, settings, hunting: huntingAnswers });
    const question = questionAbout(hashes(300), { idempotencyKey: "run-1" });
    const ids = [];
    for (const desk of [...room.desks, ...room.desks])
      ids.push(jobOf(await room.clock.run(desk.ask(question))));
    await room.clock.run(room.drain());
    expect((await finalOf(room.desk, ids[0] ?? "")).summary.found).toBe(300);
    expect([new Set(ids).size, room.huntingCalls.length, room.calls.length]).toEqual([1, 2, 0]);
  });

  test("takes SHA-256s too", async () => {
    const room = filesRoom({ paced: true, settings, hunting: huntingAnswers });
    const asked = Array.from({ length: 300 }, (_, index) => fileHash(index, "sha256"));
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(asked))));
    await room.clock.run(room.drain());
    expect((await finalOf(room.desk, id)).summary.found).toBe(300);
    expect([room.huntingCalls.length, room.calls.length]).toEqual([2, 0]);
  });

  test("leaves what hunting cannot give to the file API", async () => {
    const hunting = (query: string) => {
      const answer = huntingAnswers(query);
      if (answer.kind !== "rows" || !query.includes("FileProfile")) return answer;
      return {
        ...answer,
        rows: answer.rows.map((row, at) =>
          at < 5 ? { ...row, ProfileAvailability: "Error" } : row,
        ),
      };
    };
    const room = filesRoom({ settings, hunting });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(300)))));
    await room.clock.run(room.drain());
    const report = await finalOf(room.desk, id);
    expect(room.calls).toHaveLength(5);
    expect(report.results.filter(({ source }) => source === "statistics")).toHaveLength(5);
  });

  test("halves what is too long, and remembers it", async () => {
    const hunting = (query: string) =>
      query.length > 25_000
        ? ({ kind: "rejected", message: "The query is too long." } as const)
        : huntingAnswers(query);
    const room = filesRoom({ settings, hunting });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(2_000)))));
    await room.clock.run(room.drain(1));
    expect((await finalOf(room.desk, id)).summary.found).toBe(2_000);
    expect([room.huntingCalls.length, room.calls.length]).toEqual([1 + 8, 0]);
  });

  test("is off for a day after a refusal of the function, and the file API goes on", async () => {
    const hunting = () =>
      ({ kind: "rejected", message: "Unknown function: 'FileProfile'." }) as const;
    const room = filesRoom({ settings, hunting });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(300)))));
    await room.clock.run(room.drain());
    expect((await finalOf(room.desk, id)).summary.found).toBe(300);
    expect([room.huntingCalls.length, room.calls.length]).toEqual([1, 300]);
    expect(await room.desk.shortWayOff()).toMatchObject({
      reason: "Unknown function: 'FileProfile'.",
    });
    await room.clock.run(room.desk.ask(questionAbout(hashes(300, 1_000))));
    await room.clock.run(room.drain());
    expect(room.huntingCalls).toHaveLength(1);
    await room.clock.advance(24 * hourMs);
    expect(await room.desk.shortWayOff()).toBeUndefined();
  });

  test("gives up on hunting that keeps failing", async () => {
    const room = filesRoom({ settings, hunting: () => ({ kind: "failed" }) });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(300)))));
    await room.clock.run(room.drain());
    expect((await finalOf(room.desk, id)).summary.found).toBe(300);
    expect([room.huntingCalls.length, room.calls.length]).toEqual([3, 300]);
  });

  test("tells what nobody knows from what only this organisation saw", async () => {
    const missing = (query: string) => {
      const answer = huntingAnswers(query);
      if (answer.kind !== "rows") return answer;
      if (query.includes("FileProfile"))
        return {
          ...answer,
          rows: answer.rows.map(({ SHA1 }) => ({ SHA1, ProfileAvailability: "Missing" })),
        };
      return { ...answer, rows: answer.rows.slice(0, 1) };
    };
    const room = filesRoom({ settings, hunting: missing });
    const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(300)))));
    await room.clock.run(room.drain());
    const report = await finalOf(room.desk, id);
    expect(report.summary).toMatchObject({ found: 1, notFound: 299 });
    expect(report.results[0]?.statistics).toMatchObject({
      organizationPrevalence: 3,
      globalPrevalence: null,
    });
  });
});

test("no record of a job holds more than a part", async () => {
  const room = filesRoom({ paced: true, settings: { bulkFrom: 200 }, hunting: huntingAnswers });
  const id = jobOf(await room.clock.run(room.desk.ask(questionAbout(hashes(3_000)))));
  await room.clock.run(room.drain());
  const paths = room.records.paths().filter((path) => path.startsWith(jobPaths.results(id)));
  expect(paths).toHaveLength(3);
});
