/** Checks hunting: whether the back-end answers, which features it has, and each hunt's tables. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { createProfileQuery } from "../../files/bulk-queries.ts";
import type { HuntingPort, HuntingReply } from "../../hunts/ports.ts";
import { secondMs } from "../../runtime/time.ts";
import { reportError, reportOk, reportWarning, type DoctorFinding } from "./finding.ts";
import { findEntraFix, findHuntingFix, networkFix, type ResourceNames } from "./remediation.ts";

/** Of one call and of its wait for a permit. */
export const deadlineMs = 60 * secondMs;
export const unknownSha1 = "0".repeat(40);

/** Optional features of a back-end, and what Huntline does without them. */
const features: readonly {
  readonly name: string;
  readonly query: string;
  readonly fallback: string;
}[] = [
  {
    name: "a table shadowed by let",
    query: "let DeviceInfo = DeviceInfo | where Timestamp > ago(1h);\nDeviceInfo | take 1",
    fallback: "No action: hunts restrict each reference in place.",
  },
  {
    name: "hash()",
    query: 'print Shard = hash("a", 2)',
    fallback:
      "Narrow hunts that find more rows in one instant than the service returns:" +
      " they cannot be split and are reported as degraded.",
  },
  {
    name: "FileProfile()",
    query: createProfileQuery("SHA1", [unknownSha1]),
    fallback: "No action: large lookups run hash by hash, 100 a minute.",
  },
];

const retryFix = "Run the doctor again later.";

export async function* checkHunting(
  port: HuntingPort,
  hunts: readonly CompiledHunt[],
  names: ResourceNames,
): AsyncIterable<DoctorFinding> {
  const runQuery = (query: string): Promise<HuntingReply> =>
    port.runQuery(query, { deadlineMs, maxWaitMs: deadlineMs }, { writeRows: () => undefined });
  const problem = findHuntingProblem(await runQuery("print Ok = true"), names);
  yield problem ?? reportOk("hunting", `${port.api} answers`);
  if (problem) return;
  for (const { name, query, fallback } of features) {
    const reply = await runQuery(query);
    const subject = `hunting: ${name}`;
    if (reply.kind === "answer") yield reportOk(subject, "supported");
    else if (reply.kind === "refused") yield reportWarning(subject, reply.message, fallback);
    else yield reportWarning(subject, "not answered", retryFix);
  }
  for (const [table, huntNames] of groupHuntsByTable(hunts)) {
    const reply = await runQuery(`${table} | take 0`);
    if (reply.kind === "refused")
      yield reportError(`hunting: table ${table}`, reply.message, toTableFix(huntNames));
  }
}

const toTableFix = (huntNames: readonly string[]): string =>
  "Assign the license that includes it, or set enabled: false in " +
  huntNames.map((name) => `shared/hunts/catalog/${name}.yaml`).join(", ");

/** Maps each table to the enabled hunts that read it. */
function groupHuntsByTable(hunts: readonly CompiledHunt[]): Map<string, string[]> {
  const huntsByTable = new Map<string, string[]>();
  for (const { name, tables, enabled } of hunts)
    for (const table of enabled ? tables : [])
      huntsByTable.set(table, [...(huntsByTable.get(table) ?? []), name]);
  return huntsByTable;
}

function findHuntingProblem(reply: HuntingReply, names: ResourceNames): DoctorFinding | undefined {
  switch (reply.kind) {
    case "answer":
      return undefined;
    case "refused":
      return reportError(
        "hunting",
        reply.message,
        findEntraFix(reply.message, names) ?? findHuntingFix(reply.cause),
      );
    case "failed":
      return reportError(
        "hunting",
        reply.message,
        findEntraFix(reply.message, names) ?? networkFix(names.huntingHost),
      );
    case "later":
      return reportWarning("hunting", `no call is possible now: ${reply.cause}`, retryFix);
    case "too-big":
    case "too-heavy":
      return reportWarning("hunting", "too busy for a query of one literal", retryFix);
  }
}
