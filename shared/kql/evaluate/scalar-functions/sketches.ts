/** Functions of the results of `hll` and `tdigest`. */
import { convertScalar } from "../coerce.ts";
import { deriveScalar } from "../plan.ts";
import {
  computeRank,
  createDistinctSketch,
  createQuantileSketch,
  findWeightedPercentile,
  readDistinctSketch,
  readQuantileSketch,
} from "../sketches.ts";
import { parseTypeName } from "../type-names.ts";
import { toReal, toText } from "../values.ts";
import {
  mapAny,
  requireArgument,
  type FunctionCompiler,
  type FunctionTable,
} from "./function-compiler.ts";

const mergeDistinct = mapAny("dynamic", (values) => {
  const sketches = values.map(readDistinctSketch).filter((keys) => keys !== undefined);
  return sketches.length === 0 ? null : createDistinctSketch(sketches.flat());
});

const mergeQuantiles = mapAny("dynamic", (values) => {
  const sketches = values.map(readQuantileSketch).filter((entries) => entries !== undefined);
  return sketches.length === 0 ? null : createQuantileSketch(sketches.flat());
});

/** `percentile_tdigest(sketch, percent, typeof(type))`. */
const readPercentile: FunctionCompiler = (args) => {
  const [sketch, percent] = [requireArgument(args, 0), requireArgument(args, 1)];
  const value = deriveScalar("dynamic", [sketch, percent], (row) => {
    const entries = readQuantileSketch(sketch.run(row));
    const share = toReal(percent.run(row));
    return entries === undefined || share === null ? null : findWeightedPercentile(entries, share);
  });
  const type = args[2] === undefined ? "real" : parseTypeName(toText(args[2].run([]), "string"));
  return convertScalar(value, type);
};

const readRank = mapAny("real", ([sketch, value]) => {
  const entries = readQuantileSketch(sketch);
  return entries === undefined ? null : computeRank(entries, toReal(value));
});

const readPercentRank = mapAny("real", ([sketch, value]) => {
  const entries = readQuantileSketch(sketch);
  if (entries === undefined) return null;
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  return total === 0 ? null : (100 * computeRank(entries, toReal(value))) / total;
});

export const sketchFunctions: FunctionTable = {
  dcount_hll: mapAny("long", ([value]) => {
    const keys = readDistinctSketch(value);
    return keys === undefined ? null : BigInt(keys.length);
  }),
  hll_merge: mergeDistinct,
  merge_tdigest: mergeQuantiles,
  tdigest_merge: mergeQuantiles,
  percentile_tdigest: readPercentile,
  percentrank_tdigest: readPercentRank,
  rank_tdigest: readRank,
};
