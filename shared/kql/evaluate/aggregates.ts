/** Aggregate functions: each adds the rows of a group and then returns its value. */
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { asDynamic, convertScalar } from "./coerce.ts";
import type { Row, Scalar } from "./plan.ts";
import { compareValues, toKey } from "./values.ts";

/** The state of one aggregate over one group. */
export interface Tally {
  readonly add: (row: Row) => void;
  readonly value: () => unknown;
}

/** A compiled aggregate; `start` creates the state of a group. */
export interface Aggregate {
  readonly type: KqlType;
  readonly start: () => Tally;
}

export type AggregateFactory = (args: readonly Scalar[]) => Aggregate;

const nullScalar: Scalar = { type: "dynamic", isConstant: true, run: () => null };
export const argumentAt = (args: readonly Scalar[], index: number): Scalar =>
  args[index] ?? nullScalar;

/** Creates an aggregate over the values of its first argument without nulls. */
export function createValueAggregate<S>(
  type: (value: Scalar) => KqlType,
  begin: () => S,
  step: (state: S, value: unknown) => S,
  end: (state: S) => unknown,
): AggregateFactory {
  return (args) => {
    const { run } = argumentAt(args, 0);
    return {
      type: type(argumentAt(args, 0)),
      start: () => {
        let state = begin();
        return {
          add: (row) => {
            const value = run(row) ?? null;
            if (value !== null) state = step(state, value);
          },
          value: () => end(state),
        };
      },
    };
  };
}

/** The aggregate over the rows where the argument at `index` is true. */
export function createConditional(createInner: AggregateFactory, index: number): AggregateFactory {
  return (args) => {
    const test = argumentAt(args, index);
    const inner = createInner(args.filter((_, argumentIndex) => argumentIndex !== index));
    return {
      type: inner.type,
      start: () => {
        const tally = inner.start();
        return {
          add: (row) => (test.run(row) === true ? tally.add(row) : undefined),
          value: tally.value,
        };
      },
    };
  };
}

const typeOf = ({ type }: Scalar): KqlType => type;
const findSumType = ({ type }: Scalar): KqlType =>
  type === "int" ? "long" : type === "dynamic" ? "real" : type;

const createCount: AggregateFactory = () => ({
  type: "long",
  start: () => {
    let rows = 0;
    return { add: () => (rows += 1), value: () => BigInt(rows) };
  },
});

const createDistinctCount = createValueAggregate(
  () => "long",
  () => new Set<string>(),
  (keys, value) => keys.add(toKey([value])),
  (keys) => BigInt(keys.size),
);

const createSum: AggregateFactory = (args) => {
  const value = argumentAt(args, 0);
  const type = findSumType(value);
  const isExact = type === "long" || type === "timespan";
  const read = convertScalar(value, type);
  return createValueAggregate<bigint | number>(
    () => type,
    () => (isExact ? 0n : 0),
    (total, next) =>
      typeof total === "bigint" ? total + BigInt(next as bigint | number) : total + Number(next),
    (total) => total,
  )([read]);
};

const createExtreme = (sign: 1 | -1): AggregateFactory =>
  createValueAggregate<unknown>(
    typeOf,
    () => null,
    (best, value) => (best === null || compareValues(value, best) * sign > 0 ? value : best),
    (best) => best,
  );

/** Count, mean and sum of squared distances, updated row by row. */
interface Spread {
  readonly count: number;
  readonly mean: number;
  readonly squares: number;
}

function createSpread(end: (spread: Spread) => number | null): AggregateFactory {
  return (args) =>
    createValueAggregate<Spread>(
      () => "real",
      () => ({ count: 0, mean: 0, squares: 0 }),
      ({ count, mean, squares }, value) => {
        const next = Number(value);
        const delta = next - mean;
        const moved = mean + delta / (count + 1);
        return { count: count + 1, mean: moved, squares: squares + delta * (next - moved) };
      },
      end,
    )([convertScalar(argumentAt(args, 0), "real")]);
}

const computeVariance = ({ count, squares }: Spread, isSample: boolean): number =>
  count > 1 ? squares / (count - (isSample ? 1 : 0)) : 0;

