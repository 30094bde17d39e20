/** `npm run hunts -- explain`: what the build understands of a query, and the exact queries that will be sent. */
import { readFileSync } from "node:fs";
import type { CompiledHunt, Pieces } from "../../contracts/compiled-hunt.ts";
import { compileHunt, type HuntOutcome, type Problem } from "../../kql/compile/compile-hunt.ts";
import { checkCatalogue } from "../../kql/compile/compile-catalog.ts";
import { huntName } from "../../kql/compile/hunt-name.ts";
import { inWords } from "../../kql/compile/obstacles.ts";
import { filled } from "../../kql/compile/verify.ts";
import { formatDuration } from "../../runtime/time.ts";
import { placed } from "./check.ts";
import { queriesIn, type FoundQuery } from "./fences.ts";
import type { Output } from "./output.ts";

/** Explains a hunt of the catalogue by its name, or any file. Returns the exit code. */
export function explain(folder: string, which: string, output: Output): number {
  const found = outcomeOf(folder, which);
  if (found === undefined) {
    output.error(
      `There is no hunt ${which} in the catalogue and no such file. npm run hunts lists the hunts.`,
    );
    return 1;
  }
  const { hunt, analysis, problems, warnings } = found;
  for (const problem of problems) output.error(placed(problem));
  for (const warning of warnings) output.error(`warning: ${placed(warning)}`);
  if (!hunt || !analysis) return 1;
  for (const line of [
    ...about(hunt),
    ...analysis.obstacles.map((found) => `  against windows: ${inWords(found)}`),
  ])
    output.line(line);
  for (const [what, pieces] of queriesOf(hunt)) {
    output.line(`\n--- ${what}`);
    output.line(filled(pieces));
  }
  return 0;
}

/** A hunt of the catalogue by name; a `.yaml` file; or the first query of a `.kql`, `.txt` or Markdown file. */
export function outcomeOf(folder: string, which: string): HuntOutcome | undefined {
  const text = readText(which);
  if (text === undefined) return checkCatalogue(folder).find(({ name }) => name === which);
  const name = huntName(which) ?? "query";
  if (/\.ya?ml$/i.test(which)) return compileHunt(which, name, text);
  const [first] = queriesIn(which, text);
  return first && outcomeOfQuery(which, name, first);
}

/** A bare query is wrapped in YAML, one line down and two columns in, and its problems are brought back to the file's lines. */
function outcomeOfQuery(file: string, name: string, { query, line }: FoundQuery): HuntOutcome {
  const yaml = `query: |2-\n${query.replaceAll(/^/gm, "  ")}\n`;
  const outcome = compileHunt(file, name, yaml);
  const inFile = (problem: Problem): Problem => ({
    ...problem,
    line: Math.max(problem.line - 2 + line, 1),
    column: Math.max(problem.column - 2, 1),
  });
  return {
    ...outcome,
    problems: outcome.problems.map(inFile),
    warnings: outcome.warnings.map(inFile),
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
export function about(hunt: CompiledHunt): readonly string[] {
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

function queriesOf(hunt: CompiledHunt): readonly (readonly [string, Pieces])[] {
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
