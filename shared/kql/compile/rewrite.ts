/**
 * Turns a query into pieces with slots: restricted to a window, with a pinned clock, counted, cut into bins and shards.
 * Every change is made at a position of the syntax tree.
 */
import type { CompiledQuery, Pieces } from "../../contracts/compiled-hunt.ts";
import type { Analysis } from "./analysis.ts";
import { clockCalls } from "./clock.ts";
import { applyEdits, type Edit } from "./edits.ts";
import { childAt, type KqlNode } from "../language/parser.ts";
import { hasTimestamp } from "../language/schema.ts";
import { finalExpression, statementsOf, argumentsOf, calledName } from "../language/statements.ts";
import type { TableRead } from "./reads.ts";

const inWindow: Pieces = [
  "where Timestamp >= ",
  { slot: "from" },
  " and Timestamp < ",
  { slot: "to" },
];

/** How a query is to be cut. */
export interface Cut {
  /** Whether its tables are restricted to `[from, to)`: always in a window, in a snapshot when the file has a `lookBack`. */
  readonly restricted: boolean;
  /** Whether rows are counted per bin of the event's time: only windows are cut by time. */
  readonly histogram: boolean;
}

/** The pieces of a query. */
export function compileQuery(analysis: Analysis, { restricted, histogram }: Cut): CompiledQuery {
  const reads = restricted ? analysis.reads.filter(({ table }) => hasTimestamp(table)) : [];
  const fixed = [...clockEdits(analysis), ...placeholderEdits(analysis)];
  const assemble = (edits: readonly Edit[]): Pieces =>
    applyEdits(analysis.query, [...edits, ...fixed], analysis.end);
  const { timeColumn, shardedBy } = analysis;
  return {
    prelude: assemble(preludeEdits(analysis, reads)),
    inPlace: assemble(reads.flatMap(inPlaceEdits)),
    countSuffix: ["\n| count"],
    ...(histogram && timeColumn !== undefined
      ? { histogramSuffix: histogramSuffix(timeColumn) }
      : {}),
    ...(shardedBy === undefined
      ? {}
      : { shardSuffix: shardSuffix(shardedBy), shardedBy: shardWords(shardedBy) }),
  };
}

/** `let T = T | where …;` for each table before the first statement; a table the query's own names hide is restricted where it stands. */
function preludeEdits({ parsed }: Analysis, reads: readonly TableRead[]): readonly Edit[] {
  const shadowed = [
    ...new Set(reads.filter(({ restrict }) => restrict === "shadow").map(({ table }) => table)),
  ];
  const at = statementsOf(parsed.root).find(({ kind }) => !leading.has(kind))?.start ?? 0;
  const lets = shadowed.flatMap((table): Pieces => [
    `let ${table} = ${table} | `,
    ...inWindow,
    ";\n",
  ]);
  const inPlace = reads.filter(({ restrict }) => restrict === "in-place").flatMap(inPlaceEdits);
  return lets.length > 0 ? [{ start: at, end: at, with: lets }, ...inPlace] : inPlace;
}

/** Statements that have to stay first. */
const leading = new Set([
  "SetOptionStatement",
  "AliasStatement",
  "QueryParametersStatement",
  "RestrictStatement",
]);

const inPlaceEdits = ({ node }: TableRead): readonly Edit[] => [
  { start: node.start, end: node.start, with: ["("] },
  { start: node.end, end: node.end, with: [" | ", ...inWindow, ")"] },
];

/** `ago(x)` becomes `(clock - x)`, `now()` the clock itself. */
const clockEdits = ({ parsed, end }: Analysis): readonly Edit[] =>
  clockCalls(parsed.root)
    .filter((call) => call.end <= end)
    .flatMap(pinned);

function pinned(call: KqlNode): readonly Edit[] {
  const [shift] = argumentsOf(call);
  if (!shift) return [{ start: call.start, end: call.end, with: [{ slot: "clock" }] }];
  const sign = calledName(call) === "ago" ? "-" : "+";
  const [open, close] = standsAlone(call) ? ["", ""] : ["(", ")"];
  const [openShift, closeShift] = isPlain(shift) ? ["", ""] : ["(", ")"];
  return [
    {
      start: call.start,
      end: shift.start,
      with: [open, { slot: "clock" }, ` ${sign} ${openShift}`],
    },
    { start: shift.end, end: call.end, with: [closeShift + close] },
  ];
}

const isPlain = (shift: KqlNode): boolean =>
  shift.kind.endsWith("LiteralExpression") || shift.kind === "NameReference";

/** An argument of a call needs no parentheses, and where a constant is due the parser takes none. */
const standsAlone = (call: KqlNode): boolean => call.parent?.kind === "SeparatedElement";

const placeholderEdits = ({ placeholders, end }: Analysis): readonly Edit[] =>
  placeholders
    .filter((found) => found.end <= end)
    .map((found) => ({ start: found.start, end: found.end, with: [{ slot: found.slot }] }));

const histogramSuffix = (column: string): Pieces => [
  `\n| summarize Rows = count() by Bin = bin(${named(column)}, `,
  { slot: "step" },
  ")\n| sort by Bin asc",
];

/** What a result is sharded by: every value of the row, or some columns of it. */
export type ShardKey = "whole row" | readonly string[];

/**
 * Text of every value, so that each type can be hashed; equal rows and rows of nulls fall into one shard together.
 * `pack_all()` writes the row as JSON in the order of its columns.
 */
function shardSuffix(by: ShardKey): Pieces {
  const key = by === "whole row" ? "tostring(pack_all())" : joinedKey(by);
  return [`\n| where hash(${key}, `, { slot: "shards" }, ") == ", { slot: "shard" }];
}

const joinedKey = (columns: readonly string[]): string => {
  const texts = columns.map((column) => `tostring(${named(column)})`);
  return texts.length === 1 ? (texts[0] ?? "") : `strcat_delim("\\u001f", ${texts.join(", ")})`;
};

const shardWords = (by: ShardKey): string => (by === "whole row" ? by : by.join(", "));

/** A column's name as KQL writes it: as it is when it cannot be mistaken for a keyword, else in brackets. */
export const named = (column: string): string =>
  /^[A-Z]\w*$/.test(column)
    ? column
    : `['${column.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}']`;

/** Where the final expression ends: what follows, a `render` and comments, is dropped. */
export const endOf = (root: KqlNode): number =>
  finalExpression(root)?.end ?? childAt(root, "Statements")?.end ?? 0;
