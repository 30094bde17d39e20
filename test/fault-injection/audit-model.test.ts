import { describe, expect, test } from "vitest";
import { auditMutants, isAuditHistoryValid, runAuditSchedule } from "./audit-model.ts";
import { findMutantSeed } from "./source-mutants.ts";

const schedules = 200;

describe("the audit, under seeded schedules", () => {
  test("P12: verification finds every manipulation and raises no false alarm", async () => {
    const attacks = new Set<string>();
    for (let seed = 1; seed <= schedules; seed += 1) {
      const history = await runAuditSchedule(seed);
      expect(isAuditHistoryValid(history), `seed ${seed}: ${JSON.stringify(history)}`).toBe(true);
      if (history.attack !== undefined) attacks.add(history.attack);
    }
    expect(attacks.size).toBe(11);
  });

  test.each(Object.entries(auditMutants))(
    "the mutant of the source is caught: %s",
    async (_, mutant) => {
      expect(await findMutantSeed("audit-model.ts", mutant, schedules)).toBeDefined();
    },
  );
});
