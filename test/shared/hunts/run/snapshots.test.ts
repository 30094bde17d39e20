import { describe, expect, test } from "vitest";
import { carryOut } from "../../../../shared/hunts/run/handle-run-message.ts";
import { dayMs, hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import { huntRoom, noonMs, orderNow, type HuntRoom } from "../../../support/hunt-harness.ts";
import { sourceRow, testHunt } from "../../../support/hunt-source.ts";

const hunt = testHunt({ mode: "snapshot", lookBackMs: dayMs });
const records = (room: HuntRoom): object[] =>
  room.exports
    .all()
    .map(({ metadata: { seq, from, to, rows, mode } }) => ({ seq, from, to, rows, mode }));

describe("a snapshot", () => {
  test("holds the whole result each time, in an unbroken log", async () => {
    const room = huntRoom();
    room.source.rows.push(sourceRow(noonMs - 3 * hourMs, "a"));
    await carryOut(room.ports, hunt, orderNow(room));
    await room.clock.advance(hourMs);
    await carryOut(room.ports, hunt, orderNow(room));
    const [first, second] = room.exports.all().map(({ metadata }) => metadata);
    expect(records(room)).toMatchObject([
      { seq: 0, rows: 1, mode: "snapshot" },
      { seq: 1, rows: 1, mode: "snapshot", from: first?.to },
    ]);
    expect(second?.to).toBe("2026-01-05T12:45:00.0000000Z");
  });

  test("asked for twice for the same moment is made once", async () => {
    const room = huntRoom();
    const order = orderNow(room);
    await carryOut(room.ports, hunt, order);
    await room.clock.advance(minuteMs);
    await carryOut(room.ports, hunt, order);
    expect(records(room)).toHaveLength(1);
  });

  test("above the row limit is sharded, and committed whole", async () => {
    const room = huntRoom({ cap: 10 });
    for (let index = 0; index < 25; index += 1)
      room.source.rows.push(sourceRow(noonMs - hourMs - index, `r${index}`));
    await carryOut(room.ports, hunt, orderNow(room));
    expect(records(room)).toMatchObject([{ rows: 25 }]);
    expect(new Set(room.exports.all().flatMap(({ lines }) => lines)).size).toBe(25);
  });

  test("that moves while its shards are read is read again", async () => {
    let moved = false;
    const room = huntRoom({
      cap: 10,
      before: (query) => {
        if (!moved && query.includes("| shard 1 of")) {
          moved = true;
          room.source.rows.push(sourceRow(noonMs - hourMs, "between"));
        }
        return undefined;
      },
    });
    for (let index = 0; index < 25; index += 1)
      room.source.rows.push(sourceRow(noonMs - hourMs - index, `r${index}`));
    await carryOut(room.ports, hunt, orderNow(room));
    expect(records(room)).toMatchObject([{ rows: 26 }]);
  });

  test("too heavy five times is set aside", async () => {
    const room = huntRoom({ before: () => ({ kind: "too-heavy", cause: "preempted" }) });
    const outcomes: string[] = [];
    for (let run = 0; run < 5; run += 1) {
      outcomes.push(await carryOut(room.ports, hunt, orderNow(room)));
      await room.clock.advance(minuteMs);
    }
    expect(outcomes).toEqual(["failing", "failing", "failing", "failing", "degraded"]);
    expect(room.exports.all()).toEqual([]);
  });
});
