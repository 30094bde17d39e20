/** Series: arrays of numbers, null where an element is not a number. */

export type Series = readonly (number | null)[];

/** Converts a dynamic value to a series; null for anything but an array. */
export function toSeries(value: unknown): Series | null {
  if (!Array.isArray(value)) return null;
  return (value as readonly unknown[]).map((element) => {
    if (typeof element === "bigint") return Number(element);
    return typeof element === "number" && Number.isFinite(element) ? element : null;
  });
}

/** Converts a series to numbers; null if it has an element without a value, or none at all. */
export function toNumbers(series: Series | null): readonly number[] | null {
  if (series === null || series.length === 0) return null;
  const numbers = series.filter((value) => value !== null);
  return numbers.length === series.length ? numbers : null;
}

export const computeSum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

export const computeMean = (values: readonly number[]): number =>
  computeSum(values) / values.length;

/** Variance of a sample; 0 for a single value. */
export function computeSampleVariance(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = computeMean(values);
  return computeSum(values.map((value) => (value - mean) ** 2)) / (values.length - 1);
}

/** Percentile by linear interpolation between the two nearest values. */
export function interpolatePercentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  const position = ((sorted.length - 1) * percent) / 100;
  const [low, high] = [sorted[Math.floor(position)] ?? 0, sorted[Math.ceil(position)] ?? 0];
  return low + (high - low) * (position - Math.floor(position));
}
