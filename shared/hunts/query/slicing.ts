/**
 * Decides how much to read next, as plain data, from earlier answers. Correctness does not depend
 * on it: a bad guess costs a call, because a count proves whether a result is complete.
 */
import type { Span, Ticks } from "../../runtime/time.ts";
import {
  computeBinLimit,
  estimateRows,
  findNextCut,
  rescaleBins,
  computeStep,
  type Bin,
  type Density,
  replaceBins,
} from "./density.ts";

/** Limits of a result. */
export interface Caps {
  readonly rows: number;
  readonly bytes: number;
  /** Every known row limit of the service is a multiple of it. */
  readonly roundRows: number;
}

/** Documented row limits were 10,000, 30,000 and 100,000. */
export const roundRows = 10_000;

/**
 * Returns true when a result may be truncated: a round number of rows, or at least 90 % of the byte
 * limit.
 */
export const isSuspicious = (
  result: { readonly rows: number; readonly bytes: number },
  caps: Caps,
): boolean =>
  (result.rows > 0 && (result.rows % caps.roundRows === 0 || result.rows >= caps.rows)) ||
  result.bytes >= caps.bytes * 0.9;

/** What earlier answers showed. Every answer leads to a new value. */
export interface Pace {
  /** Width that fills about 80 % of the limit, when known. */
  readonly widthTicks?: Ticks | undefined;
  /** Maximum width until a window fits: the last wider one was too big. */
  readonly ceilingTicks?: Ticks | undefined;
  /** Maximum width in this run: a wider query was too heavy. The next run may try twice as wide. */
  readonly heavyTicks?: Ticks | undefined;
  /** Lowest row limit seen. */
  readonly rowCap: number;
  /** Maximum rows to aim at, where bytes or running time limit before the row limit does. */
  readonly maxRows: number;
  readonly density?: Density | undefined;
  /** Halvings because of running time since the last result. */
  readonly halvings: number;
  /** False once the service has failed to answer a histogram. */
  readonly hasHistograms: boolean;
  /** Histograms since the last window. */
  readonly histogramCount: number;
}

/** The part that one run leaves for the next. */
export type StoredPace = Pick<Pace, "widthTicks" | "heavyTicks" | "halvings">;

/** Creates the pace of a new run from the limits and what the last run left. */
export const createPace = (caps: Caps, stored: StoredPace = { halvings: 0 }): Pace => ({
  widthTicks: stored.widthTicks,
  heavyTicks:
    stored.heavyTicks === undefined || stored.halvings > 0
      ? stored.heavyTicks
      : stored.heavyTicks * 2n,
  rowCap: caps.rows,
  maxRows: caps.rows,
  halvings: stored.halvings,
  hasHistograms: true,
  histogramCount: 0,
});

/** The next call. */
export type Step =
  | { readonly kind: "read"; readonly to: Ticks }
  | { readonly kind: "shards"; readonly to: Ticks; readonly rows: number }
  | { readonly kind: "histogram"; readonly span: Span; readonly step: Ticks };

/**
 * Bounds of the next window: the span to read, the hunt's own time predicates, and whether it has a
 * time column.
 */
export interface Bounds extends Span {
  readonly widestTicks?: Ticks | undefined;
  readonly canHistogram: boolean;
}

const minTicks = (a: Ticks, b: Ticks): Ticks => (a < b ? a : b);
const maxTicks = (a: Ticks, b: Ticks): Ticks => (a > b ? a : b);

/**
 * Shares of the row limit: a window cut on a histogram may fill the first, a window by width aims
 * at the second.
 */
const cutFill = 0.95;
const widthFill = 0.8;

const computeRowLimit = (pace: Pace, fill: number): number =>
  Math.max(1, Math.floor(Math.min(pace.rowCap, pace.maxRows) * fill));

/** Plans the next window, or the histogram that is needed to plan it. */
export function planNextStep(pace: Pace, bounds: Bounds): Step {
  const farEnd =
    bounds.widestTicks === undefined
      ? bounds.to
      : minTicks(bounds.to, bounds.from + bounds.widestTicks);
  const nearEnd = [pace.ceilingTicks, pace.heavyTicks]
    .filter((width) => width !== undefined)
    .reduce((end, width) => minTicks(end, bounds.from + width), farEnd);
  const canAskHistogram = pace.hasHistograms && bounds.canHistogram;
  const { density } = pace;
  if (density && density.until > bounds.from) {
    const cut = findNextCut(
      density,
      bounds.from,
      computeRowLimit(pace, cutFill),
      computeBinLimit(pace.rowCap),
    );
    if (cut.kind === "tick" && cut.to <= nearEnd)
      return { kind: "shards", to: cut.to, rows: cut.rows };
    if (cut.kind !== "finer") return { kind: "read", to: minTicks(cut.to, nearEnd) };
    if (canAskHistogram) return { kind: "histogram", span: cut.span, step: cut.step };
  }
  return planByWidth(pace, bounds, { farEnd, nearEnd }, canAskHistogram);
}

