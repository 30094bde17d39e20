import { describe, expect, test } from "vitest";
import { changeMutants } from "./hunt-change-mutants.ts";
import { applyMutant, findMutantSeed, readMutantFile } from "./source-mutants.ts";
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

  test("20 schedules with changes of the service, the clocks and permissions lose and double no row", async () => {
    for (let seed = 1; seed <= 20; seed += 1)
      expect(await runSchedule(seed, {}, { hasChanges: true })).toMatchObject({
        lost: [],
        duplicated: [],
        violations: [],
      });
  });

  test.each(Object.entries(changeMutants))(
    'the mutant for changes "%s" replaces a text of today\'s source',
    (_, mutant) => {
      expect(applyMutant(mutant, readMutantFile(mutant))).not.toBe(readMutantFile(mutant));
    },
  );

  test("turns red for a mutant of the source, run in a process of its own", async () => {
    const mutant = changeMutants["the columns of rows not reported"];
    expect(mutant && (await findMutantSeed("hunt-change-suite.ts", mutant, 200))).toBeDefined();
  });

  test.each(Object.entries(huntMutants))("turns red for %s", async (_, mutant) => {
    expect(await findCatchingSeed(mutant, 120)).toBeDefined();
  });
});
