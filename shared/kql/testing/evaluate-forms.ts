/** Evaluates a hunt as a whole, in windows as the service runs it, and in shards. */
import type { CompiledHunt, HuntColumn, Pieces } from "../../contracts/compiled-hunt.ts";
import { toParameterSlots } from "../../contracts/hunt-parameters.ts";
import { formatInstant, ticksFromMs, type Span, type Ticks } from "../../runtime/time.ts";
import { fillSlots } from "../compile/verify-query.ts";
import type { EvaluationContext, NamedValues, Row, SourceTable } from "../evaluate/context.ts";
import type { HuntTest } from "../../contracts/hunt-test.ts";
import { evaluate } from "../evaluate/evaluate.ts";
import { findTableTime, publishedSchema, type QuerySchema } from "../language/schema.ts";
import { createContext, selectTables } from "./test-context.ts";
import { TestCaseError } from "./test-rows.ts";

/** Rows of a hunt over the rows of a case. */
export interface HuntResult {
  readonly columns: readonly HuntColumn[];
  readonly rows: readonly Row[];
}

/** A hunt and the tables of its tenant. */
export interface HuntWithSchema extends CompiledHunt {
  readonly schema: QuerySchema;
}

/** Evaluates a hunt's whole query. @throws TestCaseError */
export function evaluateHunt(
  hunt: CompiledHunt,
  rows: Readonly<Record<string, readonly NamedValues[]>>,
  now: string | undefined,
  schema = publishedSchema,
): HuntResult {
  const tables: Record<string, Record<string, unknown>[]> = {};
  for (const [name, table] of Object.entries(rows)) tables[name] = table.map((row) => ({ ...row }));
  const test: HuntTest = {
    name: "",
    rows: tables,
    expect: [],
    ...(now !== undefined && { now }),
  };
  return runQuery(
    hunt.source,
    createContext(test, () => [], selectTables(hunt, test, schema)),
  );
}

/** @throws TestCaseError for a query that is refused */
export function runQuery(text: string, context: EvaluationContext): HuntResult {
  const result = evaluate(text, context);
  if ("refusedBy" in result)
    throw new TestCaseError(
      `The ${result.refusedBy} refuses the query${
        result.at ? ` (line ${result.at.line} of the query)` : ""
      }: ${result.message}`,
    );
  return { columns: result.columns, rows: [...result.rows] };
}

/** Runs each window that holds rows, as the service would: from the look-back to `now`. */
export function runWindows(
  hunt: HuntWithSchema,
  context: EvaluationContext,
  columns: readonly HuntColumn[],
): HuntResult {
  const lengthMs = Math.min(hunt.intervalMs, hunt.widestMs ?? Infinity);
  const length = ticksFromMs(Math.max(1, Math.floor(lengthMs)));
  const start = context.now - ticksFromMs(hunt.lookBackMs);
  const indexes = new Set<bigint>();
  for (const name of hunt.tables)
    for (const row of readTimes(context.tables.get(name), findTableTime(name, hunt.schema)))
      if (row >= start && row < context.now) indexes.add((row - start) / length);
  const rows = [...indexes].flatMap((index) => {
    const from = start + index * length;
    const end = from + length;
    const to = end < context.now ? end : context.now;
    const pieces = listRowPieces(hunt);
    return runWindow(hunt, context, { pieces, span: { from, to } }).rows;
  });
  return { columns, rows };
}

function* readTimes(
  table: SourceTable | undefined,
  timeColumn: string | undefined,
): Generator<Ticks> {
  const timeIndex = table?.columns.findIndex(({ name }) => name === timeColumn) ?? -1;
  if (table === undefined || timeIndex < 0) return;
  for (const row of table.rows({ from: -(2n ** 62n), to: 2n ** 62n })) {
    const at = row[timeIndex];
    if (typeof at === "bigint") yield at;
  }
}

/** Parts of a query that run one after the other in a window. */
interface WindowedQuery {
  readonly pieces: Pieces;
  readonly span: Span;
}

/**
 * Runs a query in one window. Where only datetime literals differ between windows, all of them use
 * the text that the check of the catalog has parsed, with the literals' values of this window.
 */
export function runWindow(
  { source, parameters }: CompiledHunt,
  context: EvaluationContext,
  { pieces, span: { from, to } }: WindowedQuery,
): HuntResult {
  const values = toParameterSlots(parameters);
  const [fromLiteral, toLiteral] = [fillSlots([{ slot: "from" }]), fillSlots([{ slot: "to" }])];
  const isShareable =
    pieces.every(
      (piece) => typeof piece === "string" || literalSlots.has(piece.slot) || piece.slot in values,
    ) &&
    !source.includes(fromLiteral) &&
    !source.includes(toLiteral);
  if (!isShareable) return runQuery(fillWindow(pieces, { from, to }, values), context);
  const datetimes = new Map([
    [fromLiteral, from],
    [toLiteral, to],
  ]);
  return runQuery(fillSlots(pieces, values), { ...context, datetimes });
}

const literalSlots = new Set(["from", "to", "clock"]);

/** The pieces of the query for rows, as a window and a snapshot send them. */
const listRowPieces = ({ query: { prelude, knownSuffix = [] } }: CompiledHunt): Pieces => [
  ...prelude,
  ...knownSuffix,
];

const fillWindow = (
  pieces: Pieces,
  { from, to }: Span,
  values: ReturnType<typeof toParameterSlots>,
): string => {
  const [fromText, toText] = [formatInstant(from), formatInstant(to)];
  const end = `datetime(${toText})`;
  return fillSlots(pieces, {
    ...values,
    from: `datetime(${fromText})`,
    to: end,
    clock: end,
    fromText,
    toText,
  });
};

/** Runs the query in shards; undefined if it cannot be sharded. */
export function runShards(
  hunt: CompiledHunt,
  context: EvaluationContext,
  shardCount: number,
): readonly Row[] | undefined {
  const { shardSuffix } = hunt.query;
  if (shardSuffix === undefined || hunt.mode === "window") return undefined;
  const span = { from: context.now - ticksFromMs(hunt.lookBackMs), to: context.now };
  return Array.from({ length: shardCount }, (_, shard) => {
    const slots = { shard: String(shard), shards: String(shardCount) };
    const pieces = [...listRowPieces(hunt), fillSlots(shardSuffix, slots)];
    return runWindow(hunt, context, { pieces, span }).rows;
  }).flat();
}