function planByWidth(
  pace: Pace,
  bounds: Bounds,
  ends: { farEnd: Ticks; nearEnd: Ticks },
  canAskHistogram: boolean,
): Step {
  const { widthTicks: width } = pace;
  if (width === undefined) return { kind: "read", to: ends.nearEnd };
  const aheadTicks = ends.farEnd - bounds.from;
  const isTooWide = aheadTicks > width + width / 4n;
  if (!isTooWide) return { kind: "read", to: ends.nearEnd };
  if (canAskHistogram && ends.nearEnd === ends.farEnd) {
    const span = { from: bounds.from, to: ends.farEnd };
    return { kind: "histogram", span, step: computeStep(span, computeBinLimit(pace.rowCap)) };
  }
  return { kind: "read", to: minTicks(ends.nearEnd, bounds.from + maxTicks(width, 1n)) };
}

/**
 * Maximum histograms for one window: enough to go from 30 days (2^45 ticks) to one tick, and four
 * more.
 */
const computeMaxHistograms = (bins: number): number =>
  4 + Math.ceil(45 / Math.log2(Math.max(2, bins / 8)));

/** Returns the pace after a histogram, its bins in order of time. */
export function applyHistogram(previous: Pace, span: Span, bins: readonly Bin[]): Pace {
  const pace = { ...previous, histogramCount: previous.histogramCount + 1 };
  if (pace.histogramCount > computeMaxHistograms(computeBinLimit(pace.rowCap)))
    return disableHistograms(pace);
  const { density } = pace;
  const isInside =
    density &&
    density.until > span.from &&
    density.bins.some((bin) => bin.from < span.to && bin.to > span.from);
  return {
    ...pace,
    density: isInside ? replaceBins(density, span, bins) : { bins, until: span.to },
  };
}

/** Returns the pace after a histogram that failed. */
export const disableHistograms = (pace: Pace): Pace => ({
  ...pace,
  hasHistograms: false,
  density: undefined,
});

/** Returns the pace after a complete window. */
export function applyWindow(
  pace: Pace,
  span: Span,
  result: { readonly rows: number; readonly bytes: number },
  caps: Caps,
): Pace {
  const width = maxTicks(span.to - span.from, 1n);
  const bytesPerRow = result.rows > 0 ? result.bytes / result.rows : 0;
  const maxRowsByBytes =
    bytesPerRow > 0 ? Math.floor((caps.bytes * 0.85) / bytesPerRow) : pace.maxRows;
  const next: Pace = {
    ...pace,
    maxRows: Math.max(1, Math.min(pace.maxRows, maxRowsByBytes)),
    rowCap: result.rows > pace.rowCap ? caps.rows : pace.rowCap,
    halvings: 0,
    histogramCount: 0,
    ceilingTicks: undefined,
  };
  return { ...next, widthTicks: adaptWidth(next, width, result.rows) };
}

/**
 * Moves the width towards the one that fills 80 %: between a quarter and four times this window's
 * width.
 */
function adaptWidth(pace: Pace, width: Ticks, rows: number): Ticks {
  const targetRows = computeRowLimit(pace, widthFill);
  const exactWidth = rows === 0 ? width * 4n : (width * BigInt(targetRows)) / BigInt(rows);
  const maxWidth = maxTicks(width * 4n, rows * 4 < targetRows ? (pace.widthTicks ?? 0n) : 0n);
  return maxTicks(1n, maxTicks(width / 4n, minTicks(exactWidth, maxWidth)));
}

/** Returns the pace after a truncated result: `rows` were returned, `count` exist. */
export function applyTruncation(
  pace: Pace,
  span: Span,
  result: { readonly rows: number; readonly count: number },
  caps: Caps,
): Pace {
  const isRound = result.rows > 0 && result.rows % caps.roundRows === 0;
  const rowCap = isRound ? Math.min(pace.rowCap, result.rows) : pace.rowCap;
  const next: Pace = { ...pace, rowCap };
  const width = span.to - span.from;
  const fittingWidth =
    (width * BigInt(computeRowLimit(next, widthFill))) / BigInt(Math.max(1, result.count));
  return {
    ...next,
    widthTicks: maxTicks(1n, minTicks(width / 2n, fittingWidth)),
    density: pace.density && rescaleBins(pace.density, span, result.count),
  };
}

/** Maximum halvings of a too heavy window before the hunt is paused. */
export const maxHalvings = 4;

/**
 * Returns the pace after a result above the size limit (`too-big`) or an aborted query
 * (`too-heavy`).
 */
export function applyHalving(pace: Pace, span: Span, cause: "too-big" | "too-heavy"): Pace {
  const estimatedRows = pace.density ? estimateRows(pace.density, span) : 0;
  const half = maxTicks(1n, (span.to - span.from) / 2n);
  return {
    ...pace,
    widthTicks: half,
    ...(cause === "too-heavy" ? { heavyTicks: half } : { ceilingTicks: half }),
    maxRows:
      estimatedRows > 1
        ? Math.max(1, Math.min(pace.maxRows, Math.floor(estimatedRows / 2)))
        : pace.maxRows,
    halvings: cause === "too-heavy" ? pace.halvings + 1 : pace.halvings,
  };
}

/**
 * Computes the number of shards for a result of `rows` rows. A hash spreads rows unevenly: each
 * shard keeps room for five standard deviations, and each further `attempt` doubles the number.
 */
export function computeShardCount(rows: number, rowCap: number, attempt: number): number {
  const root = (Math.sqrt(25 + 4 * rowCap) - 5) / 2;
  const mean = Math.max(1, root * root);
  return Math.max(2, Math.ceil(rows / mean)) * 2 ** attempt;
}
