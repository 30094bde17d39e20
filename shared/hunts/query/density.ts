/**
 * How a hunt's rows are spread over time, from one histogram call, and where to cut full but
 * complete windows.
 */
import type { Span, Ticks } from "../../runtime/time.ts";

/** Rows in `[from, to)`. Bins of one density may differ in width and leave out empty time. */
export interface Bin extends Span {
  readonly rows: number;
}

/** Bins in order of time. Nothing is known after `until`. */
export interface Density {
  readonly bins: readonly Bin[];
  readonly until: Ticks;
}

/**
 * Maximum bins of one call: below the lowest row limit that the service is known to have (10,000).
 */
const maxBins = 9_000;

/** Returns how many bins to request from a service with this row limit. */
export const computeBinLimit = (rowCap: number): number =>
  Math.max(2, Math.min(maxBins, Math.floor(rowCap * 0.9)));

/** Returns the smallest bin width in ticks that covers a span with at most `bins` bins. */
export const computeStep = (span: Span, bins: number): Ticks => {
  const step = (span.to - span.from + BigInt(bins) - 1n) / BigInt(bins);
  return step > 1n ? step : 1n;
};

/** The next window on a known density. */
export type DensityCut =
  /** The window up to `to` fits. */
  | { readonly kind: "window"; readonly to: Ticks; readonly rows: number }
  /** One tick holds more rows than fit: read it in shards. */
  | { readonly kind: "tick"; readonly to: Ticks; readonly rows: number }
  /** The bins are too coarse to cut: request finer ones for this span. */
  | { readonly kind: "finer"; readonly span: Span; readonly step: Ticks };

/**
 * Finds the end of the next window.
 *
 * @param from - start of the next window
 * @param limit - maximum expected rows of a window
 * @param bins - maximum bins of one histogram call
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

/** Below this fill, a window that a too large bin would end is worth a call for finer bins. */
const minFill = 0.85;

/** Estimates the rows of a span; a bin that overlaps its edge counts in full. */
export const estimateRows = (density: Density, span: Span): number =>
  density.bins.reduce(
    (sum, bin) => (bin.to > span.from && bin.from < span.to ? sum + bin.rows : sum),
    0,
  );

const selectBinsAfter = (density: Density, from: Ticks): Bin[] =>
  density.bins.filter((bin) => bin.to > from);

/** A call for finer bins must divide each bin by at least this much. */
const minDivision = 8n;

/**
 * Covers all coarse bins with one call where that divides each enough, else the first run of coarse
 * bins.
 */
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
  // So few bins that each is divided by at least eight; else the answer is as coarse as the known
  // bins.
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

/** Returns true for a divisible bin that is large enough to leave a window half empty. */
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

/** Replaces the bins of a span by finer ones. */
export function replaceBins(density: Density, span: Span, bins: readonly Bin[]): Density {
  const before = density.bins.filter((bin) => bin.to <= span.from);
  const after = density.bins.filter((bin) => bin.from >= span.to);
  return { bins: [...before, ...bins, ...after], until: density.until };
}

/** Scales the bins of a span so that they add up to its count. */
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
