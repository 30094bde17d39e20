/**
 * Compiles one hunt's file for the running app: checks it, fills in defaults, rewrites the query.
 */
import { serviceRetentionMs } from "../../contracts/hunting-retention.ts";
import { createHash } from "node:crypto";
import type { CompiledHunt, HuntParameter } from "../../contracts/compiled-hunt.ts";
import { huntDefinition, type HuntDefinition } from "../../contracts/hunt-definition.ts";
import type { HuntTest } from "../../contracts/hunt-test.ts";
import { formatParameterLets } from "../../contracts/hunt-parameters.ts";
import { toInputFaults } from "../../contracts/input-faults.ts";
import { dayMs, hourMs, minuteMs } from "../../runtime/time.ts";
import { analyzeQuery, type Analysis } from "./analysis.ts";
import { findTechniqueWarnings } from "./check-techniques.ts";
import { selectMainObstacle, describeObstacle } from "./obstacles.ts";
import type { LineColumn } from "../language/position.ts";
import { publishedSchema, type QuerySchema } from "../language/schema.ts";
import { compileQuery } from "./rewrite.ts";
import { computeInterval, createSchedule, type Schedule } from "./schedule.ts";
import { findProblems, isSetting, type LocatedMessage } from "./hunt-problems.ts";
import { appendKnownRows, compileKnownRows } from "./known-rows.ts";
import { createParameterEdits, markFixedParameters, readParameters } from "./parameters.ts";
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
  const outcome = compileDefinition({ name, source, schema }, parsed.definition);
  return {
    ...outcome,
    problems: addFile(file, outcome.problems),
    warnings: addFile(file, outcome.warnings),
  };
}

/** A file of a hunt and the tables of its tenant. */
interface HuntFile {
  readonly name: string;
  readonly source: YamlSource;
  readonly schema: QuerySchema;
}

type LocatedOutcome = Pick<HuntOutcome, "hunt" | "analysis" | "tests"> & {
  readonly problems: readonly LocatedMessage[];
  readonly warnings: readonly LocatedMessage[];
};

function compileDefinition(file: HuntFile, definition: HuntDefinition): LocatedOutcome {
  const { source, schema } = file;
  const { tests = [], query, known = [] } = definition;
  const texts = [query, ...known.map(({ where }) => where)];
  const { parameters, problems } = readParameters(definition, texts, schema);
  if (problems.length > 0)
    return {
      hunt: undefined,
      analysis: undefined,
      tests,
      problems: problems.map((message) => ({ message, ...source.locateKey("parameters") })),
      warnings: [],
    };
  const lets = formatParameterLets(parameters);
  const analysis = analyzeQuery(lets + query, schema);
  const locateInQuery = ({ line, column, message }: LocatedMessage): LocatedMessage => {
    const shift = line === 1 ? lets.length : 0;
    return column <= shift
      ? { message, ...source.locateKey("parameters") }
      : { message, ...source.locateInValue("query", { line, column: column - shift }) };
  };
  const warnings = [
    ...analysis.warnings.map(locateInQuery),
    ...findTechniqueWarnings(definition.relevantTechniques).map((message) => ({
      message,
      ...source.locateKey("relevantTechniques"),
    })),
  ];
  if (analysis.errors.length > 0)
    return {
      hunt: undefined,
      analysis,
      tests,
      problems: analysis.errors.map(locateInQuery),
      warnings,
    };
  return { ...buildHunt(file, definition, analysis, parameters), analysis, tests, warnings };
}

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
  { name, source }: HuntFile,
  definition: HuntDefinition,
  analysis: Analysis,
  parameters: readonly HuntParameter[],
): { readonly hunt: CompiledHunt | undefined; readonly problems: readonly LocatedMessage[] } {
  const { mode, reason } = chooseMode(definition, analysis);
  const { schedule, intervalMs } = chooseSchedule(name, definition, mode);
  const { known = [] } = definition;
  const query = {
    ...compileQuery(analysis, {
      isRestricted: mode === "window" || definition.lookBack !== undefined,
      hasHistogram: mode === "window",
      parameterEdits: createParameterEdits(parameters),
    }),
    ...compileKnownRows(analysis, known),
  };
  const problems = findProblems({ definition, analysis, mode, query, parameters, source });
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
    queryHash: hashOf(definition, mode, parameters),
    source: appendKnownRows(analysis, known),
    parameters:
      mode === "window" ? markFixedParameters(parameters, definition.query, analysis) : parameters,
    known,
    query,
  };
  return { hunt, problems: [] };
}

const describeHunt = (
  name: string,
  definition: HuntDefinition,
): Pick<
  CompiledHunt,
  | "name"
  | "title"
  | "description"
  | "severity"
  | "tactics"
  | "techniques"
  | "owner"
  | "runbook"
  | "falsePositives"
  | "reviewBy"
  | "tenants"
> => ({
  name,
  title: definition.name?.trim() || name,
  description: definition.description?.trim() ?? "",
  severity: definition.severity ?? undefined,
  tactics: definition.tactics,
  techniques: definition.relevantTechniques,
  owner: definition.owner?.trim() || undefined,
  runbook: definition.runbook?.trim() || undefined,
  falsePositives: definition.falsePositives,
  reviewBy: definition.reviewBy ?? undefined,
  tenants: definition.tenants,
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
function hashOf(
  { query, format, enrich }: HuntDefinition,
  mode: "window" | "snapshot",
  parameters: readonly HuntParameter[],
): string {
  const text = query.replaceAll("\r\n", "\n").trim();
  const values = parameters.map(({ name, literal }) => [name, literal]);
  const parts = [text, mode, format, enrich ?? null, ...(values.length > 0 ? [values] : [])];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
