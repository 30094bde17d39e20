/**
 * Rewrites a query as pieces with slots: restricted to a window, with a pinned clock, counted, and
 * cut into bins and shards. Every edit is made at a position of the syntax tree.
 */
import type { CompiledQuery, Pieces } from "../../contracts/compiled-hunt.ts";
import type { Analysis } from "./analysis.ts";
import { findClockCalls } from "./clock-use.ts";
import { applyEdits, type Edit } from "./edits.ts";
import { childAt, type KqlNode } from "../language/parser.ts";
import { findTableTime } from "../language/schema.ts";
import {
  findFinalExpression,
  statementsOf,
  argumentsOf,
  calleeNameOf,
} from "../language/statements.ts";
import type { TableRead } from "./table-reads.ts";

const createWindowFilter = (timeColumn: string): Pieces => [
  `where ${quoteColumnName(timeColumn)} >= `,
  { slot: "from" },
  ` and ${quoteColumnName(timeColumn)} < `,
  { slot: "to" },
];

/** A read of a table that a window cuts, and the column that it is cut by. */
interface TimedRead extends TableRead {
  readonly timeColumn: string;
}

const listTimedReads = ({ reads, schema }: Analysis): readonly TimedRead[] =>
  reads.flatMap((read) => {
    const timeColumn = findTableTime(read.table, schema);
    return timeColumn === undefined ? [] : [{ ...read, timeColumn }];
  });

/** How a query is rewritten. */
export interface RewriteOptions {
  /**
   * Restricts tables to `[from, to)`: always in a window, in a snapshot if the file has `lookBack`.
   */
  readonly isRestricted: boolean;
  /** Adds the count of rows per bin of the event's time; only windows are cut by time. */
  readonly hasHistogram: boolean;
  /** Replace the values of parameters by their slots. */
  readonly parameterEdits?: readonly Edit[];
}

/** Returns the pieces of a query. */
export function compileQuery(
  analysis: Analysis,
  { isRestricted, hasHistogram, parameterEdits = [] }: RewriteOptions,
): CompiledQuery {
  const reads = isRestricted ? listTimedReads(analysis) : [];
  const fixedEdits = [
    ...createClockEdits(analysis),
    ...createPlaceholderEdits(analysis),
    ...parameterEdits,
  ];
  const assemblePieces = (edits: readonly Edit[]): Pieces =>
    applyEdits(analysis.query, [...edits, ...fixedEdits], analysis.end);
  const { timeColumn, shardedBy } = analysis;
  return {
    prelude: assemblePieces(createPreludeEdits(analysis, reads)),
    inPlace: assemblePieces(reads.flatMap(createInPlaceEdits)),
    countSuffix: ["\n| count"],
    ...(hasHistogram && timeColumn !== undefined
      ? { histogramSuffix: createHistogramSuffix(timeColumn) }
      : {}),
    ...(shardedBy === undefined
      ? {}
      : { shardSuffix: createShardSuffix(shardedBy), shardedBy: describeShardKey(shardedBy) }),
  };
}

/**
 * Inserts `let T = T | where …;` for each table before the first statement. A read that the query's
 * own names hide is restricted in place.
 */
function createPreludeEdits({ parsed }: Analysis, reads: readonly TimedRead[]): readonly Edit[] {
  const shadowedTables = new Map(
    reads
      .filter(({ restrict }) => restrict === "shadow")
      .map(({ table, timeColumn }) => [table, timeColumn]),
  );
  const insertAt =
    statementsOf(parsed.root).find(({ kind }) => !leadingStatements.has(kind))?.start ?? 0;
  const lets = [...shadowedTables].flatMap(([table, timeColumn]): Pieces => [
    `let ${table} = ${table} | `,
    ...createWindowFilter(timeColumn),
    ";\n",
  ]);
  const inPlace = reads
    .filter(({ restrict }) => restrict === "inPlace")
    .flatMap(createInPlaceEdits);
  return lets.length > 0
    ? [{ start: insertAt, end: insertAt, replacement: lets }, ...inPlace]
    : inPlace;
}

