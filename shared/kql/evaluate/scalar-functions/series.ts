/** Functions of series, as `make-series` and `make_list` create them. */
import { asDynamic } from "../coerce.ts";
import { deriveScalar, type Row, type Scalar } from "../plan.ts";
import { fillBackward, fillForward, fillLinear } from "../series/fill.ts";
import { filterFinite, filterInfinite } from "../series/filters.ts";
import { computeSum, toNumbers, toSeries, type Series } from "../series/numbers.ts";
import {
  mapAny,
  requireArgument,
  type FunctionCompiler,
  type FunctionTable,
} from "./function-compiler.ts";
import { createReader, createSeriesFunction, type ReadArgument } from "./series-arguments.ts";

/** Maps each element; one without a value stays null. */
const mapElements = (compute: (value: number) => number): FunctionCompiler =>
  mapAny(
    "dynamic",
    ([value]) =>
      toSeries(value)?.map((one) => (one === null ? null : toFinite(compute(one)))) ?? null,
  );

/** JSON has no infinities. */
const toFinite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Combines elements of two series; the longer one's rest is null. */
const mapPairs = (compute: (one: number, other: number) => number | boolean): FunctionCompiler =>
  mapAny("dynamic", (values) => {
    const [left, right] = values.map(toSeries);
    if (!left || !right) return null;
    return Array.from({ length: Math.max(left.length, right.length) }, (_, index) => {
      const [one, other] = [left[index] ?? null, right[index] ?? null];
      if (one === null || other === null) return null;
      const result = compute(one, other);
      return typeof result === "boolean" ? result : toFinite(result);
    });
  });

/** Computes one number from two series of one length. */
const reducePair = (
  compute: (one: readonly number[], other: readonly number[]) => number,
): FunctionCompiler =>
  mapAny("real", (values) => {
    const [one, other] = toPair(values);
    return one && other && one.length === other.length ? compute(one, other) : null;
  });

/** A number counts as a series of it as long as the other one. */
const toPair = (values: readonly unknown[]): readonly (readonly number[] | null)[] => {
  const length = values.find(Array.isArray)?.length ?? 0;
  return values.map((value) =>
    typeof value === "number" || typeof value === "bigint"
      ? Array.from({ length }, () => Number(value))
      : toNumbers(toSeries(value)),
  );
};

const computeDotProduct = (one: readonly number[], other: readonly number[]): number =>
  computeSum(one.map((value, index) => value * (other[index] ?? 0)));
const computeMagnitude = (values: readonly number[]): number =>
  Math.sqrt(computeDotProduct(values, values));

/** Pearson's coefficient from sums, which are exact for whole numbers. */
function correlate(one: readonly number[], other: readonly number[]): number {
  const [sum, otherSum] = [computeSum(one), computeSum(other)];
  const scale = (values: readonly number[], total: number): number =>
    values.length * computeDotProduct(values, values) - total * total;
  return (
    (one.length * computeDotProduct(one, other) - sum * otherSum) /
    Math.sqrt(scale(one, sum) * scale(other, otherSum))
  );
}

/** A filler whose second argument is the value that marks a gap. */
const createFiller =
  (gapIndex: number, fill: (series: Series, read: ReadArgument) => Series): FunctionCompiler =>
  (args) => {
    const series = asDynamic(requireArgument(args, 0));
    return deriveScalar("dynamic", [series, ...args.slice(1)], (row) => {
      const read = createReader(args, row);
      const gap = read<number>(gapIndex, Number.NaN);
      const marked = toSeries(series.run(row))?.map((one) => (one === gap ? null : one));
      return marked === undefined ? null : fill(marked, read);
    });
  };

const readNumbers = (scalar: Scalar | undefined, row: Row): readonly number[] | null =>
  scalar ? toNumbers(toSeries(scalar.run(row))) : null;

/** `series_fir(series, filter, normalize, center)`; a filter with negatives is not normalized. */
const evaluateFiniteFilter: FunctionCompiler = (args) =>
  deriveScalar("dynamic", args, (row) => {
    const [values, filter] = [readNumbers(args[0], row), readNumbers(args[1], row)];
    if (values === null || filter === null) return null;
    const read = createReader(args, row);
    const isNormalized = read(
      2,
      filter.every((factor) => factor >= 0),
    );
    return filterFinite(values, filter, { isNormalized, isCentered: read(3, false) });
  });

const evaluateInfiniteFilter: FunctionCompiler = (args) =>
  deriveScalar("dynamic", args, (row) => {
    const [values, feedForward, feedback] = args.map((arg) => readNumbers(arg, row));
    return values && feedForward && feedback ? filterInfinite(values, feedForward, feedback) : null;
  });

export const seriesFunctions: FunctionTable = {
  series_abs: mapElements(Math.abs),
  series_acos: mapElements(Math.acos),
  series_asin: mapElements(Math.asin),
  series_atan: mapElements(Math.atan),
  series_ceiling: mapElements(Math.ceil),
  series_cos: mapElements(Math.cos),
  series_exp: mapElements(Math.exp),
  series_floor: mapElements(Math.floor),
  series_log: mapElements(Math.log),
  series_sign: mapElements(Math.sign),
  series_sin: mapElements(Math.sin),
  series_tan: mapElements(Math.tan),
  series_add: mapPairs((one, other) => one + other),
  series_subtract: mapPairs((one, other) => one - other),
  series_multiply: mapPairs((one, other) => one * other),
  series_divide: mapPairs((one, other) => one / other),
  series_pow: mapPairs((one, other) => one ** other),
  series_equals: mapPairs((one, other) => one === other),
  series_not_equals: mapPairs((one, other) => one !== other),
  series_less: mapPairs((one, other) => one < other),
  series_less_equals: mapPairs((one, other) => one <= other),
  series_greater: mapPairs((one, other) => one > other),
  series_greater_equals: mapPairs((one, other) => one >= other),
  series_sum: createSeriesFunction("real", computeSum),
  series_product: createSeriesFunction("real", (values) =>
    values.reduce((total, value) => total * value, 1),
  ),
  series_magnitude: createSeriesFunction("real", computeMagnitude),
  series_dot_product: reducePair(computeDotProduct),
  series_cosine_similarity: reducePair(
    (one, other) =>
      computeDotProduct(one, other) / (computeMagnitude(one) * computeMagnitude(other)),
  ),
  series_pearson_correlation: reducePair(correlate),
  series_fill_forward: createFiller(1, fillForward),
  series_fill_backward: createFiller(1, fillBackward),
  series_fill_const: createFiller(2, (series, read) =>
    series.map((value) => value ?? read<number>(1, 0)),
  ),
  series_fill_linear: createFiller(1, (series, read) =>
    fillLinear(series, read(2, true), read<number>(3, 0)),
  ),
  series_fir: evaluateFiniteFilter,
  series_iir: evaluateInfiniteFilter,
};
