import { describe, expect, test } from "vitest";
import { openAllowance } from "../../../shared/webhooks/allowance.ts";
import { memoryRecords } from "../../support/memory-records.ts";
import { virtualClock } from "../../support/virtual-clock.ts";

function day(most: number) {
  const clock = virtualClock();
  const records = memoryRecords({ clock });
  const open = () => openAllowance({ records, nowMs: clock.now, mostPerDay: () => most });
  return { clock, records, open };
}

describe("an allowance", () => {
  test("is never exceeded over all instances and requests, and all of it can be used by one", async () => {
    const { open } = day(1_000);
    const instances = [open(), open(), open()];
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () => instances).flatMap((each) =>
        each.map((allow) => allow("sentinel", 7)),
      ),
    );
    const allowed = outcomes.filter((outcome) => outcome.kind === "allowed").length * 7;
    expect(allowed).toBeLessThanOrEqual(1_000);
    expect(allowed).toBeGreaterThan(960);
    const { open: alone } = day(1_000);
    expect(await alone()("sentinel", 1_000)).toMatchObject({ kind: "allowed" });
  });

  test("costs one write for many requests", async () => {
    const { open, records } = day(20_000);
    const allow = open();
    for (let index = 0; index < 10; index += 1) await allow("sentinel", 20);
    expect(records.count("create") + records.count("replace")).toBe(1);
  });

  test("of one source leaves those of the others alone", async () => {
    const { open } = day(100);
    const allow = open();
    await allow("sentinel", 100);
    expect((await allow("sentinel", 1)).kind).toBe("used-up");
    expect((await allow("defender", 100)).kind).toBe("allowed");
  });

  test("begins anew with the UTC day, and says when that is", async () => {
    const { clock, open } = day(10);
    const allow = open();
    await allow("sentinel", 10);
    const refused = await allow("sentinel", 1);
    expect(refused).toEqual({ kind: "used-up", retryAfterMs: 18 * 3_600_000 });
    await clock.advance(18 * 3_600_000);
    expect((await allow("sentinel", 10)).kind).toBe("allowed");
  });

  test("P18: whose count cannot be read allows nothing", async () => {
    const { open, records } = day(100);
    records.poke("state/verdict-days/sentinel/2026-01-05.json", "{{{");
    expect((await open()("sentinel", 1)).kind).toBe("used-up");
  });

  test("that was lowered during the day allows nothing more, and forgets nothing of what was allowed", async () => {
    const { open, records } = day(100);
    records.poke("state/verdict-days/sentinel/2026-01-05.json", '{"alerts":150}');
    expect((await open()("sentinel", 1)).kind).toBe("used-up");
    expect(records.peek("state/verdict-days/sentinel/2026-01-05.json")).toBe('{"alerts":150}');
  });

  test("survives a store that fails once", async () => {
    const clock = virtualClock();
    let fail = true;
    const records = memoryRecords({
      clock,
      before: () => {
        if (fail) throw new Error("down");
      },
    });
    const allow = openAllowance({ records, nowMs: clock.now, mostPerDay: () => 100 });
    await expect(allow("sentinel", 1)).rejects.toThrow("down");
    fail = false;
    expect((await allow("sentinel", 1)).kind).toBe("allowed");
  });
});
