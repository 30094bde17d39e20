/**
 * How much to read next: decisions as plain data, made from what earlier answers showed. Nothing here is needed for
 * correctness, a bad guess only costs a call: whether a result is complete is proven by count, never by a guess.
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

/** What a back-end cuts at. */
export interface Caps {
  readonly rows: number;
  readonly bytes: number;
  /** Every row limit the service ever had is a multiple of this. */
  readonly roundRows: number;
}

/** The service's row limits were 10,000, 30,000 and 100,000, by page and year. */
export const roundRows = 10_000;

/** A result that may have been cut off: a round number of rows, or nearly as many bytes as fit. Then a count decides. */
export const isSuspicious = (
  result: { readonly rows: number; readonly bytes: number },
  caps: Caps,
): boolean =>
  (result.rows > 0 && (result.rows % caps.roundRows === 0 || result.rows >= caps.rows)) ||
  result.bytes >= caps.bytes * 0.9;

/** What was learned so far. A new one replaces it after every answer. */
export interface Pace {
  /** The width that fills about 80 % of the limit, when known. */
  readonly widthTicks?: Ticks | undefined;
  /** No window wider than this until one fits: the last wider one was too big. */
  readonly ceilingTicks?: Ticks | undefined;
  /** No window wider than this in this run: the service gave up on a wider one. The next run may try twice as wide. */
  readonly heavyTicks?: Ticks | undefined;
  /** Lowest row limit seen. */
  readonly rowCap: number;
  /** Most rows to aim at, where bytes or running time bind before the row limit. */
  readonly maxRows: number;
  readonly density?: Density | undefined;
  /** Halvings for running time since the last result. */
  readonly halvings: number;
  /** False once the back-end has failed to give a histogram. */
  readonly hasHistograms: boolean;
  /** Histograms since the last window. */
  readonly histogramCount: number;
}

/** What one run leaves for the next. */
export type StoredPace = Pick<Pace, "widthTicks" | "heavyTicks" | "halvings">;

/** The pace of a run that knows nothing but the caps and what the last one left. */
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

/** What to do next. */
export type Step =
  | { readonly kind: "read"; readonly to: Ticks }
  | { readonly kind: "shards"; readonly to: Ticks; readonly rows: number }
  | { readonly kind: "histogram"; readonly span: Span; readonly step: Ticks };

/** What bounds the next window: the hunt's own predicates, how far rows may be read, whether time can be cut at all. */
export interface Bounds extends Span {
  readonly widestTicks?: Ticks | undefined;
  readonly canHistogram: boolean;
}

const minTicks = (a: Ticks, b: Ticks): Ticks => (a < b ? a : b);
const maxTicks = (a: Ticks, b: Ticks): Ticks => (a > b ? a : b);

/** Share of the row limit that a window cut on a histogram may fill, and that the width aims at without one. */
const cutFill = 0.95;
const widthFill = 0.8;

const computeRowLimit = (pace: Pace, fill: number): number =>
  Math.max(1, Math.floor(Math.min(pace.rowCap, pace.maxRows) * fill));

/** Chooses the next window's end, or the call that will tell it. */
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

/** More looks than it takes from 30 days, 2^45 ticks, down to one tick: the service does not answer what was asked. */
const computeMaxHistograms = (bins: number): number =>
  4 + Math.ceil(45 / Math.log2(Math.max(2, bins / 8)));

/** After a histogram's answer, bins in order of time. */
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

/** After a histogram that the service would not give. */
export const disableHistograms = (pace: Pace): Pace => ({
  ...pace,
  hasHistograms: false,
  density: undefined,
});

/** After a window that was complete. */
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

/** Towards the width that fills 80 %, at most four times this window's, never below a quarter of it. */
function adaptWidth(pace: Pace, width: Ticks, rows: number): Ticks {
  const targetRows = computeRowLimit(pace, widthFill);
  const exactWidth = rows === 0 ? width * 4n : (width * BigInt(targetRows)) / BigInt(rows);
  const maxWidth = maxTicks(width * 4n, rows * 4 < targetRows ? (pace.widthTicks ?? 0n) : 0n);
  return maxTicks(1n, maxTicks(width / 4n, minTicks(exactWidth, maxWidth)));
}

/** After a result that a count showed to be cut off: `rows` came, `count` are there. */
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

/** How often a window is halved because the service gave up on it, before the hunt is set aside. */
export const maxHalvings = 4;

/** After a result above the size limit (`too-big`) or a query that the service gave up on (`too-heavy`). */
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
 * Into how many shards a result of `rows` rows goes. A hash spreads rows unevenly: room is left for five standard
 * deviations, and `attempt` doubles the number where that was not enough.
 */
export function computeShardCount(rows: number, rowCap: number, attempt: number): number {
  const root = (Math.sqrt(25 + 4 * rowCap) - 5) / 2;
  const mean = Math.max(1, root * root);
  return Math.max(2, Math.ceil(rows / mean)) * 2 ** attempt;
}