/** The mean of spans and instants is one again. */
const createAverage: AggregateFactory = (args) => {
  const value = argumentAt(args, 0);
  if (value.type !== "timespan" && value.type !== "datetime")
    return createSpread(({ count, mean }) => (count === 0 ? Number.NaN : mean))(args);
  return createValueAggregate<{ total: bigint; count: bigint }>(
    typeOf,
    () => ({ total: 0n, count: 0n }),
    ({ total, count }, next) => ({ total: total + (next as bigint), count: count + 1n }),
    ({ total, count }) => (count === 0n ? null : total / count),
  )(args);
};

/** The default and maximum of elements in Kusto. */
const maxElements = 1_048_576;

function readLimit(args: readonly Scalar[]): number {
  const limit = args[1]?.run([]);
  return typeof limit === "bigint" ? Number(limit) : maxElements;
}

const createList: AggregateFactory = (args) => {
  const limit = readLimit(args);
  return createValueAggregate<unknown[]>(
    () => "dynamic",
    () => [],
    (values, value) => {
      if (values.length < limit) values.push(value);
      return values;
    },
    (values) => values,
  )([asDynamic(argumentAt(args, 0))]);
};

/** Collects distinct values; an array adds its elements. */
const createSet: AggregateFactory = (args) => {
  const limit = readLimit(args);
  return createValueAggregate<Map<string, unknown>>(
    () => "dynamic",
    () => new Map(),
    (values, value) => {
      for (const one of Array.isArray(value) ? (value as readonly unknown[]) : [value])
        if (values.size < limit && one !== null) values.set(toKey([one]), one);
      return values;
    },
    (values) => [...values.values()],
  )([asDynamic(argumentAt(args, 0))]);
};

/** Merges bags: the first value of a key counts, and keys beyond the limit are left out. */
const createBag: AggregateFactory = (args) => {
  const limit = readLimit(args);
  return createValueAggregate<Map<string, unknown>>(
    () => "dynamic",
    () => new Map(),
    (whole, value) => {
      if (typeof value === "object" && !Array.isArray(value))
        for (const [key, inner] of Object.entries(value as Record<string, unknown>))
          if (!whole.has(key) && whole.size < limit) whole.set(key, inner);
      return whole;
    },
    (whole) => Object.fromEntries(whole),
  )([asDynamic(argumentAt(args, 0))]);
};

const createAny = createValueAggregate<unknown>(
  typeOf,
  () => null,
  (current, value) => (current === null || current === "" ? value : current),
  (current) => current,
);

/** Aggregates with one result, by name. */
export const aggregates: Readonly<Record<string, AggregateFactory>> = {
  count: createCount,
  countif: createConditional(createCount, 0),
  dcount: createDistinctCount,
  dcountif: createConditional(createDistinctCount, 1),
  count_distinct: createDistinctCount,
  count_distinctif: createConditional(createDistinctCount, 1),
  sum: createSum,
  sumif: createConditional(createSum, 1),
  min: createExtreme(-1),
  minif: createConditional(createExtreme(-1), 1),
  max: createExtreme(1),
  maxif: createConditional(createExtreme(1), 1),
  avg: createAverage,
  avgif: createConditional(createAverage, 1),
  stdev: createSpread((state) => Math.sqrt(computeVariance(state, true))),
  stdevif: createConditional(
    createSpread((state) => Math.sqrt(computeVariance(state, true))),
    1,
  ),
  stdevp: createSpread((state) => Math.sqrt(computeVariance(state, false))),
  variance: createSpread((state) => computeVariance(state, true)),
  varianceif: createConditional(
    createSpread((state) => computeVariance(state, true)),
    1,
  ),
  variancep: createSpread((state) => computeVariance(state, false)),
  variancepif: createConditional(
    createSpread((state) => computeVariance(state, false)),
    1,
  ),
  make_list: createList,
  makelist: createList,
  make_list_if: createConditional(createList, 1),
  make_set: createSet,
  makeset: createSet,
  make_set_if: createConditional(createSet, 1),
  make_bag: createBag,
  make_bag_if: createConditional(createBag, 1),
  make_dictionary: createBag,
  any: createAny,
  anyif: createConditional(createAny, 1),
  take_any: createAny,
  take_anyif: createConditional(createAny, 1),
};
