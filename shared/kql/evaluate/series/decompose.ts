/** Splits a series into trend, season and residual. */
import { evaluateLine, fitLine } from "./fit-line.ts";
import { computeMean, computeSum, interpolatePercentile } from "./numbers.ts";

export interface DecomposeOptions {
  /** Length of the season in elements; 0 for none, −1 to detect it. */
  readonly seasonality: number;
  readonly trend: string;
  /** Elements at the end that are not learned from. */
  readonly testPoints: number;
  /** Least autocorrelation, 0 to 1, of a detected season. */
  readonly seasonalityThreshold: number;
}

export interface Decomposition {
  readonly baseline: readonly number[];
  readonly seasonal: readonly number[];
  readonly trend: readonly number[];
  readonly residual: readonly number[];
}

/** Learns trend and season from all but the last `testPoints` elements. */
export function decomposeSeries(
  values: readonly number[],
  { seasonality, trend: kind, testPoints, seasonalityThreshold }: DecomposeOptions,
): Decomposition {
  const learned = values.slice(0, Math.max(1, values.length - testPoints));
  const trend = computeTrend(learned, kind, values.length);
  const detrended = learned.map((value, index) => value - (trend[index] ?? 0));
  const period = seasonality < 0 ? (detectPeriod(learned, seasonalityThreshold) ?? 0) : seasonality;
  const seasonal = repeatSeason(detrended, period, values.length);
  const baseline = trend.map((value, index) => value + (seasonal[index] ?? 0));
  return {
    baseline,
    seasonal,
    trend,
    residual: values.map((value, index) => value - (baseline[index] ?? 0)),
  };
}

function computeTrend(values: readonly number[], kind: string, length: number): readonly number[] {
  const line = kind === "linefit" ? fitLine(values) : undefined;
  const mean = kind === "avg" ? computeMean(values) : 0;
  return Array.from({ length }, (_, index) => (line ? evaluateLine(line, index) : mean));
}

/** Returns the median of each phase, repeated over `length` elements; zeros without a period. */
export function repeatSeason(
  values: readonly number[],
  period: number,
  length: number,
): readonly number[] {
  const size = Math.floor(period);
  if (size < 1) return Array.from({ length }, () => 0);
  const medians = Array.from({ length: size }, (_, phase) => {
    const members = values.filter((_value, index) => index % size === phase);
    return members.length === 0 ? 0 : interpolatePercentile(members, 50);
  });
  return Array.from({ length }, (_, index) => medians[index % size] ?? 0);
}

/** The service detects seasons of at least 4 elements and at most half of the series. */
const minPeriod = 4;

/** A shorter period within this share of the best score is preferred to its multiples. */
const tolerance = 0.9;

/**
 * Returns the period with the greatest autocorrelation, if that is at least the threshold. The
 * service's own detection is not documented in full; a period that the query states is exact.
 */
export function detectPeriod(values: readonly number[], threshold: number): number | undefined {
  const line = fitLine(values);
  const detrended = values.map((value, index) => value - evaluateLine(line, index));
  const maxPeriod = Math.floor((values.length - 1) / 2);
  const scores = Array.from({ length: maxPeriod + 2 }, (_, lag) => correlate(detrended, lag));
  const isPeak = (lag: number): boolean =>
    (scores[lag] ?? 0) > (scores[lag - 1] ?? 0) && (scores[lag] ?? 0) >= (scores[lag + 1] ?? 0);
  const peaks = scores
    .keys()
    .filter(
      (lag) =>
        lag >= minPeriod && lag <= maxPeriod && isPeak(lag) && (scores[lag] ?? 0) >= threshold,
    )
    .toArray();
  const best = Math.max(...peaks.map((lag) => scores[lag] ?? 0));
  return peaks.find((lag) => (scores[lag] ?? 0) >= tolerance * best);
}

/** Correlation of a series with itself, moved by a lag. */
function correlate(values: readonly number[], lag: number): number {
  const [early, late] = [values.slice(0, values.length - lag), values.slice(lag)];
  const sumSquares = (part: readonly number[]): number =>
    computeSum(part.map((value) => value * value));
  const scale = Math.sqrt(sumSquares(early) * sumSquares(late));
  const common = computeSum(early.map((value, index) => value * (late[index] ?? 0)));
  return scale < Number.EPSILON * values.length ? 0 : common / scale;
}
