/** `npm run hunts -- explain`: shows the analysis of a query and the queries that will be sent. */
import { readDeclaredTables } from "../../kql/compile/declared-tables.ts";
import type { QuerySchema } from "../../kql/language/schema.ts";
import { existsSync, readFileSync, statSync } from "node:fs";
import type { CompiledHunt, Pieces } from "../../contracts/compiled-hunt.ts";
import { compileHunt, type HuntOutcome, type HuntProblem } from "../../kql/compile/compile-hunt.ts";
import { toParameterSlots } from "../../contracts/hunt-parameters.ts";
import { checkCatalog } from "../../kql/compile/compile-catalog.ts";
import { toHuntName } from "../../kql/compile/hunt-name.ts";
import { describeObstacle } from "../../kql/compile/obstacles.ts";
import { fillSlots } from "../../kql/compile/verify-query.ts";
import { decodeText } from "../../runtime/decode-text.ts";
import { formatSuggestion } from "../../runtime/suggest-word.ts";
import { formatDuration } from "../../runtime/time.ts";
import { formatProblem } from "./check.ts";
import { findQueries, type SourceQuery } from "./find-queries.ts";
import type { Output } from "../output.ts";

/** Explains a hunt of the catalog by its name, or any file. Returns the exit code. */
export function explainHunt(folder: string, huntOrFile: string, output: Output): number {
  const outcome = findOutcome(folder, huntOrFile);
  if (outcome === undefined) {
    output.error(formatNotFound(folder, huntOrFile));
    return 1;
  }
  const { hunt, analysis, problems, warnings } = outcome;
  for (const problem of problems) output.error(formatProblem(problem));
  for (const warning of warnings) output.error(`warning: ${formatProblem(warning)}`);
  if (!hunt || !analysis) return 1;
  for (const line of [
    ...describeHunt(hunt),
    ...analysis.obstacles.map((obstacle) => `  against windows: ${describeObstacle(obstacle)}`),
  ])
    output.line(line);
  for (const [what, pieces] of listQueries(hunt)) {
    output.line(`\n--- ${what}`);
    output.line(fillSlots(pieces, toParameterSlots(hunt.parameters)));
  }
  return 0;
}

/** Names the nearest hunt of the catalog, where one is near. */
export function formatNotFound(folder: string, huntOrFile: string): string {
  const names = checkCatalog(folder).map(({ name }) => name);
  return (
    `There is no hunt and no file named ${huntOrFile}.` +
    `${formatSuggestion(huntOrFile, names)} npm run hunts lists the hunts.`
  );
}

/** Finds a hunt of the catalog by its name; else compiles a YAML file, or a file's first query. */
export function findOutcome(folder: string, huntOrFile: string): HuntOutcome | undefined {
  const text = readText(huntOrFile);
  if (text === undefined) return checkCatalog(folder).find(({ name }) => name === huntOrFile);
  const name = toHuntName(huntOrFile) ?? "query";
  const { schema } = readDeclaredTables(folder);
  if (/\.ya?ml$/i.test(huntOrFile)) return compileHunt(huntOrFile, name, text, schema);
  const [first] = findQueries(huntOrFile, text);
  return first && compileQuery({ file: huntOrFile, name, schema }, first);
}

/** Wraps a query in YAML, then moves its problems back by the added line and two columns. */
function compileQuery(
  { file, name, schema }: { file: string; name: string; schema: QuerySchema },
  { query, line }: SourceQuery,
): HuntOutcome {
  const yaml = `query: |2-\n${query.replaceAll(/^/gm, "  ")}\n`;
  const outcome = compileHunt(file, name, yaml, schema);
  const toFileProblem = (problem: HuntProblem): HuntProblem => ({
    ...problem,
    line: Math.max(problem.line - 2 + line, 1),
    column: Math.max(problem.column - 2, 1),
  });
  return {
    ...outcome,
    problems: outcome.problems.map(toFileProblem),
    warnings: outcome.warnings.map(toFileProblem),
  };
}

/** Returns a file's text, or `undefined` without a file. @throws Error for other encodings */
function readText(path: string): string | undefined {
  if (!existsSync(path) || !statSync(path).isFile()) return undefined;
  const decoded = decodeText(readFileSync(path));
  if (decoded.kind === "invalid") throw new Error(`${path}: ${decoded.message}`);
  return decoded.text;
}

/** Describes the analysis of a hunt in lines. */
export function describeHunt(hunt: CompiledHunt): readonly string[] {
  const { query } = hunt;
  return [
    `${hunt.name}: ${hunt.title}`,
    `  mode       ${hunt.mode}: ${hunt.modeReason}`,
    `  tables     ${hunt.tables.join(", ") || "none"}`,
    `  columns    ${hunt.columns.map(({ name, type }) => `${name}: ${type}`).join(", ")}`,
    `  time       ${hunt.timeColumn ?? "no column has the event's time, or it is a snapshot"}`,
    `  schedule   ${hunt.schedule} (UTC), every ${formatDuration(hunt.intervalMs)}`,
    `  look-back  ${formatDuration(hunt.lookBackMs)}`,
    `  lag        ${formatDuration(hunt.lagMs)}, settle ${formatDuration(hunt.settleMs)}`,
    `  widest     ${hunt.widestMs === undefined ? "not limited by the query" : `${hunt.widestMs} ms, limited by the query`}`,
    ...hunt.parameters.map(
      ({ name, type, literal, description }) =>
        `  parameter  ${name}: ${type} = ${literal}${description && ` (${description})`}`,
    ),
    ...hunt.known.map(({ where, until, why }) => `  known      until ${until}: ${where} (${why})`),
    ...describeCare(hunt),
    `  shards     ${query.shardedBy ?? "not possible: two runs may return different rows"}`,
  ];
}

/** Who answers for the hunt, and what to do with its results. */
const describeCare = (hunt: CompiledHunt): readonly string[] =>
  [
    ["owner", hunt.owner],
    ["runbook", hunt.runbook],
    ["review by", hunt.reviewBy],
    ["tenants", hunt.tenants?.join(", ")],
    ["expected", hunt.falsePositives.join("; ") || undefined],
  ].flatMap(([label = "", text]) => (text === undefined ? [] : [`  ${label.padEnd(10)} ${text}`]));

function listQueries(hunt: CompiledHunt): readonly (readonly [string, Pieces])[] {
  const { prelude, inPlace, countSuffix, histogramSuffix, shardSuffix } = hunt.query;
  const { knownSuffix, suppressedSuffix } = hunt.query;
  return [
    [
      hunt.mode === "window"
        ? "one window (times are samples)"
        : "the snapshot (times are samples)",
      prelude,
    ],
    ["the same, with each table restricted in place", inPlace],
    ...(knownSuffix ? ([["suffix that leaves known rows out", knownSuffix]] as const) : []),
    ...(suppressedSuffix
      ? ([["in its place, to count the known rows", suppressedSuffix]] as const)
      : []),
    ["suffix that counts", countSuffix],
    ...(histogramSuffix ? ([["suffix that counts by time", histogramSuffix]] as const) : []),
    ...(shardSuffix ? ([["suffix of one shard of two", shardSuffix]] as const) : []),
  ];
}
