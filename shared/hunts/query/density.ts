/** Where a hunt's rows lie in time, as one histogram call told it, and where to cut so that windows are full but whole. */
import type { Span, Ticks } from "../../runtime/time.ts";

/** Rows in `[from, to)`; bins of one density may differ in width and leave out empty time. */
export interface Bin extends Span {
  readonly rows: number;
}

/** Bins in order of time; nothing is known after `until`. */
export interface Density {
  readonly bins: readonly Bin[];
  readonly until: Ticks;
}

/** More bins than this could themselves be cut off by the lowest row limit that the service is known to have. */
const maxBins = 9_000;

/** How many bins a back-end with this row limit may be asked for. */
export const computeBinLimit = (rowCap: number): number =>
  Math.max(2, Math.min(maxBins, Math.floor(rowCap * 0.9)));

/** Smallest bin that covers a span with at most `bins` bins, in ticks. */
export const computeStep = (span: Span, bins: number): Ticks => {
  const step = (span.to - span.from + BigInt(bins) - 1n) / BigInt(bins);
  return step > 1n ? step : 1n;
};

/** Which window comes next on a known density. */
export type DensityCut =
  /** Up to here it fits. */
  | { readonly kind: "window"; readonly to: Ticks; readonly rows: number }
  /** One tick holds more than fits: it goes in shards. */
  | { readonly kind: "tick"; readonly to: Ticks; readonly rows: number }
  /** Bins too coarse to cut: ask again, finer, for this span. */
  | { readonly kind: "finer"; readonly span: Span; readonly step: Ticks };

/**
 * @param from - start of the next window
 * @param limit - most rows that a window may be expected to have
 * @param bins - most bins that one histogram call may return
 */
export function findNextCut(
  density: Density,
  from: Ticks,
  limit: number,
  bins: number,
): DensityCut {
  let rows = 0;
  for (const bin of selectBinsAfter(density, from)) {
    const isDivisible = bin.to - bin.from > 1n;
    if (rows + bin.rows > limit && isDivisible && rows < limit * minFill) {
      const cut = findFinerCut(density, from, limit, bins);
      if (cut.coversAll || bin.rows > limit || rows < limit / 2) return cut;
    }
    if (rows + bin.rows > limit && rows > 0) return { kind: "window", to: bin.from, rows };
    if (bin.rows > limit) return { kind: "tick", to: bin.to, rows: bin.rows };
    rows += bin.rows;
  }
  return { kind: "window", to: density.until, rows };
}

/** A window that would be filled less than this because the next bin is too large is worth a finer look. */
const minFill = 0.85;

/** Rows expected in a span; a bin that reaches out of it counts in full. */
export const estimateRows = (density: Density, span: Span): number =>
  density.bins.reduce(
    (sum, bin) => (bin.to > span.from && bin.from < span.to ? sum + bin.rows : sum),
    0,
  );

const selectBinsAfter = (density: Density, from: Ticks): Bin[] =>
  density.bins.filter((bin) => bin.to > from);

/** A finer look must divide a bin by at least this much to be worth a call over all of them. */
const minDivision = 8n;

/** One call for all coarse bins where the bins between them are few enough, else for the first run of coarse ones. */
function findFinerCut(
  density: Density,
  from: Ticks,
  limit: number,
  bins: number,
): DensityCut & { kind: "finer"; coversAll: boolean } {
  const remaining = selectBinsAfter(density, from);
  const first = remaining.findIndex((bin) => isCoarse(bin, limit));
  const last = remaining.findLastIndex((bin) => isCoarse(bin, limit));
  const coarseBins = remaining.slice(first, last + 1);
  const widest = coarseBins.reduce(
    (max, bin) => (bin.to - bin.from > max ? bin.to - bin.from : max),
    1n,
  );
  const share = BigInt(Math.floor(bins / (coarseBins.length + 1)));
  const step = share >= minDivision ? (widest + share - 1n) / share : widest;
  if (share >= minDivision && coarseBins.every((bin) => bin.to - bin.from >= step))
    return { kind: "finer", span: spanOfBins(coarseBins), step, coversAll: true };
  // Few enough bins that each is divided by eight, or the answer would be as coarse as what is known.
  const binRun = coarseBins.slice(
    0,
    Math.min(
      countCoarseRun(coarseBins, limit),
      Math.max(1, Math.floor(bins / Number(minDivision))),
    ),
  );
  return {
    kind: "finer",
    span: spanOfBins(binRun),
    step: computeStep(spanOfBins(binRun), bins),
    coversAll: false,
  };
}

/** Large enough to spoil the filling of a window, and divisible. */
const isCoarse = (bin: Bin, limit: number): boolean =>
  bin.rows > limit / 8 && bin.to - bin.from > 1n;

const spanOfBins = (bins: readonly Bin[]): Span => ({
  from: bins[0]?.from ?? 0n,
  to: bins.at(-1)?.to ?? 0n,
});

function countCoarseRun(bins: readonly Bin[], limit: number): number {
  const end = bins.findIndex(
    (bin, index) => index > 0 && (!isCoarse(bin, limit) || bin.from !== bins[index - 1]?.to),
  );
  return end === -1 ? bins.length : end;
}

/** Puts the answer of a finer look in the place of the bins it covers. */
export function replaceBins(density: Density, span: Span, bins: readonly Bin[]): Density {
  const before = density.bins.filter((bin) => bin.to <= span.from);
  const after = density.bins.filter((bin) => bin.from >= span.to);
  return { bins: [...before, ...bins, ...after], until: density.until };
}

/** Scales the bins of a span so that they add up to what a count has found there. */
export function rescaleBins(density: Density, span: Span, count: number): Density {
  const estimate = estimateRows(density, span);
  const isInside = (bin: Bin): boolean => bin.to > span.from && bin.from < span.to;
  if (estimate === 0) return { ...density, bins: density.bins.filter((bin) => !isInside(bin)) };
  const factor = count / estimate;
  return {
    ...density,
    bins: density.bins.map((bin) =>
      isInside(bin) ? { ...bin, rows: Math.ceil(bin.rows * factor) } : bin,
    ),
  };
}
