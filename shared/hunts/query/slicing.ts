/**
 * How much to read next: decisions as plain data, made from what earlier answers showed. Nothing here is needed for
 * correctness, a bad guess only costs a call: whether a result is complete is proven by count, never by a guess.
 */
import type { Span, Ticks } from "../../runtime/time.ts";
import {
  binLimit,
  expectedRows,
  nextCut,
  rescale,
  stepFor,
  type Bin,
  type Density,
  refine,
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
  readonly mostRows: number;
  readonly density?: Density | undefined;
  /** Halvings for running time since the last result. */
  readonly halvings: number;
  /** False once the back-end has failed to give a histogram. */
  readonly histograms: boolean;
  /** Histograms since the last window. */
  readonly looks: number;
}

/** What one run leaves for the next. */
export type KeptPace = Pick<Pace, "widthTicks" | "heavyTicks" | "halvings">;

/** The pace of a run that knows nothing but the caps and what the last one left. */
export const startPace = (caps: Caps, kept: KeptPace = { halvings: 0 }): Pace => ({
  widthTicks: kept.widthTicks,
  heavyTicks:
    kept.heavyTicks === undefined || kept.halvings > 0 ? kept.heavyTicks : kept.heavyTicks * 2n,
  rowCap: caps.rows,
  mostRows: caps.rows,
  halvings: kept.halvings,
  histograms: true,
  looks: 0,
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

const min = (a: Ticks, b: Ticks): Ticks => (a < b ? a : b);
const max = (a: Ticks, b: Ticks): Ticks => (a > b ? a : b);

/** Share of the row limit that a window cut on a histogram may fill, and that the width aims at without one. */
const cutFill = 0.95;
const widthFill = 0.8;

const limitOf = (pace: Pace, fill: number): number =>
  Math.max(1, Math.floor(Math.min(pace.rowCap, pace.mostRows) * fill));

/** Chooses the next window's end, or the call that will tell it. */
export function nextStep(pace: Pace, bounds: Bounds): Step {
  const reach =
    bounds.widestTicks === undefined ? bounds.to : min(bounds.to, bounds.from + bounds.widestTicks);
  const near = [pace.ceilingTicks, pace.heavyTicks]
    .filter((width) => width !== undefined)
    .reduce((end, width) => min(end, bounds.from + width), reach);
  const mayAsk = pace.histograms && bounds.canHistogram;
  const { density } = pace;
  if (density && density.until > bounds.from) {
    const cut = nextCut(density, bounds.from, limitOf(pace, cutFill), binLimit(pace.rowCap));
    if (cut.kind === "tick" && cut.to <= near)
      return { kind: "shards", to: cut.to, rows: cut.rows };
    if (cut.kind !== "finer") return { kind: "read", to: min(cut.to, near) };
    if (mayAsk) return { kind: "histogram", span: cut.span, step: cut.step };
  }
  return byWidth(pace, bounds, { reach, near }, mayAsk);
}

function byWidth(
  pace: Pace,
  bounds: Bounds,
  ends: { reach: Ticks; near: Ticks },
  mayAsk: boolean,
): Step {
  const { widthTicks: width } = pace;
  if (width === undefined) return { kind: "read", to: ends.near };
  const ahead = ends.reach - bounds.from;
  const exceeds = ahead > width + width / 4n;
  if (!exceeds) return { kind: "read", to: ends.near };
  if (mayAsk && ends.near === ends.reach) {
    const span = { from: bounds.from, to: ends.reach };
    return { kind: "histogram", span, step: stepFor(span, binLimit(pace.rowCap)) };
  }
  return { kind: "read", to: min(ends.near, bounds.from + max(width, 1n)) };
}

/** More looks than it takes from 30 days, 2^45 ticks, down to one tick: the service does not answer what was asked. */
const mostLooks = (bins: number): number => 4 + Math.ceil(45 / Math.log2(Math.max(2, bins / 8)));

/** After a histogram's answer, bins in order of time. */
export function afterHistogram(before: Pace, span: Span, bins: readonly Bin[]): Pace {
  const pace = { ...before, looks: before.looks + 1 };
  if (pace.looks > mostLooks(binLimit(pace.rowCap))) return withoutHistograms(pace);
  const { density } = pace;
  const inside =
    density &&
    density.until > span.from &&
    density.bins.some((bin) => bin.from < span.to && bin.to > span.from);
  return { ...pace, density: inside ? refine(density, span, bins) : { bins, until: span.to } };
}

/** After a histogram that the service would not give. */
export const withoutHistograms = (pace: Pace): Pace => ({
  ...pace,
  histograms: false,
  density: undefined,
});

/** After a window that was complete. */
export function afterWindow(
  pace: Pace,
  span: Span,
  result: { readonly rows: number; readonly bytes: number },
  caps: Caps,
): Pace {
  const width = max(span.to - span.from, 1n);
  const perRow = result.rows > 0 ? result.bytes / result.rows : 0;
  const byBytes = perRow > 0 ? Math.floor((caps.bytes * 0.85) / perRow) : pace.mostRows;
  const next: Pace = {
    ...pace,
    mostRows: Math.max(1, Math.min(pace.mostRows, byBytes)),
    rowCap: result.rows > pace.rowCap ? caps.rows : pace.rowCap,
    halvings: 0,
    looks: 0,
    ceilingTicks: undefined,
  };
  return { ...next, widthTicks: adapted(next, width, result.rows) };
}

/** Towards the width that fills 80 %, at most four times this window's, never below a quarter of it. */
function adapted(pace: Pace, width: Ticks, rows: number): Ticks {
  const aim = limitOf(pace, widthFill);
  const exact = rows === 0 ? width * 4n : (width * BigInt(aim)) / BigInt(rows);
  const most = max(width * 4n, rows * 4 < aim ? (pace.widthTicks ?? 0n) : 0n);
  return max(1n, max(width / 4n, min(exact, most)));
}

/** After a result that a count showed to be cut off: `rows` came, `count` are there. */
export function afterTruncated(
  pace: Pace,
  span: Span,
  result: { readonly rows: number; readonly count: number },
  caps: Caps,
): Pace {
  const round = result.rows > 0 && result.rows % caps.roundRows === 0;
  const rowCap = round ? Math.min(pace.rowCap, result.rows) : pace.rowCap;
  const next: Pace = { ...pace, rowCap };
  const width = span.to - span.from;
  const fitting = (width * BigInt(limitOf(next, widthFill))) / BigInt(Math.max(1, result.count));
  return {
    ...next,
    widthTicks: max(1n, min(width / 2n, fitting)),
    density: pace.density && rescale(pace.density, span, result.count),
  };
}

/** How often a window is halved because the service gave up on it, before the hunt is set aside. */
export const mostHalvings = 4;

/** After a result above the size limit (`too-big`) or a query that the service gave up on (`too-heavy`). */
export function afterHalving(pace: Pace, span: Span, cause: "too-big" | "too-heavy"): Pace {
  const expected = pace.density ? expectedRows(pace.density, span) : 0;
  const half = max(1n, (span.to - span.from) / 2n);
  return {
    ...pace,
    widthTicks: half,
    ...(cause === "too-heavy" ? { heavyTicks: half } : { ceilingTicks: half }),
    mostRows:
      expected > 1 ? Math.max(1, Math.min(pace.mostRows, Math.floor(expected / 2))) : pace.mostRows,
    halvings: cause === "too-heavy" ? pace.halvings + 1 : pace.halvings,
  };
}

/**
 * Into how many shards a result of `rows` rows goes. A hash spreads rows unevenly: room is left for five standard
 * deviations, and `attempt` doubles the number where that was not enough.
 */
export function shardCount(rows: number, rowCap: number, attempt: number): number {
  const root = (Math.sqrt(25 + 4 * rowCap) - 5) / 2;
  const mean = Math.max(1, root * root);
  return Math.max(2, Math.ceil(rows / mean)) * 2 ** attempt;
}
