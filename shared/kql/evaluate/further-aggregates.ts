/** Aggregate functions that hunts rarely use: sketches, bits, covariance, schemas. */
import {
  argumentAt,
  createConditional,
  createValueAggregate,
  type AggregateFactory,
} from "./aggregates.ts";
import { asDynamic, convertScalar } from "./coerce.ts";
import type { Row, Scalar } from "./plan.ts";
import {
  createDistinctSketch,
  createQuantileSketch,
  findWeightedPercentile,
  readDistinctSketch,
  readPercentages,
  readQuantileSketch,
  toDistinctKey,
} from "./sketches.ts";
import { toReal } from "./values.ts";

const createHll = createValueAggregate(
  () => "dynamic",
  () => new Set<string>(),
  (keys, value) => keys.add(toDistinctKey(value)),
  createDistinctSketch,
);

const createHllMerge = createValueAggregate(
  () => "dynamic",
  () => new Set<string>(),
  (keys, value) => {
    for (const key of readDistinctSketch(value) ?? []) keys.add(key);
    return keys;
  },
  createDistinctSketch,
);

type WeightedValue = readonly [unknown, number];

/** Collects values with the weight in the argument at `weightIndex`. */
function createWeighted(
  weightIndex: number,
  end: (values: readonly WeightedValue[], args: readonly Scalar[]) => unknown,
): AggregateFactory {
  return (args) => {
    const value = asDynamic(argumentAt(args, 0));
    const weight = args[weightIndex];
    return {
      type: "dynamic",
      start: () => {
        const values: WeightedValue[] = [];
        return {
          add: (row: Row) => {
            const one = value.run(row) ?? null;
            const size = weight === undefined ? 1 : toReal(weight.run(row));
            if (one !== null && size !== null && size > 0) values.push([one, size]);
          },
          value: () => end(values, args),
        };
      },
    };
  };
}

const createDigest = createWeighted(1, (values) =>
  values.length === 0 ? null : createQuantileSketch(values),
);

const createDigestMerge = createValueAggregate<WeightedValue[]>(
  () => "dynamic",
  () => [],
  (values, value) => [...values, ...(readQuantileSketch(value) ?? [])],
  createQuantileSketch,
);

/** `percentiles_array(value, …)` and `percentilesw_array(value, weight, …)`. */
const createPercentileArray = (weightIndex: 0 | 1): AggregateFactory =>
  createWeighted(weightIndex === 0 ? Infinity : weightIndex, (values, args) => {
    const { tdigest } = createQuantileSketch(values);
    return readPercentages(args.slice(weightIndex + 1).map((arg) => arg.run([]))).map((percent) =>
      findWeightedPercentile(tdigest, percent),
    );
  });

const createBits =
  (start: bigint, combine: (one: bigint, other: bigint) => bigint): AggregateFactory =>
  (args) =>
    createValueAggregate<bigint | null>(
      () => "long",
      () => null,
      (bits, value) => combine(bits ?? start, value as bigint),
      (bits) => bits,
    )([convertScalar(argumentAt(args, 0), "long")]);

/** Sums behind a covariance. */
interface PairSums {
  count: number;
  one: number;
  other: number;
  products: number;
}

const createCovariance =
  (isSample: boolean): AggregateFactory =>
  (args) => {
    const [one, other] = [0, 1].map((index) => convertScalar(argumentAt(args, index), "real"));
    return {
      type: "real",
      start: () => {
        const sums: PairSums = { count: 0, one: 0, other: 0, products: 0 };
        return {
          add: (row) => {
            const [left, right] = [one?.run(row) ?? null, other?.run(row) ?? null];
            if (typeof left !== "number" || typeof right !== "number") return;
            sums.count += 1;
            sums.one += left;
            sums.other += right;
            sums.products += left * right;
          },
          value: () => {
            const divisor = sums.count - (isSample ? 1 : 0);
            if (divisor <= 0) return sums.count === 0 ? null : 0;
            return (sums.products - (sums.one * sums.other) / sums.count) / divisor;
          },
        };
      },
    };
  };

/** `make_list_with_nulls`: nulls count as elements. */
const createListWithNulls: AggregateFactory = (args) => {
  const value = asDynamic(argumentAt(args, 0));
  return {
    type: "dynamic",
    start: () => {
      const values: unknown[] = [];
      return { add: (row) => values.push(value.run(row) ?? null), value: () => values };
    },
  };
};

/** A schema: a type's name, a bag of schemas, or a list of alternatives. */
type Schema = string | readonly Schema[] | { readonly [key: string]: Schema };

/** The key under which a schema states the elements of an array. */
const elementKey = "`indexer`";

function describeValue(value: unknown): readonly Schema[] {
  if (value === null) return [];
  if (Array.isArray(value))
    return [{ [elementKey]: simplify(mergeSchemas(value.flatMap(describeValue))) }];
  if (typeof value === "object")
    return [
      Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, simplify(describeValue(inner))]),
      ),
    ];
  if (typeof value === "bigint") return ["long"];
  if (typeof value === "number") return [Number.isInteger(value) ? "long" : "double"];
  return [typeof value === "boolean" ? "bool" : "string"];
}

const toAlternatives = (schema: Schema): readonly Schema[] =>
  Array.isArray(schema) ? (schema as readonly Schema[]) : [schema];

const simplify = (schemas: readonly Schema[]): Schema =>
  schemas.length === 1 && schemas[0] !== undefined ? schemas[0] : schemas;

/** Merges alternatives: each type once, and one bag with the keys of all. */
function mergeSchemas(schemas: readonly Schema[]): readonly Schema[] {
  const types = new Set(schemas.filter((schema) => typeof schema === "string"));
  const bags = schemas.filter(
    (schema): schema is { readonly [key: string]: Schema } =>
      typeof schema === "object" && !Array.isArray(schema),
  );
  const keys = new Set(bags.flatMap((bag) => Object.keys(bag)));
  const merged = Object.fromEntries(
    [...keys].map((key) => [
      key,
      simplify(
        mergeSchemas(bags.flatMap((bag) => (key in bag ? toAlternatives(bag[key] ?? []) : []))),
      ),
    ]),
  );
  return bags.length === 0 ? [...types] : [...types, merged];
}

const createSchema: AggregateFactory = (args) =>
  createValueAggregate<readonly Schema[]>(
    () => "dynamic",
    () => [],
    (schemas, value) => mergeSchemas([...schemas, ...describeValue(value)]),
    (schemas) => (schemas.length === 0 ? null : simplify(schemas)),
  )([asDynamic(argumentAt(args, 0))]);

export const furtherAggregates: Readonly<Record<string, AggregateFactory>> = {
  binary_all_and: createBits(-1n, (one, other) => one & other),
  binary_all_or: createBits(0n, (one, other) => one | other),
  binary_all_xor: createBits(0n, (one, other) => one ^ other),
  buildschema: createSchema,
  covariance: createCovariance(true),
  covarianceif: createConditional(createCovariance(true), 2),
  covariancep: createCovariance(false),
  covariancepif: createConditional(createCovariance(false), 2),
  hll: createHll,
  hll_if: createConditional(createHll, 1),
  hll_merge: createHllMerge,
  make_list_with_nulls: createListWithNulls,
  percentiles_array: createPercentileArray(0),
  percentilesw_array: createPercentileArray(1),
  tdigest: createDigest,
  merge_tdigest: createDigestMerge,
  tdigest_merge: createDigestMerge,
};
