import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compileCatalog } from "../../../shared/kql/compile/compile-catalog.ts";
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

  test("are five, and three of them export each row once", () => {
    expect(hunts.map(({ name, mode }) => `${name} ${mode}`)).toEqual([
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

  test("find the simulated organization's events within three days", () => {
    const dataset = createDataset({ eventsPerHour: 30 });
    const to = ticksFromMs(Date.UTC(2026, 0, 20));
    const rowCounts = hunts.map((hunt) => [hunt.name, countRows(hunt, to, dataset)]);
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
