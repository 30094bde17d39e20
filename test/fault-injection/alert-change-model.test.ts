import { describe, expect, test } from "vitest";
import { runChangingSchedule } from "./alert-change-model.ts";
import { alertChangeMutants, isChangingHistoryValid } from "./alert-change-mutants.ts";

const schedules = 30;

describe("verdicts on alerts that analysts, late alerts and token scopes change", () => {
  test("P23: no answer about a verdict contradicts the history of Cloud Apps", async () => {
    for (let seed = 1; seed <= schedules; seed += 1) {
      const history = await runChangingSchedule(seed);
      expect([seed, history, isChangingHistoryValid(history)]).toEqual([seed, history, true]);
    }
  });

  test.each(Object.entries(alertChangeMutants))("catch the mutant: %s", async (_, mutant) => {
    let isCaught = false;
    for (let seed = 1; seed <= schedules && !isCaught; seed += 1)
      isCaught = !isChangingHistoryValid(await runChangingSchedule(seed, mutant));
    expect(isCaught).toBe(true);
  });
});
