/**
 * Scores outliers by Tukey's test: the distance outside two percentiles, in units of the distance
 * between them. The service documents the test and its percentiles, not how it interpolates
 * between values; scores near a threshold may therefore differ from the service's.
 */
import { interpolatePercentile, type Series } from "./numbers.ts";

export interface TukeyRange {
  readonly minPercentile: number;
  readonly maxPercentile: number;
}

/** `tukey` is fixed to the quartiles; `ctukey` has 10 and 90 by default. */
export function getTukeyRange(kind: string, min = 10, max = 90): TukeyRange | undefined {
  if (kind === "tukey") return { minPercentile: 25, maxPercentile: 75 };
  return kind === "ctukey" ? { minPercentile: min, maxPercentile: max } : undefined;
}

/** Returns a score for each element: 0 within the range and for missing elements. */
export function scoreOutliers(
  series: Series,
  { minPercentile, maxPercentile }: TukeyRange,
): readonly number[] {
  const present = series.filter((value) => value !== null);
  if (present.length === 0) return series.map(() => 0);
  const low = interpolatePercentile(present, minPercentile);
  const high = interpolatePercentile(present, maxPercentile);
  // A range of zero counts as the rounding error of its ends: any distance is then an outlier.
  const roundingError = Number.EPSILON * Math.max(Math.abs(low), Math.abs(high), 1);
  const range = Math.max(high - low, roundingError);
  return series.map((value) => {
    if (value === null || (value >= low && value <= high)) return 0;
    return value > high ? (value - high) / range : (value - low) / range;
  });
}
