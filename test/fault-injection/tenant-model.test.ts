import { describe, expect, test } from "vitest";
import { runTenantSchedule, tenantFaults } from "./tenant-model.ts";
import { findTenantMutantSeed, tenantMutants } from "./tenants.ts";

describe("a fault of one tenant", () => {
  test.each(Object.values(tenantFaults).map((description, index) => [description, index] as const))(
    "delays and loses nothing of another tenant (P24: %s)",
    async (_, seed) => {
      expect(await runTenantSchedule(seed + 8)).toMatchObject({
        lost: [],
        duplicated: [],
        late: [],
        foreign: [],
      });
    },
  );

  test.each(Object.entries(tenantMutants))("turns the model red when %s", async (_, mutant) => {
    expect(await findTenantMutantSeed(mutant)).toBeDefined();
  });
});
