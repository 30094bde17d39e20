/** Finds contradictions between the parts of a hunt's file: its keys and its query. */
import type { CompiledQuery, HuntColumn, HuntParameter } from "../../contracts/compiled-hunt.ts";
import type { HuntDefinition } from "../../contracts/hunt-definition.ts";
import { serviceRetentionMs } from "../../contracts/hunting-retention.ts";
import { toParameterSlots } from "../../contracts/hunt-parameters.ts";
import { formatDuration } from "../../runtime/time.ts";
import type { LineColumn } from "../language/position.ts";
import type { Analysis } from "./analysis.ts";
import { findKnownProblems } from "./known-rows.ts";
import { describeObstacle } from "./obstacles.ts";
import { computeInterval } from "./schedule.ts";
import { verifyQuery } from "./verify-query.ts";
import type { YamlSource } from "./yaml-source.ts";

/** A message with its position in the file. */
export type LocatedMessage = LineColumn & { readonly message: string };

/** A hunt before its last checks. */
export interface HuntDraft {
  readonly definition: HuntDefinition;
  readonly analysis: Analysis;
  readonly mode: "window" | "snapshot";
  readonly query: CompiledQuery;
  readonly parameters: readonly HuntParameter[];
  readonly source: YamlSource;
}

/** Returns what the parts of a valid file contradict. */
export function findProblems(draft: HuntDraft): readonly LocatedMessage[] {
  const { definition, analysis, mode, query, parameters, source } = draft;
  const { known = [] } = definition;
  const locateMessages = (key: string, messages: readonly string[]): readonly LocatedMessage[] =>
    messages.map((message) => ({ ...source.locateKey(key), message }));
  return [
    ...locateMessages("mode", definition.mode === "window" ? findWindowProblems(analysis) : []),
    ...locateMessages("lookBack", findLookBackProblems(definition, analysis, mode)),
    ...locateMessages("schedule", findScheduleProblems(definition)),
    ...locateMessages("enrich", findEnrichProblems(definition, analysis.columns)),
    ...locateMessages("known", findKnownProblems(analysis, known, parameters)),
    ...locateMessages("query", findColumnProblems(analysis.columns)),
    ...locateMessages("query", verifyQuery(analysis, query, toParameterSlots(parameters))),
  ];
}

/** Columns with this prefix are the parts of an export's path. */
const partitionPrefix = "hl_";

const findColumnProblems = (columns: readonly HuntColumn[]): readonly string[] =>
  columns
    .filter(({ name }) => name.toLowerCase().startsWith(partitionPrefix))
    .map(
      ({ name }) =>
        `/query: the column ${name} must have another name, as readers of exports take columns that begin with hl_ from the path`,
    );

const findWindowProblems = ({ obstacles }: Analysis): readonly string[] =>
  obstacles
    .filter(({ isOverridable }) => !isOverridable)
    .slice(0, 1)
    .map(
      (first) =>
        `/mode: must be auto or snapshot, as windows change the result: ${describeObstacle(first)}`,
    );

function findLookBackProblems(
  definition: HuntDefinition,
  { reads }: Analysis,
  mode: "window" | "snapshot",
): readonly string[] {
  if (definition.lookBack === undefined) return [];
  const unrestrictedRead =
    mode === "snapshot" ? reads.find(({ restrict }) => restrict === "never") : undefined;
  return [
    ...(definition.lookBack > serviceRetentionMs
      ? [`/lookBack: must be at most ${formatDuration(serviceRetentionMs)}, as the service keeps`]
      : []),
    ...(unrestrictedRead
      ? [`/lookBack: cannot be applied, because ${unrestrictedRead.reason}; name the tables`]
      : []),
  ];
}

/** Returns true for the name of an app setting. */
export const isSetting = (schedule: string): boolean => /^%[A-Za-z_]\w*%$/.test(schedule.trim());

function findScheduleProblems({ schedule }: HuntDefinition): readonly string[] {
  if (schedule === undefined || isSetting(schedule)) return [];
  const interval = computeInterval(schedule);
  return "problem" in interval
    ? [`/schedule: ${interval.problem}; such as 0 15 * * * *, or %APP_SETTING%`]
    : [];
}

function findEnrichProblems(
  { enrich }: HuntDefinition,
  columns: readonly HuntColumn[],
): readonly string[] {
  if (enrich === undefined) return [];
  const column = columns.find(({ name }) => name === enrich);
  if (column?.type === "string") return [];
  const textColumns = columns.filter(({ type }) => type === "string").map(({ name }) => name);
  const names = textColumns.join(", ") || "there is none";
  return [`/enrich: must be a text column of the result (${names}), not ${enrich}`];
}