/** Statements that must stay first. */
const leadingStatements = new Set([
  "SetOptionStatement",
  "AliasStatement",
  "QueryParametersStatement",
  "RestrictStatement",
]);

const createInPlaceEdits = ({ node, timeColumn }: TimedRead): readonly Edit[] => [
  { start: node.start, end: node.start, replacement: ["("] },
  { start: node.end, end: node.end, replacement: [" | ", ...createWindowFilter(timeColumn), ")"] },
];

/** Rewrites `ago(x)` as `(clock - x)` and `now()` as the clock itself. */
const createClockEdits = ({ parsed, end }: Analysis): readonly Edit[] =>
  findClockCalls(parsed.root)
    .filter((call) => call.end <= end)
    .flatMap(pinClock);

function pinClock(call: KqlNode): readonly Edit[] {
  const [shift] = argumentsOf(call);
  if (!shift) return [{ start: call.start, end: call.end, replacement: [{ slot: "clock" }] }];
  const sign = calleeNameOf(call) === "ago" ? "-" : "+";
  const [open, close] = isArgument(call) ? ["", ""] : ["(", ")"];
  const [openShift, closeShift] = isPlain(shift) ? ["", ""] : ["(", ")"];
  return [
    {
      start: call.start,
      end: shift.start,
      replacement: [open, { slot: "clock" }, ` ${sign} ${openShift}`],
    },
    { start: shift.end, end: call.end, replacement: [closeShift + close] },
  ];
}

const isPlain = (shift: KqlNode): boolean =>
  shift.kind.endsWith("LiteralExpression") || shift.kind === "NameReference";

/** An argument of a call needs no parentheses; the parser refuses them around a constant. */
const isArgument = (call: KqlNode): boolean => call.parent?.kind === "SeparatedElement";

const createPlaceholderEdits = ({ placeholders, end }: Analysis): readonly Edit[] =>
  placeholders
    .filter((placeholder) => placeholder.end <= end)
    .map((placeholder) => ({
      start: placeholder.start,
      end: placeholder.end,
      replacement: [{ slot: placeholder.slot }],
    }));

const createHistogramSuffix = (column: string): Pieces => [
  `\n| summarize Rows = count() by Bin = bin(${quoteColumnName(column)}, `,
  { slot: "step" },
  ")\n| sort by Bin asc",
];

/** What a result is sharded by: every value of the row, or some columns. */
export type ShardKey = "wholeRow" | readonly string[];

/**
 * Hashes the text of every value, so that each type can be hashed and equal rows are in one shard.
 * `pack_all()` writes the row as JSON in the order of its columns.
 */
function createShardSuffix(shardKey: ShardKey): Pieces {
  const key = shardKey === "wholeRow" ? "tostring(pack_all())" : createJoinedKey(shardKey);
  return [`\n| where hash(${key}, `, { slot: "shards" }, ") == ", { slot: "shard" }];
}

const createJoinedKey = (columns: readonly string[]): string => {
  const texts = columns.map((column) => `tostring(${quoteColumnName(column)})`);
  return texts.length === 1 ? (texts[0] ?? "") : `strcat_delim("\\u001f", ${texts.join(", ")})`;
};

const describeShardKey = (shardKey: ShardKey): string =>
  shardKey === "wholeRow" ? "whole row" : shardKey.join(", ");

/** Writes a column's name in KQL: in brackets unless it cannot be a keyword. */
export const quoteColumnName = (column: string): string =>
  /^[A-Z]\w*$/.test(column)
    ? column
    : `['${column.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}']`;

/** Returns where the final expression ends; a trailing `render` and comments are dropped. */
export const findQueryEnd = (root: KqlNode): number =>
  findFinalExpression(root)?.end ?? childAt(root, "Statements")?.end ?? 0;
