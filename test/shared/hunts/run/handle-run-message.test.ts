import { describe, expect, test } from "vitest";
import { backOffMs, carryOut } from "../../../../shared/hunts/run/handle-run-message.ts";
import type { HuntingReply } from "../../../../shared/hunts/ports.ts";
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
const status = (room: HuntRoom): unknown =>
  JSON.parse(room.records.peek("state/hunts/test-hunt/status.json") ?? "null");
const again = (room: HuntRoom): object[] =>
  room.sent
    .filter(({ queue }) => queue === "hunt-runs")
    .map(({ message, delaySeconds }) => ({ ...message, delaySeconds }));

/** A room whose service answers as told, while told anything. */
function replying(
  first: HuntingReply | undefined,
  options: { cap?: number } = {},
): HuntRoom & { reply: HuntingReply | undefined } {
  const state = { reply: first };
  const room = huntRoom({ ...options, before: () => state.reply });
  room.source.rows.push(sourceRow(noonMs - hourMs, "a"));
  return Object.assign(state, room);
}

const refused: HuntingReply = { kind: "refused", cause: "query", message: "'Foo' is unknown" };

describe("a refused query", () => {
  test("is tried in the other form, then marked, and not tried again by the timer", async () => {
    const room = replying(refused);
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("refused");
    expect(room.source.asked.map((query) => query.split(" ")[0])).toEqual(["ROWS", "PLACE"]);
    expect(status(room)).toMatchObject({ state: "invalid", reason: "'Foo' is unknown" });
    await room.clock.advance(hourMs);
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("held");
    expect(room.source.asked).toHaveLength(2);
    expect(again(room)).toEqual([]);
  });

  test("is tried again at once when it has changed, or when somebody asks", async () => {
    const room = replying(refused);
    await carryOut(room.ports, hunt, orderNow(room));
    expect(
      await carryOut(room.ports, testHunt({ queryHash: "b".repeat(64) }), orderNow(room)),
    ).toBe("refused");
    room.reply = undefined;
    expect(
      await carryOut(
        room.ports,
        testHunt({ queryHash: "b".repeat(64) }),
        orderNow(room, { reason: "request" }),
      ),
    ).toBe("done");
    expect(status(room)).toMatchObject({ state: "ok" });
  });

  test("goes on in the form that the service takes", async () => {
    const room = huntRoom({ before: (query) => (query.startsWith("ROWS") ? refused : undefined) });
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"));
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("done");
    await room.clock.advance(hourMs);
    await carryOut(room.ports, hunt, orderNow(room));
    expect(room.source.asked.filter((query) => query.startsWith("ROWS"))).toHaveLength(1);
  });
});

describe("a missing permission", () => {
  test("pauses the hunt for a quarter of an hour, also for whoever asks", async () => {
    const room = replying({
      kind: "refused",
      cause: "permission",
      message: "ThreatHunting.Read.All is missing",
    });
    await carryOut(room.ports, hunt, orderNow(room));
    await room.clock.advance(14 * minuteMs);
    expect(await carryOut(room.ports, hunt, orderNow(room, { reason: "request" }))).toBe("held");
    room.reply = undefined;
    await room.clock.advance(2 * minuteMs);
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("done");
  });
});

describe("a run that cannot go on", () => {
  test("goes on by message when the quota is spent", async () => {
    const room = replying({ kind: "later", retryAfterMs: 90_000, cause: "quota" });
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("continues");
    expect(again(room)).toMatchObject([{ reason: "continue", delaySeconds: 90 }]);
    expect(status(room)).toBeNull();
  });

  test("is tried again later and later while the service fails, and says so", async () => {
    const room = replying({ kind: "failed", message: "503" });
    expect(await carryOut(room.ports, hunt, orderNow(room, { failures: 2 }))).toBe("failing");
    expect(again(room)).toMatchObject([{ failures: 3, delaySeconds: 240 }]);
    expect(status(room)).toMatchObject({ state: "failing", reason: "503" });
    expect([1, 2, 20].map(backOffMs)).toEqual([60_000, 120_000, 900_000]);
  });

  test("poisons nothing while storage is down", async () => {
    const room = replying(undefined);
    const down = {
      ...room.ports,
      exports: { ...room.ports.exports, find: () => Promise.reject(new Error("storage")) },
    };
    await carryOut(room.ports, hunt, orderNow(room));
    await room.clock.advance(hourMs);
    expect(await carryOut(down, hunt, orderNow(room))).toBe("failing");
    expect(again(room)).toMatchObject([{ failures: 1 }]);
  });

  test("starts no call after three minutes", async () => {
    const room = replying(undefined, { cap: 10 });
    for (let index = 0; index < 200; index += 1)
      room.source.rows.push(sourceRow(noonMs - hourMs - index * minuteMs, `r${index}`));
    const { hunting } = room.ports;
    const slow = {
      ...room.ports,
      hunting: {
        ...hunting,
        run: async (...parts: Parameters<typeof hunting.run>) => {
          await room.clock.advance(50_000);
          return hunting.run(...parts);
        },
      },
    };
    expect(await carryOut(slow, hunt, orderNow(room))).toBe("continues");
    expect(room.source.asked).toHaveLength(4);
  });
});

