/** Linear filters over a series; elements before the first one count as 0. */
import { computeSum } from "./numbers.ts";

interface FirOptions {
  /** Divides by the sum of the coefficients. */
  readonly isNormalized: boolean;
  /** Applies the filter to as many elements after as before. */
  readonly isCentered: boolean;
}

/** Finite impulse response. */
export function filterFinite(
  values: readonly number[],
  coefficients: readonly number[],
  { isNormalized, isCentered }: FirOptions,
): readonly number[] {
  const divisor = isNormalized ? computeSum(coefficients) : 1;
  const shift = isCentered ? Math.floor((coefficients.length - 1) / 2) : 0;
  return values.map(
    (_, index) =>
      computeSum(
        coefficients.map((factor, delay) => factor * (values[index + shift - delay] ?? 0)),
      ) / divisor,
  );
}

/** Infinite impulse response; `feedback` starts with the factor of the result itself. */
export function filterInfinite(
  values: readonly number[],
  feedForward: readonly number[],
  feedback: readonly number[],
): readonly number[] {
  const [own = 1, ...former] = feedback;
  const results: number[] = [];
  for (const index of values.keys()) {
    const input = computeSum(
      feedForward.map((factor, delay) => factor * (values[index - delay] ?? 0)),
    );
    const echo = computeSum(
      former.map((factor, delay) => factor * (results[index - delay - 1] ?? 0)),
    );
    results.push((input - echo) / own);
  }
  return results;
}
