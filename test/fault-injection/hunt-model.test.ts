import { describe, expect, test } from "vitest";
import { changeMutants, findChangeSeed } from "./hunt-change-suite.ts";
import { huntMutants } from "./hunt-mutants.ts";
import { runSchedule, type HuntMutant, type ScheduleResult } from "./hunt-model.ts";

/** The quick part; `npm run test:faults` plays thousands. */
const schedules = 60;

const isValid = ({ lost, duplicated, violations }: ScheduleResult): boolean =>
  lost.length + duplicated.length + violations.length === 0;

/** Finds the first seed that catches a mutant. */
async function findCatchingSeed(mutant: HuntMutant, maxSeed: number): Promise<number | undefined> {
  for (let seed = 1; seed <= maxSeed; seed += 1)
    if (!(await runSchedule(seed, mutant).then(isValid, () => false))) return seed;
  return undefined;
}

describe("the hunts module under random interleavings", () => {
  test(`${schedules} schedules lose no row, double none and leave an unbroken log`, async () => {
    let crashes = 0;
    for (let seed = 1; seed <= schedules; seed += 1) {
      const result = await runSchedule(seed);
      crashes += result.crashes.length;
      expect(result).toMatchObject({ lost: [], duplicated: [], violations: [] });
    }
    expect(crashes).toBeGreaterThan(100);
  });

  test("40 schedules with changes of schema, errors and clock lose and double no row", async () => {
    for (let seed = 1; seed <= 40; seed += 1)
      expect(await runSchedule(seed, {}, { hasChanges: true })).toMatchObject({
        lost: [],
        duplicated: [],
        violations: [],
      });
  });

  test.each(Object.entries(changeMutants))("turns red for %s", async (_, mutant) => {
    expect(await findChangeSeed(mutant, 160)).toBeDefined();
  });

  test.each(Object.entries(huntMutants))("turns red for %s", async (_, mutant) => {
    expect(await findCatchingSeed(mutant, 120)).toBeDefined();
  });
});
