/** Functions of series that summarize, fit, decompose or score them. */
import { asDynamic } from "../coerce.ts";
import { deriveScalar, type Scalar } from "../plan.ts";
import { createUnsupportedError } from "../query-error.ts";
import {
  decomposeSeries,
  detectPeriod,
  repeatSeason,
  type DecomposeOptions,
} from "../series/decompose.ts";
import { fitLine } from "../series/fit-line.ts";
import { computeMean, computeSampleVariance, computeSum, toSeries } from "../series/numbers.ts";
import { getTukeyRange, scoreOutliers } from "../series/outliers.ts";
import { requireArgument, type FunctionCompiler, type FunctionTable } from "./function-compiler.ts";
import {
  createReader,
  createResults,
  createSeriesFunction,
  deriveSeries,
  type NamedResults,
  type ReadArgument,
} from "./series-arguments.ts";

function computeStatistics(values: readonly number[]): NamedResults {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const variance = computeSampleVariance(values);
  return {
    min,
    min_idx: BigInt(values.indexOf(min)),
    max,
    max_idx: BigInt(values.indexOf(max)),
    avg: computeMean(values),
    stdev: Math.sqrt(variance),
    variance,
  };
}

const statisticsTypes = {
  min: "real",
  min_idx: "long",
  max: "real",
  max_idx: "long",
  avg: "real",
  stdev: "real",
  variance: "real",
} as const;

/** `series_stats(series, ignoresOthers)`: with the option, elements without a value do not count. */
const evaluateStatistics: FunctionCompiler = (args, call) =>
  createResults(statisticsTypes, computeStatistics)([dropMissing(args)], call);

function dropMissing(args: readonly Scalar[]): Scalar {
  const series = asDynamic(requireArgument(args, 0));
  const option = args[1];
  if (option === undefined) return series;
  return deriveScalar("dynamic", [series, option], (row) => {
    const value = toSeries(series.run(row));
    return option.run(row) === true ? (value?.filter((one) => one !== null) ?? null) : value;
  });
}

const evaluateStatisticsBag: FunctionCompiler = (args) =>
  deriveSeries([dropMissing(args)], "dynamic", (values) => {
    const { min_idx: minIndex, max_idx: maxIndex, ...rest } = computeStatistics(values);
    return {
      ...rest,
      min_idx: Number(minIndex),
      max_idx: Number(maxIndex),
      sum: computeSum(values),
      len: values.length,
    };
  });

const computeLine = (values: readonly number[]): NamedResults => {
  const { lineFit, ...rest } = fitLine(values);
  return { ...rest, line_fit: lineFit };
};

const readDecomposeOptions = (read: ReadArgument, first: number): DecomposeOptions => {
  const trend = read(first + 1, "avg");
  if (!["avg", "linefit", "none"].includes(trend))
    throw createUnsupportedError(`The trend '${trend}'`);
  return {
    seasonality: read(first, -1),
    trend,
    testPoints: read(first + 2, 0),
    seasonalityThreshold: read(first + 3, 0.6),
  };
};

/** `series_decompose_anomalies(series, threshold, seasonality, trend, tests, method, score)`. */
function findAnomalies(values: readonly number[], read: ReadArgument): NamedResults {
  const threshold = read(1, 1.5);
  const options = { ...readDecomposeOptions(read, 2), seasonalityThreshold: read(6, 0.6) };
  const method = read(5, "ctukey");
  const range = getTukeyRange(method);
  if (range === undefined) throw createUnsupportedError(`The method '${method}'`);
  const { baseline, residual } = decomposeSeries(values, options);
  const scores = scoreOutliers(residual, range);
  return {
    ad_flag: scores.map((score) => (score > threshold ? 1 : score < -threshold ? -1 : 0)),
    ad_score: scores,
    baseline,
  };
}

/** `series_outliers(series, kind, ignored, min, max)`. */
const evaluateOutliers: FunctionCompiler = (args) => {
  const series = asDynamic(requireArgument(args, 0));
  return deriveScalar("dynamic", [series, ...args.slice(1)], (row) => {
    const read = createReader(args, row);
    const kind = read(1, "ctukey");
    const range = getTukeyRange(kind, read(3, 10), read(4, 90));
    if (range === undefined) throw createUnsupportedError(`The kind '${kind}'`);
    const ignored = args[2] === undefined ? null : read<number>(2, Number.NaN);
    const present = toSeries(series.run(row))?.map((one) => (one === ignored ? null : one));
    return present === undefined ? null : scoreOutliers(present, range);
  });
};

const evaluateSeasonal = createSeriesFunction("dynamic", (values, read) => {
  const given = read<number>(1, -1);
  const period = given < 0 ? (detectPeriod(values, 0.6) ?? 0) : given;
  return repeatSeason(values, period, values.length);
});

const decomposition = {
  baseline: "dynamic",
  seasonal: "dynamic",
  trend: "dynamic",
  residual: "dynamic",
} as const;

export const seriesModelFunctions: FunctionTable = {
  series_stats: evaluateStatistics,
  series_stats_dynamic: evaluateStatisticsBag,
  series_fit_line: createResults(
    {
      rsquare: "real",
      slope: "real",
      variance: "real",
      rvariance: "real",
      interception: "real",
      line_fit: "dynamic",
    },
    computeLine,
  ),
  series_fit_line_dynamic: createSeriesFunction("dynamic", computeLine),
  series_decompose: createResults(decomposition, (values, read) => ({
    ...decomposeSeries(values, readDecomposeOptions(read, 1)),
  })),
  series_decompose_anomalies: createResults(
    { ad_flag: "dynamic", ad_score: "dynamic", baseline: "dynamic" },
    findAnomalies,
  ),
  series_outliers: evaluateOutliers,
  series_seasonal: evaluateSeasonal,
};
