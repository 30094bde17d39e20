import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { checkCatalog, compileCatalog } from "../../../shared/kql/compile/compile-catalog.ts";
import { runHuntTest } from "../../../shared/kql/testing/run-hunt-test.ts";
import type { CompiledHunt } from "../../../shared/contracts/compiled-hunt.ts";
import { buildRowsQuery } from "../../../shared/hunts/query/query-text.ts";
import { dayMs, ticksFromMs } from "../../../shared/runtime/time.ts";
import { createDataset } from "../../simulator/dataset/dataset.ts";
import { evaluateDataset } from "../../simulator/hunting/evaluate-dataset.ts";

const catalog = resolve(import.meta.dirname, "../../../shared/hunts/catalog");
const attackTactics = [
  "InitialAccess",
  "Execution",
  "Persistence",
  "PrivilegeEscalation",
  "DefenseEvasion",
  "CredentialAccess",
  "Discovery",
  "LateralMovement",
  "Collection",
  "CommandAndControl",
  "Exfiltration",
  "Impact",
];

describe("the starter hunts", () => {
  let hunts: readonly CompiledHunt[] = [];
  beforeAll(() => {
    const compiled = compileCatalog(catalog);
    if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
    hunts = compiled.catalog.hunts;
  }, 120_000);

  test("are 25, and the five enabled ones export each row once or take snapshots", () => {
    expect(hunts).toHaveLength(25);
    const enabled = hunts.filter((hunt) => hunt.enabled);
    expect(enabled.map(({ name, mode }) => `${name} ${mode}`)).toEqual([
      "impossible-cloud-sign-in snapshot",
      "mass-file-rename snapshot",
      "new-local-administrator window",
      "office-starts-script-host window",
      "signed-binary-proxies-execution window",
    ]);
  });

  test("name their severity, tactics and techniques in the words of ATT&CK", () => {
    for (const { name, severity, tactics, techniques, description } of hunts) {
      expect(["High", "Medium", "Low", "Informational"], name).toContain(severity);
      expect(tactics.length, name).toBeGreaterThan(0);
      expect(attackTactics, name).toEqual(expect.arrayContaining([...tactics]));
      expect(
        techniques.every((technique) => /^T\d{4}(\.\d{3})?$/.test(technique)),
        name,
      ).toBe(true);
      expect(techniques.length, name).toBeGreaterThan(0);
      expect(description.length, name).toBeGreaterThan(100);
    }
  });

  test("cover every tactic of the list", () => {
    const covered = new Set(hunts.flatMap(({ tactics }) => tactics));
    expect(attackTactics.filter((tactic) => !covered.has(tactic))).toEqual([]);
  });

  test("have at least two positive and two silent tests each, and all pass", () => {
    for (const { name, hunt, tests } of checkCatalog(catalog)) {
      if (hunt === undefined) throw new Error(`${name} does not compile`);
      const silent = tests.filter((one) => Array.isArray(one.expect) && one.expect.length === 0);
      expect(silent.length, name).toBeGreaterThanOrEqual(2);
      expect(tests.length - silent.length, name).toBeGreaterThanOrEqual(2);
      for (const one of tests)
        expect(
          runHuntTest(hunt, one, () => []),
          `${name}: ${one.name}`,
        ).toHaveProperty("kind", "passed");
    }
  }, 120_000);

  test("find the simulated organization's events within three days", () => {
    const dataset = createDataset({ eventsPerHour: 30 });
    const to = ticksFromMs(Date.UTC(2026, 0, 20));
    const enabled = hunts.filter((hunt) => hunt.enabled);
    const rowCounts = enabled.map((hunt) => [hunt.name, countRows(hunt, to, dataset)]);
    expect(rowCounts.filter(([, rows]) => rows === 0)).toEqual([]);
  });
});

function countRows(
  hunt: CompiledHunt,
  to: bigint,
  dataset: ReturnType<typeof createDataset>,
): number {
  const query = buildRowsQuery(hunt, "prelude", {
    from: to - ticksFromMs(3 * dayMs),
    to,
    clock: to,
  });
  const result = evaluateDataset(query, dataset, { now: to });
  if ("refusedBy" in result) throw new Error(`${hunt.name}: ${result.message}`);
  return [...result.rows].length;
}
