/** Splits a series into trend, season and residual. */
import { evaluateLine, fitLine } from "./fit-line.ts";
import { computeMean, computeSum } from "./numbers.ts";

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

/** Returns the mean of each phase, repeated over `length` elements; zeros without a period. */
export function repeatSeason(
  values: readonly number[],
  period: number,
  length: number,
): readonly number[] {
  const size = Math.floor(period);
  if (size < 1) return Array.from({ length }, () => 0);
  const means = Array.from({ length: size }, (_, phase) => {
    const members = values.filter((_value, index) => index % size === phase);
    return members.length === 0 ? 0 : computeMean(members);
  });
  return Array.from({ length }, (_, index) => means[index % size] ?? 0);
}

const minPeriod = 2;

/**
 * Returns the period whose autocorrelation is greatest and at least the threshold. The service's
 * own detection is not documented in full; a given period is exact.
 */
export function detectPeriod(values: readonly number[], threshold: number): number | undefined {
  const line = fitLine(values);
  const detrended = values.map((value, index) => value - evaluateLine(line, index));
  const power = computeSum(detrended.map((value) => value ** 2));
  if (power < Number.EPSILON * values.length) return undefined;
  const correlate = (lag: number): number =>
    computeSum(detrended.slice(lag).map((value, index) => value * (detrended[index] ?? 0))) / power;
  const scores = Array.from({ length: Math.floor(values.length / 2) + 2 }, (_, lag) =>
    correlate(lag),
  );
  let best: number | undefined;
  for (let lag = minPeriod; lag < scores.length - 1; lag += 1) {
    const score = scores[lag] ?? 0;
    const isPeak = score > (scores[lag - 1] ?? 0) && score >= (scores[lag + 1] ?? 0);
    if (isPeak && score >= threshold && (best === undefined || score > (scores[best] ?? 0)))
      best = lag;
  }
  return best;
}
