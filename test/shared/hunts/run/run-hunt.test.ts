import { describe, expect, test } from "vitest";
import { carryOut } from "../../../../shared/hunts/run/handle-run-message.ts";
import { chainHash } from "../../../../shared/hunts/log/metadata.ts";
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

const runNow = (room: HuntRoom, of = hunt): Promise<string> =>
  carryOut(room.ports, of, orderNow(room));

const windows = (room: HuntRoom): string[] =>
  room.exports
    .all()
    .map(
      ({ path, metadata: { from, to, rows } }) =>
        `${path} ${from.slice(0, 16)} ${to.slice(0, 16)} ${rows}`,
    );

describe("a first run", () => {
  test("exports the look-back in one window with one call", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs - 5 * hourMs, "b"));
    expect(await runNow(room)).toBe("done");
    expect(windows(room)).toEqual([
      "test-hunt/v1/2026/01/04/000000000000.ndjson.gz 2026-01-04T11:45 2026-01-05T11:45 2",
    ]);
    expect(room.source.asked).toHaveLength(1);
  });

  test("leaves rows younger than the lag for later", async () => {
    const room = huntRoom();
    room.source.rows.push(
      sourceRow(noonMs - 16 * minuteMs, "old"),
      sourceRow(noonMs - 14 * minuteMs, "young"),
    );
    await runNow(room);
    expect(exportedLines(room)).toEqual([lineOf(sourceRow(noonMs - 16 * minuteMs, "old"))]);
  });

  test("announces the export with a link to the portal", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    await runNow(room);
    expect(room.sent.filter(({ queue }) => queue === "hunt-results")).toMatchObject([
      {
        message: {
          hunt: "test-hunt",
          kind: "window",
          seq: 0,
          rows: 1,
          blob: "test-hunt/v1/2026/01/04/000000000000.ndjson.gz",
        },
      },
    ]);
  });
});

describe("the next run", () => {
  test("begins where the last window ends", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs + 10 * minuteMs, "b"));
    await runNow(room);
    await room.clock.advance(hourMs);
    await runNow(room);
    expect(windows(room)).toEqual([
      "test-hunt/v1/2026/01/04/000000000000.ndjson.gz 2026-01-04T11:45 2026-01-05T11:45 1",
      "test-hunt/v1/2026/01/05/000000000001.ndjson.gz 2026-01-05T11:45 2026-01-05T12:45 1",
    ]);
    const [first, second] = room.exports.all();
    expect(second?.metadata.prev).toBe(first && chainHash(first.metadata));
  });

  test("announces nothing twice", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    await runNow(room);
    await room.clock.advance(hourMs);
    await runNow(room);
    expect(room.sent.filter(({ queue }) => queue === "hunt-results")).toHaveLength(1);
  });

  test("finds its place without the cache", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs + 10 * minuteMs, "b"));
    await runNow(room);
    room.records.poke("state/hunts/test-hunt/head.json", undefined);
    await room.clock.advance(hourMs);
    await runNow(room);
    expect(room.exports.all().map(({ metadata }) => metadata.seq)).toEqual([0, 1]);
  });

  test("takes a broken cache for a lost one", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs + 10 * minuteMs, "b"));
    await runNow(room);
    room.records.poke("state/hunts/test-hunt/head.json", '{"head":');
    await room.clock.advance(hourMs);
    await runNow(room);
    expect(room.exports.all().map(({ metadata }) => metadata.seq)).toEqual([0, 1]);
    expect(room.records.peek("state/hunts/test-hunt/head.json")).toContain("000000000001");
  });

  test("a repeated order is a no-op", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    const order = orderNow(room);
    await carryOut(room.ports, hunt, order);
    const calls = room.source.asked.length;
    expect(await carryOut(room.ports, hunt, order)).toBe("done");
    expect(room.source.asked).toHaveLength(calls);
  });
});

describe("windows without rows", () => {
  test("are committed only every six hours, and say until then how far nothing was found", async () => {
    const room = huntRoom();
    await runNow(room);
    for (let hour = 1; hour <= 24; hour += 1) {
      await room.clock.advance(hourMs);
      await runNow(room);
    }
    expect(room.exports.all().map(({ metadata }) => metadata.rows)).toEqual([0, 0, 0, 0, 0]);
  });

  test("what came late into an empty span is in the next window", async () => {
    const room = huntRoom();
    await runNow(room);
    room.source.rows.push(sourceRow(noonMs + 10 * minuteMs, "late", 80 * minuteMs));
    await room.clock.advance(hourMs);
    await runNow(room);
    expect(exportedLines(room)).toEqual([]);
    await room.clock.advance(hourMs);
    await runNow(room);
    expect(exportedLines(room)).toHaveLength(1);
  });

  test("narrow predicates go on where emptiness was proven, without an export an hour", async () => {
    const room = huntRoom();
    const narrow = testHunt({ widestMs: hourMs, lookBackMs: hourMs });
    await runNow(room, narrow);
    for (let hour = 1; hour <= 12; hour += 1) {
      await room.clock.advance(hourMs);
      await runNow(room, narrow);
    }
    expect(room.exports.all().length).toBeLessThanOrEqual(2);
    for (const query of room.source.asked) {
      const [from = "", to = ""] = [...query.matchAll(/datetime\(([^)]+)\)/g)].map(
        ([, text = ""]) => text,
      );
      expect(Date.parse(to) - Date.parse(from)).toBeLessThanOrEqual(hourMs);
    }
  });
});
