import { describe, expect, test } from "vitest";
import { createAllowance } from "../../../shared/webhooks/allowance.ts";
import { createMemoryRecords } from "../../support/memory-records.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

function setUpDay(maxPerDay: number) {
  const clock = createVirtualClock();
  const records = createMemoryRecords({ clock });
  const createInstance = () =>
    createAllowance({ records, nowMs: clock.now, maxPerDay: () => maxPerDay });
  return { clock, records, createInstance };
}

describe("an allowance", () => {
  test("the daily limit holds over all instances, and one instance can use all of it", async () => {
    const { createInstance } = setUpDay(1_000);
    const instances = [createInstance(), createInstance(), createInstance()];
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, () => instances).flatMap((each) =>
        each.map((allow) => allow("sentinel", 7)),
      ),
    );
    const allowed = outcomes.filter((outcome) => outcome.kind === "allowed").length * 7;
    expect(allowed).toBeLessThanOrEqual(1_000);
    expect(allowed).toBeGreaterThan(960);
    const { createInstance: alone } = setUpDay(1_000);
    expect(await alone()("sentinel", 1_000)).toMatchObject({ kind: "allowed" });
  });

  test("many requests cost one write of the daily count", async () => {
    const { createInstance, records } = setUpDay(20_000);
    const allow = createInstance();
    for (let index = 0; index < 10; index += 1) await allow("sentinel", 20);
    expect(records.count("create") + records.count("replace")).toBe(1);
  });

  test("the daily limit of one source does not affect the others", async () => {
    const { createInstance } = setUpDay(100);
    const allow = createInstance();
    await allow("sentinel", 100);
    expect((await allow("sentinel", 1)).kind).toBe("usedUp");
    expect((await allow("defender", 100)).kind).toBe("allowed");
  });

  test("the daily limit restarts with the UTC day, and the refusal says when", async () => {
    const { clock, createInstance } = setUpDay(10);
    const allow = createInstance();
    await allow("sentinel", 10);
    const refusal = await allow("sentinel", 1);
    expect(refusal).toEqual({ kind: "usedUp", retryAfterMs: 18 * 3_600_000 });
    await clock.advance(18 * 3_600_000);
    expect((await allow("sentinel", 10)).kind).toBe("allowed");
  });

  test("P18: an invalid daily count allows nothing", async () => {
    const { createInstance, records } = setUpDay(100);
    records.poke("state/verdict-days/sentinel/2026-01-05.json", "{{{");
    expect((await createInstance()("sentinel", 1)).kind).toBe("usedUp");
  });

  test("a daily limit that is lowered during the day allows nothing more and keeps its count", async () => {
    const { createInstance, records } = setUpDay(100);
    records.poke("state/verdict-days/sentinel/2026-01-05.json", '{"alerts":150}');
    expect((await createInstance()("sentinel", 1)).kind).toBe("usedUp");
    expect(records.peek("state/verdict-days/sentinel/2026-01-05.json")).toBe('{"alerts":150}');
  });

  test("the allowance works again after a fault of the store", async () => {
    const clock = createVirtualClock();
    let fail = true;
    const records = createMemoryRecords({
      clock,
      before: () => {
        if (fail) throw new Error("down");
      },
    });
    const allow = createAllowance({ records, nowMs: clock.now, maxPerDay: () => 100 });
    await expect(allow("sentinel", 1)).rejects.toThrow("down");
    fail = false;
    expect((await allow("sentinel", 1)).kind).toBe("allowed");
  });
});
