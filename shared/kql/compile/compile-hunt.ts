/** One hunt's file to what the running app needs of it: checked, its defaults filled in, its query in pieces. */
import { createHash } from "node:crypto";
import type { CompiledHunt, CompiledQuery, HuntColumn } from "../../contracts/compiled-hunt.ts";
import { huntDefinition, type HuntDefinition } from "../../contracts/hunt-definition.ts";
import { dayMs, formatDuration, hourMs, minuteMs } from "../../runtime/time.ts";
import { analyse, type Analysis } from "./analysis.ts";
import { foremost, inWords } from "./obstacles.ts";
import type { LineColumn } from "../language/position.ts";
import { compileQuery } from "./rewrite.ts";
import { intervalOf, scheduleEvery, type Schedule } from "./schedule.ts";
import { verify } from "./verify.ts";
import { readYaml, type YamlSource } from "./yaml-source.ts";

/** Something wrong with a hunt, at its place in the file. */
export interface Problem extends LineColumn {
  readonly file: string;
  readonly message: string;
}

/** A hunt compiled, or why it is not. Warnings stand beside either. */
export interface HuntOutcome {
  readonly hunt: CompiledHunt | undefined;
  readonly analysis: Analysis | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Longest look-back: the service keeps 30 days. */
export const keptMs = 30 * dayMs;

const defaultLagMs = 15 * minuteMs;
const leastSettleMs = 4 * hourMs;

/** Compiles the YAML text of one file. Never throws on bad input. */
export function compileHunt(file: string, name: string, text: string): HuntOutcome {
  const source = readYaml(text);
  const checked = definitionOf(source);
  if (!checked.definition)
    return {
      hunt: undefined,
      analysis: undefined,
      problems: inFile(file, checked.problems),
      warnings: [],
    };
  const { definition } = checked;
  const analysis = analyse(definition.query);
  const inQuery = ({
    line,
    column,
    message,
  }: LineColumn & { readonly message: string }): Finding => ({
    message,
    ...source.within("query", { line, column }),
  });
  const warnings = inFile(file, analysis.warnings.map(inQuery));
  if (analysis.errors.length > 0)
    return {
      hunt: undefined,
      analysis,
      problems: inFile(file, analysis.errors.map(inQuery)),
      warnings,
    };
  const made = fill(name, definition, analysis, source);
  return { hunt: made.hunt, analysis, problems: inFile(file, made.problems), warnings };
}

type Finding = LineColumn & { readonly message: string };

const inFile = (file: string, findings: readonly Finding[]): readonly Problem[] =>
  findings.map((finding) => ({ file, ...finding }));

function definitionOf(source: YamlSource): {
  definition?: HuntDefinition;
  problems: readonly Finding[];
} {
  if (source.errors.length > 0) return { problems: source.errors };
  if (source.values === undefined)
    return {
      problems: [
        { line: 1, column: 1, message: "expected a YAML mapping with the keys name and query" },
      ],
    };
  const parsed = huntDefinition.safeParse(source.values);
  if (parsed.success) return { definition: parsed.data, problems: [] };
  return {
    problems: parsed.error.issues.map(({ path, message }) => ({
      ...source.at(String(path[0] ?? "")),
      message: `/${path.join("/")}: ${message}`,
    })),
  };
}

function fill(
  name: string,
  definition: HuntDefinition,
  analysis: Analysis,
  source: YamlSource,
): { readonly hunt: CompiledHunt | undefined; readonly problems: readonly Finding[] } {
  const { mode, reason } = chosenMode(definition, analysis);
  const { schedule, intervalMs } = chosenSchedule(name, definition, mode);
  const query = compileQuery(analysis, {
    restricted: mode === "window" || definition.lookBack !== undefined,
    histogram: mode === "window",
  });
  const problems = problemsOf(definition, analysis, mode, query, source);
  if (problems.length > 0) return { hunt: undefined, problems };
  const hunt: CompiledHunt = {
    name,
    title: definition.name?.trim() || name,
    description: definition.description?.trim() ?? "",
    severity: definition.severity ?? undefined,
    tactics: definition.tactics,
    techniques: definition.relevantTechniques,
    schedule,
    intervalMs,
    mode,
    modeReason: reason,
    lookBackMs: lookBack(definition, analysis, mode),
    lagMs: definition.lag ?? defaultLagMs,
    settleMs: definition.settle ?? Math.max(3 * intervalMs, leastSettleMs),
    ...(mode === "window" && analysis.widestMs !== undefined
      ? { widestMs: analysis.widestMs }
      : {}),
    format: definition.format,
    enrich: definition.enrich,
    enabled: definition.enabled,
    tables: analysis.tables,
    columns: analysis.columns,
    timeColumn: mode === "window" ? analysis.timeColumn : undefined,
    queryHash: hashOf(definition, mode),
    source: definition.query,
    query,
  };
  return { hunt, problems: [] };
}

function chosenMode(
  { mode }: HuntDefinition,
  { obstacles, operators }: Analysis,
): { readonly mode: "window" | "snapshot"; readonly reason: string } {
  if (mode !== "auto") return { mode, reason: "the file says so" };
  const first = foremost(obstacles);
  if (!first)
    return { mode: "window", reason: `every operator works row by row${listed(operators)}` };
  const more = obstacles.length === 1 ? "" : `, and ${obstacles.length - 1} more`;
  return { mode: "snapshot", reason: inWords(first) + more };
}

const listed = (operators: readonly string[]): string =>
  operators.length === 0 ? "" : `: ${operators.join(", ")}`;

function chosenSchedule(
  name: string,
  definition: HuntDefinition,
  mode: "window" | "snapshot",
): Schedule {
  const every = scheduleEvery(
    definition.queryFrequency ?? (mode === "window" ? hourMs : dayMs),
    name,
  );
  if (definition.schedule === undefined) return every;
  const asked = isSetting(definition.schedule) ? every : intervalOf(definition.schedule);
  return {
    schedule: definition.schedule.trim(),
    intervalMs: "intervalMs" in asked ? asked.intervalMs : every.intervalMs,
  };
}

const isSetting = (schedule: string): boolean => /^%[A-Za-z_]\w*%$/.test(schedule.trim());

function lookBack(
  definition: HuntDefinition,
  { longestAgoMs }: Analysis,
  mode: "window" | "snapshot",
): number {
  const asked = definition.lookBack ?? definition.queryPeriod ?? longestAgoMs;
  return Math.min(asked ?? (mode === "window" ? dayMs : keptMs), keptMs);
}

/** What a new version of the log depends on. */
const hashOf = ({ query, format, enrich }: HuntDefinition, mode: "window" | "snapshot"): string =>
  createHash("sha256")
    .update(JSON.stringify([query.replaceAll("\r\n", "\n").trim(), mode, format, enrich ?? null]))
    .digest("hex");

function problemsOf(
  definition: HuntDefinition,
  analysis: Analysis,
  mode: "window" | "snapshot",
  query: CompiledQuery,
  source: YamlSource,
): readonly Finding[] {
  return [
    ...(definition.mode === "window" ? windowProblems(analysis) : []).map((message) => ({
      ...source.at("mode"),
      message,
    })),
    ...lookBackProblems(definition, analysis, mode).map((message) => ({
      ...source.at("lookBack"),
      message,
    })),
    ...scheduleProblems(definition).map((message) => ({ ...source.at("schedule"), message })),
    ...enrichProblems(definition, analysis.columns).map((message) => ({
      ...source.at("enrich"),
      message,
    })),
    ...verify(analysis, query).map((message) => ({ ...source.at("query"), message })),
  ];
}

const windowProblems = ({ obstacles }: Analysis): readonly string[] =>
  obstacles
    .filter(({ overridable }) => !overridable)
    .slice(0, 1)
    .map(
      (first) =>
        `/mode: windows would change the result: ${inWords(first)}. Leave mode out, or write snapshot`,
    );

function lookBackProblems(
  definition: HuntDefinition,
  { reads }: Analysis,
  mode: "window" | "snapshot",
): readonly string[] {
  if (definition.lookBack === undefined) return [];
  const unreachable =
    mode === "snapshot" ? reads.find(({ restrict }) => restrict === "never") : undefined;
  return [
    ...(definition.lookBack > keptMs
      ? [`/lookBack: expected at most ${formatDuration(keptMs)}, what the service keeps`]
      : []),
    ...(unreachable
      ? [
          `/lookBack: cannot be applied because ${unreachable.why}; name the tables, or leave lookBack out`,
        ]
      : []),
  ];
}

function scheduleProblems({ schedule }: HuntDefinition): readonly string[] {
  if (schedule === undefined || isSetting(schedule)) return [];
  const asked = intervalOf(schedule);
  return "problem" in asked
    ? [`/schedule: ${asked.problem}; expected NCRONTAB such as 0 15 * * * *, or %APP_SETTING%`]
    : [];
}

function enrichProblems(
  { enrich }: HuntDefinition,
  columns: readonly HuntColumn[],
): readonly string[] {
  if (enrich === undefined) return [];
  const column = columns.find(({ name }) => name === enrich);
  if (column?.type === "string") return [];
  const known = columns.filter(({ type }) => type === "string").map(({ name }) => name);
  return [
    `/enrich: the result has no text column ${enrich}; expected one of ${known.join(", ") || "none"}`,
  ];
}
