/**
 * Values behind `hll` and `tdigest`. The service keeps approximations in a form of its own; here
 * they are exact, so results are the numbers that the service's approximate.
 */
import { compareValues, toKey, toReal } from "./values.ts";

/** Distinct values as a bag. */
export interface DistinctSketch {
  readonly hll: readonly string[];
}

/** Values and their weights, in order, as a bag. */
export interface QuantileSketch {
  readonly tdigest: readonly (readonly [unknown, number])[];
}

/** Returns null without keys, as the service does for no values. */
export function createDistinctSketch(keys: Iterable<string>): DistinctSketch | null {
  const hll = [...new Set(keys)];
  return hll.length === 0 ? null : { hll };
}

export const toDistinctKey = (value: unknown): string => toKey([value]);

/** Reads a sketch of distinct values; undefined for another value. */
export function readDistinctSketch(value: unknown): readonly string[] | undefined {
  const keys = (value as Partial<DistinctSketch> | null)?.hll;
  return Array.isArray(keys) ? (keys as readonly string[]) : undefined;
}

export const createQuantileSketch = (
  values: readonly (readonly [unknown, number])[],
): QuantileSketch => ({
  tdigest: values.toSorted(([one], [other]) => compareValues(one, other)),
});

/** Reads a sketch of quantiles; undefined for another value. */
export function readQuantileSketch(value: unknown): QuantileSketch["tdigest"] | undefined {
  const entries = (value as Partial<QuantileSketch> | null)?.tdigest;
  return Array.isArray(entries) ? (entries as QuantileSketch["tdigest"]) : undefined;
}

/** Returns the first value whose weight and the weights before it reach the share. */
export function findWeightedPercentile(
  sorted: QuantileSketch["tdigest"],
  percent: number,
): unknown {
  const total = sorted.reduce((sum, [, weight]) => sum + weight, 0);
  let sum = 0;
  for (const [value, weight] of sorted) {
    sum += weight;
    if (sum >= (total * percent) / 100) return value;
  }
  return sorted.at(-1)?.[0] ?? null;
}

/** Returns the weight of all values up to the given one. */
export const computeRank = (sorted: QuantileSketch["tdigest"], value: unknown): number =>
  sorted.reduce((sum, [one, weight]) => (compareValues(one, value) <= 0 ? sum + weight : sum), 0);

/** Reads percentages from numbers or arrays of them. */
export const readPercentages = (values: readonly unknown[]): readonly number[] =>
  values.flat().map((value) => toReal(value) ?? 50);
