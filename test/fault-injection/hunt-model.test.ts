import { describe, expect, test } from "vitest";
import { huntMutants } from "./hunt-mutants.ts";
import { playSchedule, type Mutant, type Verdict } from "./hunt-model.ts";

/** The quick part; `npm run test:faults` plays thousands. */
const schedules = 60;

const isSound = ({ lost, doubled, broken }: Verdict): boolean =>
  lost.length + doubled.length + broken.length === 0;

/** Seeds that are known to bring a mutant to light, so that the quick part stays quick. */
async function firstRed(mutant: Mutant, most: number): Promise<number | undefined> {
  for (let seed = 1; seed <= most; seed += 1)
    if (!(await playSchedule(seed, mutant).then(isSound, () => false))) return seed;
  return undefined;
}

describe("the hunts room under every interleaving", () => {
  test(`${schedules} schedules lose no row, double none and leave an unbroken log`, async () => {
    let deaths = 0;
    for (let seed = 1; seed <= schedules; seed += 1) {
      const verdict = await playSchedule(seed);
      deaths += verdict.deaths.length;
      expect(verdict).toMatchObject({ lost: [], doubled: [], broken: [] });
    }
    expect(deaths).toBeGreaterThan(100);
  });

  test.each(Object.entries(huntMutants))("turns red for %s", async (_, mutant) => {
    expect(await firstRed(mutant, 120)).toBeDefined();
  });
});
