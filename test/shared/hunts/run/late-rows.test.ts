import { describe, expect, test } from "vitest";
import { carryOut } from "../../../../shared/hunts/run/handle-run-message.ts";
import { hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import {
  exportedLines,
  huntRoom,
  noonMs,
  orderNow,
  type HuntRoom,
} from "../../../support/hunt-harness.ts";
import { lineOf, sourceRow, testHunt } from "../../../support/hunt-source.ts";

const hunt = testHunt();
const run = (room: HuntRoom, of = hunt): Promise<string> =>
  carryOut(room.ports, of, orderNow(room));

/** A room whose first window holds rows `a` and `b`. */
async function withWindow(options: Parameters<typeof huntRoom>[0] = {}): Promise<HuntRoom> {
  const room = huntRoom(options);
  room.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs - hourMs, "b"));
  await run(room);
  return room;
}

const arrive = (room: HuntRoom, atMs: number, id: string): void =>
  void room.source.rows.push({ ...sourceRow(atMs, id), arrivesMs: room.clock.now() });

const latePaths = (room: HuntRoom): string[] =>
  room.exports
    .all()
    .map(({ path }) => path)
    .filter((path) => path.includes("/late/"));

describe("late rows", () => {
  test("are exported by the next run, and announced", async () => {
    const room = await withWindow();
    arrive(room, noonMs - hourMs, "late");
    await room.clock.advance(hourMs);
    await run(room);
    expect(latePaths(room)).toEqual(["test-hunt/v1/late/000000000000.ndjson.gz"]);
    expect(exportedLines(room)).toEqual(
      ["a", "b", "late"].map((id) => lineOf(sourceRow(noonMs - hourMs, id))),
    );
    expect(room.sent.map(({ message }) => message)).toContainEqual(
      expect.objectContaining({ kind: "late", seq: 0, rows: 1 }),
    );
    expect(room.told).toContainEqual(expect.objectContaining({ event: "hunt.late" }));
  });

  test("cost one count while nothing is late", async () => {
    const room = await withWindow();
    const before = room.source.asked.length;
    await room.clock.advance(hourMs);
    await run(room);
    const asked = room.source.asked.slice(before);
    expect(asked.filter((query) => query.endsWith("| count"))).toHaveLength(1);
    expect(asked).toHaveLength(2);
  });

  test("equal to an exported row are one more row", async () => {
    const room = await withWindow();
    arrive(room, noonMs - hourMs, "a");
    await room.clock.advance(hourMs);
    await run(room);
    expect(exportedLines(room).filter((line) => line.includes('"a"'))).toHaveLength(2);
  });

  test("are found once only, and again when more come", async () => {
    const room = await withWindow();
    for (const id of ["late-1", "late-2"]) {
      arrive(room, noonMs - hourMs, id);
      for (let twice = 0; twice < 2; twice += 1) {
        await room.clock.advance(30 * minuteMs);
        await run(room);
      }
    }
    expect(latePaths(room)).toHaveLength(2);
    expect(exportedLines(room)).toHaveLength(4);
  });

  test("of a window that has settled are not looked for", async () => {
    const room = await withWindow();
    await room.clock.advance(6 * hourMs);
    arrive(room, noonMs - hourMs, "late");
    await run(room);
    expect(latePaths(room)).toEqual([]);
  });

  test("that make a window larger than one result are read in shards", async () => {
    const room = await withWindow({ cap: 5 });
    for (let index = 0; index < 12; index += 1) arrive(room, noonMs - hourMs, `late-${index}`);
    await room.clock.advance(hourMs);
    await run(room);
    expect(exportedLines(room)).toHaveLength(14);
  });

  test("are counted within the hunt's own predicates", async () => {
    const narrow = testHunt({ widestMs: hourMs, lookBackMs: 3 * hourMs });
    const room = huntRoom();
    room.source.rows.push(
      sourceRow(noonMs - 30 * minuteMs, "a"),
      sourceRow(noonMs - 90 * minuteMs, "b"),
    );
    await run(room, narrow);
    arrive(room, noonMs - 90 * minuteMs, "late");
    await room.clock.advance(hourMs);
    await run(room, narrow);
    expect(exportedLines(room)).toHaveLength(3);
    for (const query of room.source.asked) {
      const [from = "", to = ""] = [...query.matchAll(/datetime\(([^)]+)\)/g)].map(
        ([, text = ""]) => text,
      );
      expect(Date.parse(to) - Date.parse(from)).toBeLessThanOrEqual(hourMs);
    }
  });

  test("that cannot be told apart are shown, and the hunt goes on", async () => {
    const room = await withWindow();
    const { rows } = room.ports.exports;
    room.ports = {
      ...room.ports,
      exports: {
        ...room.ports.exports,
        rows: async (...parts) => (await rows(...parts)).map((row) => row.replace("Id", "Other")),
      },
    };
    arrive(room, noonMs - hourMs, "late");
    room.source.rows.push(sourceRow(noonMs, "next"));
    await room.clock.advance(hourMs);
    expect(await run(room)).toBe("done");
    expect(latePaths(room)).toEqual([]);
    expect(room.records.peek("state/hunts/test-hunt/status.json")).toContain("read differently");
    expect(exportedLines(room)).toContain(lineOf(sourceRow(noonMs, "next")));
  });
});
