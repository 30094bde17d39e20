/** Linear regression over a series: the first element is at 1, the next one at 2. */
import { computeMean, computeSampleVariance, computeSum } from "./numbers.ts";

export interface LineFit {
  readonly rsquare: number;
  readonly slope: number;
  /** Of the series. */
  readonly variance: number;
  /** Of the distances from the line. */
  readonly rvariance: number;
  readonly interception: number;
  readonly lineFit: readonly number[];
}

/** Returns the value of a fitted line at an index from 0. */
export const evaluateLine = ({ slope, interception }: LineFit, index: number): number =>
  interception + slope * (index + 1);

/** Fits a line by least squares. */
export function fitLine(values: readonly number[]): LineFit {
  const middle = (values.length + 1) / 2;
  const mean = computeMean(values);
  const spread = computeSum(values.map((_, index) => (index + 1 - middle) ** 2));
  const common = computeSum(values.map((value, index) => (index + 1 - middle) * (value - mean)));
  const slope = spread === 0 ? 0 : common / spread;
  const interception = mean - slope * middle;
  const lineFit = values.map((_, index) => interception + slope * (index + 1));
  const variance = computeSampleVariance(values);
  const rvariance = computeSampleVariance(
    values.map((value, index) => value - (lineFit[index] ?? 0)),
  );
  const rsquare = variance === 0 ? 1 : 1 - rvariance / variance;
  return { rsquare, slope, variance, rvariance, interception, lineFit };
}
