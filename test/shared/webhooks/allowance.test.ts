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
  test("is never exceeded over all instances and requests, and all of it can be used by one", async () => {
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

  test("costs one write for many requests", async () => {
    const { createInstance, records } = setUpDay(20_000);
    const allow = createInstance();
    for (let index = 0; index < 10; index += 1) await allow("sentinel", 20);
    expect(records.count("create") + records.count("replace")).toBe(1);
  });

  test("of one source leaves those of the others alone", async () => {
    const { createInstance } = setUpDay(100);
    const allow = createInstance();
    await allow("sentinel", 100);
    expect((await allow("sentinel", 1)).kind).toBe("used-up");
    expect((await allow("defender", 100)).kind).toBe("allowed");
  });

  test("begins anew with the UTC day, and says when that is", async () => {
    const { clock, createInstance } = setUpDay(10);
    const allow = createInstance();
    await allow("sentinel", 10);
    const refusal = await allow("sentinel", 1);
    expect(refusal).toEqual({ kind: "used-up", retryAfterMs: 18 * 3_600_000 });
    await clock.advance(18 * 3_600_000);
    expect((await allow("sentinel", 10)).kind).toBe("allowed");
  });

  test("P18: whose count cannot be read allows nothing", async () => {
    const { createInstance, records } = setUpDay(100);
    records.poke("state/verdict-days/sentinel/2026-01-05.json", "{{{");
    expect((await createInstance()("sentinel", 1)).kind).toBe("used-up");
  });

  test("that was lowered during the day allows nothing more, and forgets nothing of what was allowed", async () => {
    const { createInstance, records } = setUpDay(100);
    records.poke("state/verdict-days/sentinel/2026-01-05.json", '{"alerts":150}');
    expect((await createInstance()("sentinel", 1)).kind).toBe("used-up");
    expect(records.peek("state/verdict-days/sentinel/2026-01-05.json")).toBe('{"alerts":150}');
  });

  test("survives a store that fails once", async () => {
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
