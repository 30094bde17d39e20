import { describe, expect, test } from "vitest";
import { alertMutants, runVerdictSchedule, isVerdictHistoryValid } from "./alert-model.ts";

const schedules = 60;

describe("verdicts under seeded schedules", () => {
  test("close each alert once, flip none, and name only accepted ids", async () => {
    for (let seed = 1; seed <= schedules; seed += 1) {
      const history = await runVerdictSchedule(seed);
      expect([seed, history, isVerdictHistoryValid(history)]).toEqual([seed, history, true]);
    }
  });

  test.each(Object.entries(alertMutants))("catch the mutant: %s", async (_, mutant) => {
    let isCaught = false;
    for (let seed = 1; seed <= schedules && !isCaught; seed += 1)
      isCaught = !isVerdictHistoryValid(await runVerdictSchedule(seed, mutant));
    expect(isCaught).toBe(true);
  });
});
