import { describe, expect, test } from "vitest";
import { carryOut } from "../../../shared/hunts/run/handle-run-message.ts";
import {
  exportNews,
  findExport,
  poll,
  readCursor,
  standingOf,
  tick,
  writeCursor,
} from "../../../shared/hunts/views.ts";
import { hourMs } from "../../../shared/runtime/time.ts";
import { huntRoom, noonMs, orderNow, type HuntRoom } from "../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../support/hunt-source.ts";

const hunt = testHunt();

async function started(): Promise<HuntRoom> {
  const room = huntRoom();
  room.source.rows.push(sourceRow(noonMs - hourMs, "a"));
  await carryOut(room.ports, hunt, orderNow(room));
  room.sent.length = 0;
  return room;
}

describe("standingOf", () => {
  test("a hunt that has never run is new", async () => {
    expect(await standingOf(huntRoom().ports, hunt, noonMs)).toMatchObject({
      state: "new",
      watermark: undefined,
    });
  });

  test.each([
    [3, "ok"],
    [4, "overdue"],
  ])("%i hours after the last run a hunt of every hour is %s", async (hours, state) => {
    const room = await started();
    expect(
      await standingOf(
        room.ports,
        hunt,
        noonMs + hours * hourMs - 1_000 * (state === "ok" ? 1 : 0),
      ),
    ).toMatchObject({ state });
  });

  test("a healthy hunt that finds nothing stays healthy", async () => {
    const room = await started();
    for (let hour = 0; hour < 5; hour += 1) {
      await room.clock.advance(hourMs);
      await carryOut(room.ports, hunt, orderNow(room));
    }
    expect(await standingOf(room.ports, hunt, room.clock.now())).toMatchObject({
      state: "ok",
      watermarkAgeSeconds: 900,
    });
  });
});

describe("tick", () => {
  test("starts what is overdue, and nothing twice", async () => {
    const room = await started();
    expect(await tick(room.ports, [hunt], "tick", room.clock.now())).toEqual([]);
    await room.clock.advance(2 * hourMs);
    expect(await tick(room.ports, [hunt], "tick", room.clock.now())).toEqual(["test-hunt"]);
    expect(await tick(room.ports, [hunt], "tick", room.clock.now())).toEqual([]);
    expect(room.sent).toHaveLength(1);
  });

  test("a note of a run that never came is not believed for ever", async () => {
    const room = await started();
    await room.clock.advance(2 * hourMs);
    await tick(room.ports, [hunt], "tick", room.clock.now());
    await room.clock.advance(2 * hourMs);
    expect(await tick(room.ports, [hunt], "tick", room.clock.now())).toEqual(["test-hunt"]);
  });
});

describe("exportNews", () => {
  test("lists what came after the cursor, over versions, and moves it past what has no rows", async () => {
    const room = await started();
    const newer = testHunt({ queryHash: "b".repeat(64) });
    room.source.rows.push(sourceRow(noonMs, "b"));
    await room.clock.advance(hourMs);
    await carryOut(room.ports, newer, orderNow(room));
    const first = await exportNews(room.ports, "test-hunt", { version: 1, seq: -1 }, 2, 1);
    expect([first.exports.length, writeCursor(first.cursor)]).toEqual([1, "v1.0"]);
    const second = await exportNews(room.ports, "test-hunt", first.cursor, 2, 10);
    expect([second.exports.length, writeCursor(second.cursor)]).toEqual([1, "v2.0"]);
    expect((await exportNews(room.ports, "test-hunt", second.cursor, 2, 10)).exports).toEqual([]);
  });

  test.each([
    ["v2.17", { version: 2, seq: 17 }],
    ["17", { version: 3, seq: 17 }],
    ["-1", { version: 3, seq: -1 }],
    ["x", undefined],
  ])("reads the cursor %s", (text, cursor) => {
    expect(readCursor(text, 3)).toEqual(cursor);
  });
});

describe("poll", () => {
  const latest = { after: "latest", top: 100 };

  test("from latest says nothing of what is there, then each new export once, by the cursor alone", async () => {
    const room = await started();
    const now = room.clock.now();
    const first = await poll(room.ports, hunt, latest, now);
    expect(first).toMatchObject({ news: { exports: [], cursor: { version: 1, seq: 0 } } });
    room.source.rows.push(sourceRow(noonMs, "b"));
    await room.clock.advance(hourMs);
    await carryOut(room.ports, hunt, orderNow(room));
    const second = await poll(room.ports, hunt, { after: "v1.0", top: 100 }, room.clock.now());
    expect(second).toMatchObject({
      news: { exports: [{ metadata: { seq: 1 } }], cursor: { version: 1, seq: 1 } },
    });
    expect(
      await poll(room.ports, hunt, { after: "v1.1", top: 100 }, room.clock.now()),
    ).toMatchObject({
      news: { exports: [] },
    });
  });

  test("from latest of a hunt that has never run tells of its very first export", async () => {
    const room = huntRoom();
    const first = await poll(room.ports, hunt, latest, room.clock.now());
    expect(first).toMatchObject({ news: { exports: [], cursor: { version: 1, seq: -1 } } });
  });

  test.each([
    ["four times an interval, where nothing is new", 3_600_000, "v1.0", 100, 900],
    ["at most every minute", 60_000, "v1.0", 100, 60],
    ["at least every 15 minutes", 86_400_000, "v1.0", 100, 900],
    ["at once, where more may be there", 3_600_000, "-1", 1, 1],
  ])("is worth repeating %s", async (_, intervalMs, after, top, seconds) => {
    const room = await started();
    const polled = await poll(
      room.ports,
      testHunt({ intervalMs }),
      { after, top },
      room.clock.now(),
    );
    expect(polled).toMatchObject({ retryAfterSeconds: seconds });
  });

  test("refuses what is no cursor", async () => {
    const room = await started();
    expect(await poll(room.ports, hunt, { after: "next", top: 1 }, noonMs)).toEqual({
      kind: "no-cursor",
    });
  });
});

describe("findExport", () => {
  test.each([0, 3, 5])("finds number %i without listing the whole log", async (seq) => {
    const room = await started();
    for (let hour = 0; hour < 5; hour += 1) {
      room.source.rows.push(sourceRow(room.clock.now(), `h${hour}`));
      await room.clock.advance(hourMs);
      await carryOut(room.ports, hunt, orderNow(room));
    }
    const prefixes: string[] = [];
    const { list } = room.ports.exports;
    const exports = {
      ...room.ports.exports,
      list: (prefix: string) => (prefixes.push(prefix), list(prefix)),
    };
    const found = await findExport({ ...room.ports, exports }, "test-hunt", { version: 1, seq });
    expect(found?.metadata.seq).toBe(seq);
    expect(prefixes).not.toContain("test-hunt/v1/");
  });

  test("a number that is not there finds nothing", async () => {
    expect(
      await findExport((await started()).ports, "test-hunt", { version: 1, seq: 9 }),
    ).toBeUndefined();
  });
});
