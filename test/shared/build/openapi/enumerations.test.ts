/**
 * Each enumeration of the API description is the one that the code uses. The compiler checks that
 * every list here is exactly the code's own type; the test compares it with the description.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Closure } from "../../../../shared/alerts/closures.ts";
import type { dryRunVerdict } from "../../../../shared/alerts/dry-run-verdict.ts";
import type { HealthStatus } from "../../../../shared/app/health-report.ts";
import type {
  AlertOutcome,
  VerdictAction,
  VerdictReason,
} from "../../../../shared/contracts/alert-verdict.ts";
import type { KqlType } from "../../../../shared/contracts/compiled-hunt.ts";
import {
  deadLetterQueues,
  type DeadLetterReason,
} from "../../../../shared/contracts/dead-letter.ts";
import type {
  FileResult,
  FileSource,
  PrevalenceVerdict,
} from "../../../../shared/contracts/file-result.ts";
import type { OperationStatus } from "../../../../shared/contracts/operation.ts";
import type { ApiName } from "../../../../shared/http-pipeline/api-client.ts";
import type { ExportMetadata, HuntFormat } from "../../../../shared/hunts/ports.ts";
import type { HuntHealth } from "../../../../shared/hunts/hunt-health.ts";

/** Returns the list. It compiles only when the list has each value of the type, and no other. */
const listAll =
  <T extends string>() =>
  <const L extends readonly T[]>(list: L & ([T] extends [L[number]] ? unknown : never)) =>
    list as readonly string[];

type DryRun = Extract<Awaited<ReturnType<typeof dryRunVerdict>>, { readonly alerts: unknown }>;
type DryRunAlert = DryRun["alerts"][number];

const closures = listAll<Closure>()(["truePositive", "falsePositive", "benign"]);
const outcomes = listAll<AlertOutcome>()([
  "waiting",
  "closed",
  "alreadyClosed",
  "notFound",
  "conflict",
  "failed",
  "reopened",
]);
const statuses = listAll<OperationStatus>()(["running", "succeeded", "failed", "canceled"]);
const health = listAll<HealthStatus>()(["healthy", "degraded", "unhealthy"]);
const modes = listAll<ExportMetadata["mode"]>()(["window", "snapshot"]);
const states = listAll<HuntHealth["state"]>()([
  "ok",
  "new",
  "overdue",
  "degraded",
  "invalid",
  "blocked",
  "failing",
]);

/** The code's values by the last two names of each enumeration's place in the description. */
const expected: Readonly<Record<string, readonly string[]>> = {
  "AlertStatus.outcome": outcomes,
  "DeadLetter.queue": deadLetterQueues,
  "DeadLetter.reason": listAll<DeadLetterReason>()([
    "encoding",
    "notAnObject",
    "tooDeep",
    "schema",
    "retriesExhausted",
    "unsealed",
    "dailyLimit",
    "unknownTenant",
    "permanent",
  ]),
  "Export.complete": listAll<Exclude<ExportMetadata["complete"], "closed">>()(["yes", "gap"]),
  "FileLookupAnswer.status": statuses,
  "FilePrevalence.value": listAll<PrevalenceVerdict["value"]>()(["rare", "uncommon", "common"]),
  "FileResult.source": listAll<FileSource>()(["statistics", "information", "hunting"]),
  "FileResult.status": listAll<FileResult["status"]>()([
    "found",
    "notFound",
    "invalid",
    "pending",
    "failed",
  ]),
  "HealthReport.status": health,
  "HealthStatus.status": health,
  "Hunt.columns.type": listAll<KqlType>()([
    "string",
    "long",
    "int",
    "real",
    "bool",
    "datetime",
    "timespan",
    "guid",
    "decimal",
    "dynamic",
  ]),
  "Hunt.format": listAll<HuntFormat>()(["ndjson", "csv", "parquet"]),
  "Hunt.mode": modes,
  "Hunt.state": states,
  "HuntSummary.state": states,
  "Job.status": statuses,
  "QuotaList.value.api": listAll<ApiName>()(["hunting", "files", "cloud-apps"]),
  "VerdictDryRun.alerts.currentState": listAll<DryRunAlert["currentState"]>()([
    "open",
    "truePositive",
    "falsePositive",
    "benign",
    "dismissed",
    "resolved",
    "unknownState",
    "unknown",
  ]),
  "VerdictDryRun.alerts.plannedAction": listAll<DryRunAlert["plannedAction"]>()([
    "close",
    "leave",
    "conflict",
    "notFound",
  ]),
  "VerdictList.value.closure": closures,
  "VerdictRequest.action": listAll<VerdictAction>()([
    "resolve",
    "dismiss",
    "closeTruePositive",
    "closeFalsePositive",
    "closeBenign",
  ]),
  "VerdictRequest.reason": listAll<VerdictReason>()([
    "notOfInterest",
    "tooManySimilar",
    "notAccurate",
    "severityLower",
    "confirmedWithUser",
    "test",
    "other",
  ]),
  "VerdictStatus.result.closure": closures,
  "VerdictStatus.status": statuses,
};

const structure = new Set(["properties", "items", "schema", "anyOf", "oneOf"]);

/** Every enumeration below a node, by its place: the names of schema and members. */
function listEnumerations(
  node: unknown,
  place: readonly string[],
): (readonly [string, string[]])[] {
  if (typeof node !== "object" || node === null) return [];
  if (Array.isArray(node)) return node.flatMap((item: unknown) => listEnumerations(item, place));
  const own = "enum" in node ? [[place.join("."), node.enum as string[]] as const] : [];
  const inner = Object.entries(node).flatMap(([name, child]) =>
    listEnumerations(child, structure.has(name) ? place : [...place, name]),
  );
  return [...own, ...inner];
}

const { components } = JSON.parse(readFileSync("dist/openapi.json", "utf8")) as {
  components: { schemas: object };
};
const described = new Map(listEnumerations(components.schemas, []));

test.each(Object.entries(expected))(
  "the description of %s has the code's values",
  (place, values) => {
    expect(described.get(place)?.toSorted()).toEqual(values.toSorted());
  },
);

test("every enumeration of the description has values that some code uses", () => {
  const known = new Set(
    [...Object.values(expected), ["replayed", "notReplayable", "unknown"]].map((values) =>
      values.toSorted().join(),
    ),
  );
  const unknown = [...described].filter(([, values]) => !known.has(values.toSorted().join()));
  expect(unknown).toEqual([]);
});
