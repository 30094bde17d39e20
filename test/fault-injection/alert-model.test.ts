import { describe, expect, test } from "vitest";
import { alertMutants, playVerdicts, verdictsHold } from "./alert-model.ts";

const schedules = 60;

describe("verdicts under seeded schedules", () => {
  test("close each alert once, flip none, and name only accepted ids", async () => {
    for (let seed = 1; seed <= schedules; seed += 1) {
      const history = await playVerdicts(seed);
      expect([seed, history, verdictsHold(history)]).toEqual([seed, history, true]);
    }
  });

  test.each(Object.entries(alertMutants))("show the variant with %s", async (_, mutant) => {
    let caught = false;
    for (let seed = 1; seed <= schedules && !caught; seed += 1)
      caught = !verdictsHold(await playVerdicts(seed, mutant));
    expect(caught).toBe(true);
  });
});
