/** Compiles the key `known` of a hunt: rows that are left out of the result until an instant. */
import type { CompiledQuery, HuntParameter, Pieces } from "../../contracts/compiled-hunt.ts";
import { formatParameterLets } from "../../contracts/hunt-parameters.ts";
import type { KnownRow } from "../../contracts/known-rows.ts";
import { analyzeQuery, type Analysis } from "./analysis.ts";
import { findClockCalls } from "./clock-use.ts";
import { quoteColumnName } from "./rewrite.ts";
import { fillSlots } from "./verify-query.ts";

/** A row counts by its own time; a result without a time column, by the clock of the run. */
const createCondition = (
  { where, until }: KnownRow,
  timeColumn: string | undefined,
  clock: Pieces[number],
): Pieces => [
  `coalesce((${where}\n) and `,
  timeColumn === undefined ? clock : quoteColumnName(timeColumn),
  ` < datetime(${until}), false)`,
];

/** Returns what leaves the known rows out, and what counts them. */
export function compileKnownRows(
  { timeColumn }: Analysis,
  known: readonly KnownRow[],
): Pick<CompiledQuery, "knownSuffix" | "suppressedSuffix"> {
  if (known.length === 0) return {};
  const conditions = known.map((row) => createCondition(row, timeColumn, { slot: "clock" }));
  return {
    knownSuffix: conditions.flatMap((condition): Pieces => ["\n| where not(", ...condition, ")"]),
    suppressedSuffix: [
      "\n| where ",
      ...conditions.flatMap((condition, index): Pieces =>
        index === 0 ? condition : [" or ", ...condition],
      ),
      "\n| count",
    ],
  };
}

/** Returns the author's query with the lines that leave the known rows out. */
export function appendKnownRows(
  { query, timeColumn, end }: Analysis,
  known: readonly KnownRow[],
): string {
  if (known.length === 0) return query;
  const lines = known.map(
    (row) => `\n| where not(${fillSlots(createCondition(row, timeColumn, "now()"))})`,
  );
  return query.slice(0, end) + lines.join("");
}

/** Returns the problems of the conditions; each must judge a row by its columns alone. */
export function findKnownProblems(
  analysis: Analysis,
  known: readonly KnownRow[],
  parameters: readonly HuntParameter[],
): readonly string[] {
  const { columns, timeColumn, schema } = analysis;
  const names = columns.map(({ name, type }) => `${quoteColumnName(name)}: ${type}`).join(", ");
  const table = `${formatParameterLets(parameters)}datatable(${names}) []`;
  return known.flatMap((row, index) => {
    const condition = fillSlots(createCondition(row, timeColumn, "datetime(2026-01-05)"));
    const checked = analyzeQuery(`${table}\n| where not(${condition})`, schema);
    const problem = checked.errors[0]?.message ?? findDependence(checked);
    return problem === undefined ? [] : [`/known/${index}/where: ${problem}`];
  });
}

function findDependence({ parsed, reads, obstacles }: Analysis): string | undefined {
  if (findClockCalls(parsed.root).length > 0) return "must not use now() or ago(); set until";
  if (reads.length > 0) return "must not read a table";
  return obstacles.some(({ isUnstable }) => isUnstable)
    ? "must give the same value at each run"
    : undefined;
}
