/**
 * Compiles one hunt's file for the running app: checks it, fills in defaults, rewrites the query.
 */
import { serviceRetentionMs } from "../../contracts/hunting-retention.ts";
import { createHash } from "node:crypto";
import type { CompiledHunt, CompiledQuery, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { huntDefinition, type HuntDefinition } from "../../contracts/hunt-definition.ts";
import type { HuntTest } from "../../contracts/hunt-test.ts";
import { toInputFaults } from "../../contracts/input-faults.ts";
import { dayMs, formatDuration, hourMs, minuteMs } from "../../runtime/time.ts";
import { analyzeQuery, type Analysis } from "./analysis.ts";
import { selectMainObstacle, describeObstacle } from "./obstacles.ts";
import type { LineColumn } from "../language/position.ts";
import { publishedSchema } from "../language/schema.ts";
import { compileQuery } from "./rewrite.ts";
import { computeInterval, createSchedule, type Schedule } from "./schedule.ts";
import { verifyQuery } from "./verify-query.ts";
import { findMisspelledKeys } from "./misspelled-keys.ts";
import { readYaml, type YamlSource } from "./yaml-source.ts";

/** A problem of a hunt with its position in the file. */
export interface HuntProblem extends LineColumn {
  readonly file: string;
  readonly message: string;
}

/** A compiled hunt, or its problems; warnings in either case. */
export interface HuntOutcome {
  readonly hunt: CompiledHunt | undefined;
  readonly analysis: Analysis | undefined;
  /** The test cases of the file. */
  readonly tests: readonly HuntTest[];
  readonly problems: readonly HuntProblem[];
  readonly warnings: readonly HuntProblem[];
}

const defaultLagMs = 15 * minuteMs;
const minSettleMs = 4 * hourMs;

/** Compiles the YAML text of one file against the tables of `schema`. Never throws on bad input. */
export function compileHunt(
  file: string,
  name: string,
  text: string,
  schema = publishedSchema,
): HuntOutcome {
  const source = readYaml(text);
  const parsed = parseDefinition(source);
  if (!parsed.definition)
    return {
      hunt: undefined,
      analysis: undefined,
      tests: [],
      problems: addFile(file, parsed.problems),
      warnings: [],
    };
  const { definition } = parsed;
  const { tests = [] } = definition;
  const analysis = analyzeQuery(definition.query, schema);
  const locateInQuery = ({
    line,
    column,
    message,
  }: LineColumn & { readonly message: string }): LocatedMessage => ({
    message,
    ...source.locateInValue("query", { line, column }),
  });
  const warnings = addFile(file, analysis.warnings.map(locateInQuery));
  if (analysis.errors.length > 0)
    return {
      hunt: undefined,
      analysis,
      tests,
      problems: addFile(file, analysis.errors.map(locateInQuery)),
      warnings,
    };
  const built = buildHunt(name, definition, analysis, source);
  return { hunt: built.hunt, analysis, tests, problems: addFile(file, built.problems), warnings };
}

type LocatedMessage = LineColumn & { readonly message: string };

const addFile = (file: string, messages: readonly LocatedMessage[]): readonly HuntProblem[] =>
  messages.map((message) => ({ file, ...message }));

function parseDefinition(source: YamlSource): {
  definition?: HuntDefinition;
  problems: readonly LocatedMessage[];
} {
  if (source.errors.length > 0) return { problems: source.errors };
  if (source.values === undefined)
    return {
      problems: [
        { line: 1, column: 1, message: "must be a YAML mapping with the keys name and query" },
      ],
    };
  const misspelled = findMisspelledKeys(Object.keys(source.values ?? {})).map(
    ({ key, knownKey }) => ({
      ...source.locateKey(key),
      message: `/${key}: unknown key. Did you mean "${knownKey}"?`,
    }),
  );
  const parsed = huntDefinition.safeParse(source.values);
  if (parsed.success && misspelled.length === 0) return { definition: parsed.data, problems: [] };
  const invalid = (parsed.error?.issues ?? []).flatMap((issue) =>
    toInputFaults({ issues: [issue] }).map(({ path, message }) => ({
      ...source.locateKey(String(issue.path[0] ?? "")),
      message: `${path}: ${message}`,
    })),
  );
  return { problems: [...misspelled, ...invalid] };
}

function buildHunt(
  name: string,
  definition: HuntDefinition,
  analysis: Analysis,
  source: YamlSource,
): { readonly hunt: CompiledHunt | undefined; readonly problems: readonly LocatedMessage[] } {
  const { mode, reason } = chooseMode(definition, analysis);
  const { schedule, intervalMs } = chooseSchedule(name, definition, mode);
  const query = compileQuery(analysis, {
    isRestricted: mode === "window" || definition.lookBack !== undefined,
    hasHistogram: mode === "window",
  });
  const problems = findProblems({ definition, analysis, mode, query, source });
  if (problems.length > 0) return { hunt: undefined, problems };
  const hunt: CompiledHunt = {
    ...describeHunt(name, definition),
    schedule,
    intervalMs,
    mode,
    modeReason: reason,
    lookBackMs: computeLookBackMs(definition, analysis, mode),
    lagMs: definition.lag ?? defaultLagMs,
    settleMs: definition.settle ?? Math.max(3 * intervalMs, minSettleMs),
    ...limitWindows(mode, analysis),
    format: definition.format,
    enrich: definition.enrich,
    enabled: definition.enabled,
    tables: analysis.tables,
    columns: analysis.columns,
    queryHash: hashOf(definition, mode),
    source: definition.query,
    query,
  };
  return { hunt, problems: [] };
}

const describeHunt = (
  name: string,
  definition: HuntDefinition,
): Pick<
  CompiledHunt,
  "name" | "title" | "description" | "severity" | "tactics" | "techniques"
> => ({
  name,
  title: definition.name?.trim() || name,
  description: definition.description?.trim() ?? "",
  severity: definition.severity ?? undefined,
  tactics: definition.tactics,
  techniques: definition.relevantTechniques,
});

const limitWindows = (
  mode: CompiledHunt["mode"],
  { widestMs, timeColumn }: Analysis,
): Pick<CompiledHunt, "widestMs" | "timeColumn"> =>
  mode === "window"
    ? { ...(widestMs !== undefined && { widestMs }), timeColumn }
    : { timeColumn: undefined };

function chooseMode(
  { mode }: HuntDefinition,
  { obstacles, operators }: Analysis,
): { readonly mode: "window" | "snapshot"; readonly reason: string } {
  if (mode !== "auto") return { mode, reason: "the file says so" };
  const first = selectMainObstacle(obstacles);
  if (!first)
    return {
      mode: "window",
      reason: `every operator works row by row${formatOperators(operators)}`,
    };
  const more = obstacles.length === 1 ? "" : `, and ${obstacles.length - 1} more`;
  return { mode: "snapshot", reason: describeObstacle(first) + more };
}

const formatOperators = (operators: readonly string[]): string =>
  operators.length === 0 ? "" : `: ${operators.join(", ")}`;

function chooseSchedule(
  name: string,
  definition: HuntDefinition,
  mode: "window" | "snapshot",
): Schedule {
  const defaultSchedule = createSchedule(
    definition.queryFrequency ?? (mode === "window" ? hourMs : dayMs),
    name,
  );
  if (definition.schedule === undefined) return defaultSchedule;
  const interval = isSetting(definition.schedule)
    ? defaultSchedule
    : computeInterval(definition.schedule);
  return {
    schedule: definition.schedule.trim(),
    intervalMs: "intervalMs" in interval ? interval.intervalMs : defaultSchedule.intervalMs,
  };
}

const isSetting = (schedule: string): boolean => /^%[A-Za-z_]\w*%$/.test(schedule.trim());

function computeLookBackMs(
  definition: HuntDefinition,
  { maxAgoMs }: Analysis,
  mode: "window" | "snapshot",
): number {
  const requestedMs = definition.lookBack ?? definition.queryPeriod ?? maxAgoMs;
  return Math.min(
    requestedMs ?? (mode === "window" ? dayMs : serviceRetentionMs),
    serviceRetentionMs,
  );
}

/** Hashes what starts a new version of the log. */
const hashOf = ({ query, format, enrich }: HuntDefinition, mode: "window" | "snapshot"): string =>
  createHash("sha256")
    .update(JSON.stringify([query.replaceAll("\r\n", "\n").trim(), mode, format, enrich ?? null]))
    .digest("hex");

/** A hunt before its last checks. */
interface HuntDraft {
  readonly definition: HuntDefinition;
  readonly analysis: Analysis;
  readonly mode: "window" | "snapshot";
  readonly query: CompiledQuery;
  readonly source: YamlSource;
}

function findProblems(draft: HuntDraft): readonly LocatedMessage[] {
  const { definition, analysis, mode, query, source } = draft;
  const locateMessages = (key: string, messages: readonly string[]): readonly LocatedMessage[] =>
    messages.map((message) => ({ ...source.locateKey(key), message }));
  return [
    ...locateMessages("mode", definition.mode === "window" ? findWindowProblems(analysis) : []),
    ...locateMessages("lookBack", findLookBackProblems(definition, analysis, mode)),
    ...locateMessages("schedule", findScheduleProblems(definition)),
    ...locateMessages("enrich", findEnrichProblems(definition, analysis.columns)),
    ...locateMessages("query", verifyQuery(analysis, query)),
  ];
}

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
