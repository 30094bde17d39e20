/** Fills the slots of a compiled hunt: from pieces to the text that is sent. */
import type { CompiledHunt, Pieces, Slot } from "../../contracts/compiled-hunt.ts";
import { formatInstant, type Ticks } from "../../runtime/time.ts";

/** Which of the two accepted forms of the window's restriction is sent. */
export type QueryForm = "prelude" | "inPlace";

/** What one query reads, and the instant that `now()` is pinned to. */
export interface QuerySpan {
  readonly from: Ticks;
  readonly to: Ticks;
  readonly clock: Ticks;
}

/** One shard of a result: `shard` of 0 to `shards - 1`. */
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
        throw new Error(`a query with the slot ${piece.slot}, which this use does not fill`);
      return text;
    })
    .join("");
}

function buildQueryText(
  hunt: CompiledHunt,
  form: QueryForm,
  span: QuerySpan,
  suffix: Pieces = [],
  extraSlots: Partial<Record<Slot, string>> = {},
): string {
  return fillSlots([...hunt.query[form], ...suffix], {
    from: formatLiteral(span.from),
    to: formatLiteral(span.to),
    clock: formatLiteral(span.clock),
    fromText: formatInstant(span.from),
    toText: formatInstant(span.to),
    ...extraSlots,
  });
}

/** The rows of a span. */
export const buildRowsQuery = (hunt: CompiledHunt, form: QueryForm, span: QuerySpan): string =>
  buildQueryText(hunt, form, span);

/** How many rows a span has: one row with one whole number. */
export const buildCountQuery = (hunt: CompiledHunt, form: QueryForm, span: QuerySpan): string =>
  buildQueryText(hunt, form, span, hunt.query.countSuffix);

/** The rows of a span in one shard; `undefined` when the result cannot be sharded soundly. */
export function buildShardQuery(
  hunt: CompiledHunt,
  form: QueryForm,
  span: QuerySpan,
  shard: Shard,
): string | undefined {
  const suffix = hunt.query.shardSuffix;
  const extraSlots = { shard: String(shard.shard), shards: String(shard.shards) };
  return suffix && buildQueryText(hunt, form, span, suffix, extraSlots);
}

/** Rows per bin of `step` ticks, in the columns `Bin` and `Rows`; `undefined` when the result has no time column. */
export function buildHistogramQuery(
  hunt: CompiledHunt,
  form: QueryForm,
  span: QuerySpan,
  step: Ticks,
): string | undefined {
  const suffix = hunt.query.histogramSuffix;
  return suffix && buildQueryText(hunt, form, span, suffix, { step: `${step}tick` });
}
