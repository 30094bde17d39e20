/**
 * Verifies that the parser accepts every rewritten form of a query and that its columns are the
 * same.
 */
import type { CompiledQuery, HuntColumn, Pieces, Slot } from "../../contracts/compiled-hunt.ts";
import type { Analysis } from "./analysis.ts";
import { parseQuery } from "../language/parser.ts";
import { quoteColumnName } from "./rewrite.ts";

const samples: Readonly<Partial<Record<Slot, string>>> = {
  from: "datetime(2026-01-05T06:00:00.0000000Z)",
  to: "datetime(2026-01-05T07:00:00.0000000Z)",
  clock: "datetime(2026-01-05T07:00:00.0000000Z)",
  step: "600000000tick",
  shard: "0",
  shards: "2",
  fromText: "2026-01-05T06:00:00.0000000Z",
  toText: "2026-01-05T07:00:00.0000000Z",
};

/** Fills slots with the given texts, or with samples: one hour of a day in January 2026. */
export const fillSlots = (
  pieces: Pieces,
  slots: Readonly<Partial<Record<Slot, string>>> = {},
): string =>
  pieces
    .map((piece) =>
      typeof piece === "string" ? piece : (slots[piece.slot] ?? samples[piece.slot] ?? ""),
    )
    .join("");

/** Returns the problems of the rewritten forms, in words; empty if all are valid. */
export function verifyQuery(
  analysis: Analysis,
  query: CompiledQuery,
  slots: Readonly<Partial<Record<Slot, string>>> = {},
): readonly string[] {
  const { columns } = analysis;
  const { knownSuffix = [] } = query;
  const prelude = fillSlots([...query.prelude, ...knownSuffix], slots);
  const inPlace = fillSlots([...query.inPlace, ...knownSuffix], slots);
  return [
    ...checkForm(analysis, "the query within a window", prelude, columns),
    ...(inPlace === prelude
      ? []
      : checkForm(analysis, "the query restricted in place", inPlace, columns)),
    ...checkSuffixes(analysis, query),
  ];
}

/** Checks the suffixes on an empty table with the columns that they name. */
function checkSuffixes(analysis: Analysis, query: CompiledQuery): readonly string[] {
  const { columns, timeColumn, shardedBy } = analysis;
  const keys = shardedBy === "wholeRow" ? [] : (shardedBy ?? []);
  const sampleColumns = columns.filter(({ name }) => name === timeColumn || keys.includes(name));
  const result = sampleColumns.length > 0 ? sampleColumns : columns.slice(0, 1);
  const schema = result.map(({ name, type }) => `${quoteColumnName(name)}: ${type}`).join(", ");
  const table = `datatable(${schema}) []`;
  const checkSuffix = (
    label: string,
    suffix: Pieces | undefined,
    expected: readonly HuntColumn[],
  ): readonly string[] =>
    suffix ? checkForm(analysis, label, table + fillSlots(suffix), expected) : [];
  return [
    ...checkSuffix("the count", query.countSuffix, [{ name: "Count", type: "long" }]),
    ...checkSuffix("the histogram", query.histogramSuffix, histogramColumns),
    ...checkSuffix("a shard", query.shardSuffix, result),
  ];
}

const histogramColumns: readonly HuntColumn[] = [
  { name: "Bin", type: "datetime" },
  { name: "Rows", type: "long" },
];

function checkForm(
  { schema }: Analysis,
  label: string,
  text: string,
  expected: readonly HuntColumn[],
): readonly string[] {
  const parsed = parseQuery(text, schema);
  const [first] = parsed.diagnostics;
  if (first)
    return [
      `Huntline cannot rewrite this query: ${label} would be refused with "${first.message}"`,
    ];
  return JSON.stringify(parsed.columns) === JSON.stringify(expected)
    ? []
    : [`Huntline cannot rewrite this query: ${label} would give other columns`];
}
