import { describe, expect, test } from "vitest";
import { carryOut } from "../../../shared/hunts/run/handle-run-message.ts";
import { startHunt } from "../../../shared/hunts/start-hunt.ts";
import { findJob } from "../../../shared/storage/jobs.ts";
import { huntRun } from "../../../shared/contracts/hunt-run.ts";
import { hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import { huntRoom, noonMs, type HuntRoom } from "../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../support/hunt-source.ts";

const hunt = testHunt();
const day = { from: "2026-01-03T00:00:00Z", to: "2026-01-04T00:00:00Z" };

async function carryOutAll(room: HuntRoom): Promise<void> {
  const orders = room.sent.splice(0).filter(({ queue }) => queue === "hunt-runs");
  for (const { message } of orders) await carryOut(room.ports, hunt, huntRun.parse(message));
}

const jobOf = async (room: HuntRoom, key: string | undefined, asked = {}): Promise<string> => {
  const started = await startHunt(room.ports, hunt, asked, key);
  if (started.kind !== "started") throw new Error(started.kind);
  return started.job;
};

const endOf = async (room: HuntRoom, job: string): Promise<unknown> => {
  const found = await findJob(room.records, job);
  return found.kind === "ended" ? found.end.result : found.kind;
};

describe("a run that somebody asks for", () => {
  test("has a job that runs until the exports are there, and lists them", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    const job = await jobOf(room, "key");
    expect(await endOf(room, job)).toBe("running");
    await carryOutAll(room);
    expect(await endOf(room, job)).toMatchObject({
      hunt: "test-hunt",
      outcome: "done",
      rows: 1,
      exports: [{ seq: 0, rows: 1, blob: "test-hunt/v1/2026/01/04/000000000000.ndjson.gz" }],
    });
  });

  test("lists only what came after it", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs, "b"));
    await jobOf(room, "first");
    await carryOutAll(room);
    await room.clock.advance(hourMs);
    const job = await jobOf(room, "second");
    await carryOutAll(room);
    expect(await endOf(room, job)).toMatchObject({ exports: [{ seq: 1 }] });
  });

  test("under the same key is the same job; for something else it is refused", async () => {
    const room = huntRoom();
    const job = await jobOf(room, "key");
    expect(await jobOf(room, "key")).toBe(job);
    expect(await startHunt(room.ports, hunt, day, "key")).toEqual({ kind: "other-request" });
  });

  test("of a hunt that cannot run tells why", async () => {
    const room = huntRoom({
      before: () => ({ kind: "refused", cause: "query", message: "no such column" }),
    });
    const job = await jobOf(room, "key");
    await carryOutAll(room);
    expect(await endOf(room, job)).toMatchObject({ outcome: "failed", problem: "no such column" });
  });
});

describe("a backfill", () => {
  test("exports the span once more, apart from the hunt's own log", async () => {
    const room = huntRoom();
    room.source.rows.push(
      sourceRow(Date.parse("2026-01-03T12:00:00Z"), "then"),
      sourceRow(noonMs - hourMs, "now"),
    );
    const job = await jobOf(room, "key", day);
    await carryOutAll(room);
    expect(room.exports.all().map(({ path, lines }) => [path, lines.length])).toEqual([
      ["test-hunt/backfill/20260103T000000Z-20260104T000000Z/000000000000.ndjson.gz", 1],
    ]);
    expect(await endOf(room, job)).toMatchObject({ rows: 1 });
  });

  test("repeated reads nothing again", async () => {
    const room = huntRoom();
    await jobOf(room, "one", day);
    await carryOutAll(room);
    const asked = room.source.asked.length;
    const job = await jobOf(room, "two", day);
    await carryOutAll(room);
    expect(room.source.asked).toHaveLength(asked);
    expect(await endOf(room, job)).toMatchObject({ outcome: "done", windows: 1 });
  });

  test.each([
    ["that ends before it begins", { from: day.to, to: day.from }, "before"],
    [
      "of what may not be read yet",
      { from: day.from, to: new Date(noonMs - minuteMs).toISOString() },
      "lag",
    ],
    ["of what the service no longer has", { from: "2025-11-01T00:00:00Z", to: day.to }, "29 days"],
  ])("%s is refused", async (_, span, word) => {
    const started = await startHunt(huntRoom().ports, hunt, span, undefined);
    expect(started).toMatchObject({
      kind: "fault",
      message: expect.stringContaining(word) as unknown,
    });
  });
});
