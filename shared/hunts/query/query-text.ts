/** Builds the query text that is sent from the pieces and slots of a compiled hunt. */
import type { CompiledHunt, Pieces, Slot } from "../../contracts/compiled-hunt.ts";
import { toParameterSlots } from "../../contracts/hunt-parameters.ts";
import { formatInstant, type Ticks } from "../../runtime/time.ts";

/** Where the query is restricted to the window: in a prelude, or in place at each table. */
export type QueryForm = "prelude" | "inPlace";

/** The span that one query reads. `clock` is the instant that replaces `now()`. */
export interface QuerySpan {
  readonly from: Ticks;
  readonly to: Ticks;
  readonly clock: Ticks;
}

/** One shard of a result, numbered from 0 to `shards - 1`. */
export interface Shard {
  readonly shard: number;
  readonly shards: number;
}

const formatLiteral = (at: Ticks): string => `datetime(${formatInstant(at)})`;

function fillSlots(pieces: Pieces, slots: Partial<Record<Slot, string>>): string {
  return pieces
    .map((piece) => {
      if (typeof piece === "string") return piece;
      const text = slots[piece.slot];
      if (text === undefined)
        throw new Error(`The query has the slot ${piece.slot}, which this call does not fill.`);
      return text;
    })
    .join("");
}

/** What follows the hunt's own query, and the values of the slots in it. */
interface QuerySuffix {
  readonly suffix?: Pieces;
  /** True if the suffix counts the known rows, which are otherwise left out. */
  readonly keepsKnown?: boolean;
  readonly slots?: Partial<Record<Slot, string>>;
}

function buildQueryText(
  hunt: CompiledHunt,
  form: QueryForm,
  span: QuerySpan,
  { suffix = [], keepsKnown = false, slots = {} }: QuerySuffix = {},
): string {
  const known = keepsKnown ? [] : (hunt.query.knownSuffix ?? []);
  return fillSlots([...hunt.query[form], ...known, ...suffix], {
    ...toParameterSlots(hunt.parameters),
    from: formatLiteral(span.from),
    to: formatLiteral(span.to),
    clock: formatLiteral(span.clock),
    fromText: formatInstant(span.from),
    toText: formatInstant(span.to),
    ...slots,
  });
}

/** Builds the query for the rows of a span. */
export const buildRowsQuery = (hunt: CompiledHunt, form: QueryForm, span: QuerySpan): string =>
  buildQueryText(hunt, form, span);

/** Builds the query for the number of rows: one row with one integer. */
export const buildCountQuery = (hunt: CompiledHunt, form: QueryForm, span: QuerySpan): string =>
  buildQueryText(hunt, form, span, { suffix: hunt.query.countSuffix });

/** Builds the query for the number of known rows; undefined when the hunt knows none. */
export function buildSuppressedQuery(
  hunt: CompiledHunt,
  form: QueryForm,
  span: QuerySpan,
): string | undefined {
  const suffix = hunt.query.suppressedSuffix;
  return suffix && buildQueryText(hunt, form, span, { suffix, keepsKnown: true });
}

/**
 * Builds the query for one shard of a span; undefined when the result has no reliable shard key.
 */
export function buildShardQuery(
  hunt: CompiledHunt,
  form: QueryForm,
  span: QuerySpan,
  shard: Shard,
): string | undefined {
  const suffix = hunt.query.shardSuffix;
  const slots = { shard: String(shard.shard), shards: String(shard.shards) };
  return suffix && buildQueryText(hunt, form, span, { suffix, slots });
}

/**
 * Builds the query for rows per bin of `step` ticks, columns `Bin` and `Rows`; undefined without a
 * time column.
 */
export function buildHistogramQuery(
  hunt: CompiledHunt,
  form: QueryForm,
  span: QuerySpan,
  step: Ticks,
): string | undefined {
  const suffix = hunt.query.histogramSuffix;
  return suffix && buildQueryText(hunt, form, span, { suffix, slots: { step: `${step}tick` } });
}
