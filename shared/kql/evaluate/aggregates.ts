/** Aggregate functions: each is fed the rows of a group and then asked for its value. */
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { asDynamic, convert } from "./coerce.ts";
import type { Row, Scalar } from "./plan.ts";
import { compareValues, keyOf, toReal } from "./values.ts";

/** The state of one aggregate over one group. */
export interface Tally {
  readonly add: (row: Row) => void;
  readonly value: () => unknown;
}

/** A compiled aggregate; `start` begins a group. */
export interface Aggregate {
  readonly type: KqlType;
  readonly start: () => Tally;
}

type Maker = (args: readonly Scalar[]) => Aggregate;

const nothing: Scalar = { type: "dynamic", constant: true, run: () => null };
const at = (args: readonly Scalar[], index: number): Scalar => args[index] ?? nothing;

/** An aggregate over the values of its first argument; nulls are passed over. */
function overValues<S>(
  type: (value: Scalar) => KqlType,
  begin: () => S,
  step: (state: S, value: unknown) => S,
  end: (state: S) => unknown,
): Maker {
  return (args) => {
    const { run } = at(args, 0);
    return {
      type: type(at(args, 0)),
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
function onlyIf(make: Maker, index: number): Maker {
  return (args) => {
    const test = at(args, index);
    const below = make(args.filter((_, place) => place !== index));
    return {
      type: below.type,
      start: () => {
        const tally = below.start();
        return {
          add: (row) => (test.run(row) === true ? tally.add(row) : undefined),
          value: tally.value,
        };
      },
    };
  };
}

const ownType = ({ type }: Scalar): KqlType => type;
const summed = ({ type }: Scalar): KqlType =>
  type === "int" ? "long" : type === "dynamic" ? "real" : type;

const count: Maker = () => ({
  type: "long",
  start: () => {
    let rows = 0;
    return { add: () => (rows += 1), value: () => BigInt(rows) };
  },
});

const distinct = overValues(
  () => "long",
  () => new Set<string>(),
  (seen, value) => seen.add(keyOf([value])),
  (seen) => BigInt(seen.size),
);

const sum: Maker = (args) => {
  const value = at(args, 0);
  const type = summed(value);
  const exact = type === "long" || type === "timespan";
  const read = convert(value, type);
  return overValues<bigint | number>(
    () => type,
    () => (exact ? 0n : 0),
    (total, next) =>
      typeof total === "bigint" ? total + BigInt(next as bigint | number) : total + Number(next),
    (total) => total,
  )([read]);
};

const extreme = (sign: 1 | -1): Maker =>
  overValues<unknown>(
    ownType,
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

function spread(end: (spread: Spread) => number | null): Maker {
  return (args) =>
    overValues<Spread>(
      () => "real",
      () => ({ count: 0, mean: 0, squares: 0 }),
      ({ count, mean, squares }, value) => {
        const next = Number(value);
        const delta = next - mean;
        const moved = mean + delta / (count + 1);
        return { count: count + 1, mean: moved, squares: squares + delta * (next - moved) };
      },
      end,
    )([convert(at(args, 0), "real")]);
}

const variance = ({ count, squares }: Spread, sample: boolean): number =>
  count > 1 ? squares / (count - (sample ? 1 : 0)) : 0;

/** The mean of spans and instants is one again. */
const avg: Maker = (args) => {
  const value = at(args, 0);
  if (value.type !== "timespan" && value.type !== "datetime")
    return spread(({ count, mean }) => (count === 0 ? null : mean))(args);
  return overValues<{ total: bigint; count: bigint }>(
    ownType,
    () => ({ total: 0n, count: 0n }),
    ({ total, count }, next) => ({ total: total + (next as bigint), count: count + 1n }),
    ({ total, count }) => (count === 0n ? null : total / count),
  )(args);
};

/** Kusto keeps 1,048,576 elements unless a smaller size is asked for. */
const mostElements = 1_048_576;

function limitOf(args: readonly Scalar[]): number {
  const limit = args[1]?.run([]);
  return typeof limit === "bigint" ? Number(limit) : mostElements;
}

const list: Maker = (args) => {
  const limit = limitOf(args);
  return overValues<unknown[]>(
    () => "dynamic",
    () => [],
    (values, value) => {
      if (values.length < limit) values.push(value);
      return values;
    },
    (values) => values,
  )([asDynamic(at(args, 0))]);
};

/** An array's elements count one by one. */
const set: Maker = (args) => {
  const limit = limitOf(args);
  return overValues<Map<string, unknown>>(
    () => "dynamic",
    () => new Map(),
    (values, value) => {
      for (const one of Array.isArray(value) ? (value as readonly unknown[]) : [value])
        if (values.size < limit && one !== null) values.set(keyOf([one]), one);
      return values;
    },
    (values) => [...values.values()],
  )([asDynamic(at(args, 0))]);
};

const bag: Maker = (args) =>
  overValues<Record<string, unknown>>(
    () => "dynamic",
    () => ({}),
    (whole, value) =>
      typeof value === "object" && !Array.isArray(value)
        ? { ...(value as Record<string, unknown>), ...whole }
        : whole,
    (whole) => whole,
  )([asDynamic(at(args, 0))]);

const any = overValues<unknown>(
  ownType,
  () => null,
  (kept, value) => (kept === null || kept === "" ? value : kept),
  (kept) => kept,
);

/** The smallest value with at least that share of all at or below it. */
export function percentileOf(values: readonly unknown[], share: number): unknown {
  const sorted = values.toSorted(compareValues);
  return sorted[Math.max(0, Math.ceil((share / 100) * sorted.length) - 1)] ?? null;
}

const percentile: Maker = (args) => {
  const share = toReal(at(args, 1).run([])) ?? 50;
  return overValues<unknown[]>(
    ownType,
    () => [],
    (values, value) => {
      values.push(value);
      return values;
    },
    (values) => percentileOf(values, share),
  )([at(args, 0)]);
};

/** Aggregates with one result, by name. */
export const aggregates: Readonly<Record<string, Maker>> = {
  count,
  countif: onlyIf(count, 0),
  dcount: distinct,
  dcountif: onlyIf(distinct, 1),
  count_distinct: distinct,
  count_distinctif: onlyIf(distinct, 1),
  sum,
  sumif: onlyIf(sum, 1),
  min: extreme(-1),
  minif: onlyIf(extreme(-1), 1),
  max: extreme(1),
  maxif: onlyIf(extreme(1), 1),
  avg,
  avgif: onlyIf(avg, 1),
  stdev: spread((state) => Math.sqrt(variance(state, true))),
  stdevif: onlyIf(
    spread((state) => Math.sqrt(variance(state, true))),
    1,
  ),
  stdevp: spread((state) => Math.sqrt(variance(state, false))),
  variance: spread((state) => variance(state, true)),
  varianceif: onlyIf(
    spread((state) => variance(state, true)),
    1,
  ),
  variancep: spread((state) => variance(state, false)),
  make_list: list,
  makelist: list,
  make_list_if: onlyIf(list, 1),
  make_set: set,
  makeset: set,
  make_set_if: onlyIf(set, 1),
  make_bag: bag,
  make_bag_if: onlyIf(bag, 1),
  make_dictionary: bag,
  any,
  anyif: onlyIf(any, 1),
  take_any: any,
  take_anyif: onlyIf(any, 1),
  percentile,
};
