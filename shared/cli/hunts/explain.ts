/** `npm run hunts -- explain`: what the build understands of a query, and the exact queries that will be sent. */
import { readFileSync } from "node:fs";
import type { CompiledHunt, Pieces } from "../../contracts/compiled-hunt.ts";
import { compileHunt, type HuntOutcome, type HuntProblem } from "../../kql/compile/compile-hunt.ts";
import { checkCatalog } from "../../kql/compile/compile-catalog.ts";
import { toHuntName } from "../../kql/compile/hunt-name.ts";
import { describeObstacle } from "../../kql/compile/obstacles.ts";
import { fillSlots } from "../../kql/compile/verify-query.ts";
import { formatDuration } from "../../runtime/time.ts";
import { formatProblem } from "./check.ts";
import { findQueries, type SourceQuery } from "./find-queries.ts";
import type { Output } from "../output.ts";

/** Explains a hunt of the catalogue by its name, or any file. Returns the exit code. */
export function explainHunt(folder: string, huntOrFile: string, output: Output): number {
  const outcome = findOutcome(folder, huntOrFile);
  if (outcome === undefined) {
    output.error(
      `There is no hunt ${huntOrFile} in the catalogue and no such file. npm run hunts lists the hunts.`,
    );
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
    output.line(fillSlots(pieces));
  }
  return 0;
}

/** A hunt of the catalogue by name; a `.yaml` file; or the first query of a `.kql`, `.txt` or Markdown file. */
export function findOutcome(folder: string, huntOrFile: string): HuntOutcome | undefined {
  const text = readText(huntOrFile);
  if (text === undefined) return checkCatalog(folder).find(({ name }) => name === huntOrFile);
  const name = toHuntName(huntOrFile) ?? "query";
  if (/\.ya?ml$/i.test(huntOrFile)) return compileHunt(huntOrFile, name, text);
  const [first] = findQueries(huntOrFile, text);
  return first && compileQuery(huntOrFile, name, first);
}

/** A bare query is wrapped in YAML, one line down and two columns in, and its problems are brought back to the file's lines. */
function compileQuery(file: string, name: string, { query, line }: SourceQuery): HuntOutcome {
  const yaml = `query: |2-\n${query.replaceAll(/^/gm, "  ")}\n`;
  const outcome = compileHunt(file, name, yaml);
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

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The analysis of a hunt, a line each. */
export function describeHunt(hunt: CompiledHunt): readonly string[] {
  const { query } = hunt;
  return [
    `${hunt.name}: ${hunt.title}`,
    `  mode       ${hunt.mode}: ${hunt.modeReason}`,
    `  tables     ${hunt.tables.join(", ") || "none"}`,
    `  columns    ${hunt.columns.map(({ name, type }) => `${name}: ${type}`).join(", ")}`,
    `  time       ${hunt.timeColumn ?? "the result has no column with the event's time, or it is a snapshot"}`,
    `  schedule   ${hunt.schedule} (UTC), every ${formatDuration(hunt.intervalMs)}`,
    `  look-back  ${formatDuration(hunt.lookBackMs)}, lag ${formatDuration(hunt.lagMs)}, settle ${formatDuration(hunt.settleMs)}`,
    `  widest     ${hunt.widestMs === undefined ? "no limit by the query's own times" : `${hunt.widestMs} ms, by the query's own times`}`,
    `  shards     ${query.shardedBy ?? "cannot be sharded: the rows of two askings may differ"}`,
  ];
}

function listQueries(hunt: CompiledHunt): readonly (readonly [string, Pieces])[] {
  const { prelude, inPlace, countSuffix, histogramSuffix, shardSuffix } = hunt.query;
  return [
    [
      hunt.mode === "window"
        ? "one window (times are samples)"
        : "the snapshot (times are samples)",
      prelude,
    ],
    ["the same, restricted in place", inPlace],
    ["added to count", countSuffix],
    ...(histogramSuffix ? ([["added to count by time", histogramSuffix]] as const) : []),
    ...(shardSuffix ? ([["added for one shard of two", shardSuffix]] as const) : []),
  ];
}