describe("a query that the service gives up on", () => {
  const tooHeavy: HuntingReply = { kind: "too-heavy", cause: "timed-out" };

  test("is halved four times, over several runs if need be, then set aside with its reason", async () => {
    const room = replying(tooHeavy);
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("degraded");
    expect(room.source.asked).toHaveLength(5);
    expect(status(room)).toMatchObject({ state: "degraded", reason: "timed-out after 4 halvings" });
    expect(room.exports.all()).toEqual([]);
  });

  test("passes as soon as it is small enough", async () => {
    const room = huntRoom({
      before: (query) => {
        const [from = "", to = ""] = [...query.matchAll(/datetime\(([^)]+)\)/g)].map(
          ([, text = ""]) => text,
        );
        return Date.parse(to) - Date.parse(from) > 8 * hourMs ? tooHeavy : undefined;
      },
    });
    room.source.rows.push(sourceRow(noonMs - hourMs, "a"), sourceRow(noonMs - 20 * hourMs, "b"));
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("done");
    expect(exportedLines(room)).toHaveLength(2);
  });
});

describe("a truncated result", () => {
  test("is never committed: all rows come in several windows", async () => {
    const room = huntRoom({ cap: 10 });
    for (let index = 0; index < 95; index += 1)
      room.source.rows.push(sourceRow(noonMs - hourMs - index * 1_000, `r${index}`));
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("done");
    expect(exportedLines(room)).toEqual(room.source.rows.map(lineOf).toSorted());
    expect(room.told.some(({ event }) => event === "hunt.halved")).toBe(true);
  });

  test("a limit lower than the documented one is noticed all the same", async () => {
    const room = huntRoom({ cap: 30, roundRows: 10 });
    for (let index = 0; index < 95; index += 1)
      room.source.rows.push(sourceRow(noonMs - hourMs - index * 1_000, `r${index}`));
    const ports = {
      ...room.ports,
      hunting: { ...room.ports.hunting, caps: { rows: 100, bytes: 1e12, roundRows: 10 } },
    };
    await carryOut(ports, hunt, orderNow(room));
    expect(exportedLines(room)).toHaveLength(95);
  });

  test("exactly at the limit and complete is committed without a split", async () => {
    const room = huntRoom({ cap: 10 });
    for (let index = 0; index < 10; index += 1)
      room.source.rows.push(sourceRow(noonMs - hourMs - index * 1_000, `r${index}`));
    await carryOut(room.ports, hunt, orderNow(room));
    expect(room.source.asked).toHaveLength(2);
    expect(room.exports.all().map(({ metadata }) => metadata.rows)).toEqual([10]);
  });

  test("within one tick goes in shards that add up to the count", async () => {
    const room = huntRoom({ cap: 10 });
    for (let index = 0; index < 35; index += 1)
      room.source.rows.push(sourceRow(noonMs - hourMs, `r${index}`));
    await carryOut(room.ports, hunt, orderNow(room));
    expect(exportedLines(room)).toHaveLength(35);
  });

  test("within one tick of a result without shards is set aside", async () => {
    const whole = testHunt();
    const { shardSuffix: _none, ...query } = whole.query;
    const room = huntRoom({ cap: 10 });
    for (let index = 0; index < 35; index += 1)
      room.source.rows.push(sourceRow(noonMs - hourMs, `r${index}`));
    expect(await carryOut(room.ports, { ...whole, query }, orderNow(room))).toBe("degraded");
    expect(exportedLines(room)).toEqual([]);
    expect(status(room)).toMatchObject({ state: "degraded", to: "2026-01-05T11:00:00.0000001Z" });
  });
});

describe("a claim", () => {
  test("keeps a second runner from asking, without losing its order", async () => {
    const room = replying(undefined);
    room.records.poke(
      "state/hunts/test-hunt/claim.json",
      JSON.stringify({ owner: "other", until: new Date(noonMs + minuteMs).toISOString() }),
    );
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("taken");
    expect(room.source.asked).toEqual([]);
    expect(again(room)).toHaveLength(1);
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("taken");
    expect(again(room)).toHaveLength(1);
  });

  test.each([
    ["has run out", JSON.stringify({ owner: "x", until: new Date(noonMs - 1_000).toISOString() })],
    ["reaches absurdly far", JSON.stringify({ owner: "x", until: "2099-01-01T00:00:00Z" })],
    ["cannot be read", "{"],
  ])("that %s holds nobody back", async (_, text) => {
    const room = replying(undefined);
    room.records.poke("state/hunts/test-hunt/claim.json", text);
    expect(await carryOut(room.ports, hunt, orderNow(room))).toBe("done");
  });
});
