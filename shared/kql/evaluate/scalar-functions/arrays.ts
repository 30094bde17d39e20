/** Arrays: parts, order, search. */
import { asDynamic } from "../coerce.ts";
import { createTuple, deriveScalar, type Row, type Scalar } from "../plan.ts";
import { compareValues, toKey, toDynamic } from "../values.ts";
import {
  mapAny,
  mapValues,
  type FunctionTable,
  type FunctionCompiler,
} from "./function-compiler.ts";
import { mapLists, toList, type List } from "./lists.ts";

/**
 * `array_sort_asc(array, …, nulls_last)`: further arrays of the same length are put in the order of
 * the first one; each array is a result of its own.
 */
const createArraySort =
  (direction: 1 | -1): FunctionCompiler =>
  (args) => {
    const last = args.at(-1);
    const hasOption = args.length > 1 && last?.type === "bool";
    const option = hasOption ? last : undefined;
    const arrays = (hasOption ? args.slice(0, -1) : args).map(asDynamic);
    const sortAt = (index: number): Scalar =>
      deriveScalar("dynamic", option ? [...arrays, option] : arrays, (row) =>
        sortArray(arrays, index, row, { direction, isNullLast: option?.run(row) !== false }),
      );
    if (arrays.length === 1) return sortAt(0);
    return createTuple(
      arrays.map((_, index) => ({ name: `array${index}_sorted`, scalar: sortAt(index) })),
    );
  };

interface SortOptions {
  readonly direction: 1 | -1;
  readonly isNullLast: boolean;
}

/** Returns the array at `index` in the order of the first one; null for another length. */
function sortArray(
  arrays: readonly Scalar[],
  index: number,
  row: Row,
  options: SortOptions,
): List | null {
  const [first, own] = [arrays[0]?.run(row) ?? null, arrays[index]?.run(row) ?? null];
  if (!Array.isArray(first) || !Array.isArray(own) || own.length !== first.length) return null;
  const order = [...first.keys()].sort((one, other) =>
    compareElements(first[one], first[other], options),
  );
  return order.map((at): unknown => own[at]);
}

/** Numbers come before texts; nulls are at the end that the options name. */
function compareElements(
  one: unknown,
  other: unknown,
  { direction, isNullLast }: SortOptions,
): number {
  const [isBlank, isOtherBlank] = [one ?? null, other ?? null].map((value) => value === null);
  if (isBlank === true || isOtherBlank === true)
    return isBlank === isOtherBlank ? 0 : (isBlank === true) === isNullLast ? 1 : -1;
  return direction * compareValues(one, other);
}

function sliceArray(list: unknown, from: bigint, to: bigint): unknown {
  if (!Array.isArray(list)) return null;
  const toIndex = (index: bigint): number =>
    index < 0n ? list.length + Number(index) : Number(index);
  return (list as List).slice(Math.max(0, toIndex(from)), toIndex(to) + 1);
}

/** `array_rotate_left(array, count)`; a negative count rotates the other way. */
const createRotation = (direction: 1 | -1): FunctionCompiler =>
  mapValues("dynamic", ["dynamic", "long"], (list: unknown, count: bigint) => {
    if (!Array.isArray(list)) return null;
    if (list.length === 0) return [];
    const offset = Number(BigInt.asIntN(64, count) % BigInt(list.length)) * direction;
    const start = ((offset % list.length) + list.length) % list.length;
    return [...(list.slice(start) as List), ...(list.slice(0, start) as List)];
  });

/** `array_shift_left(array, count, default)`: freed places get the default, else null. */
const createShift =
  (direction: 1 | -1): FunctionCompiler =>
  (args) => {
    const parts = args.map(asDynamic);
    return deriveScalar("dynamic", parts, (row) => {
      const [list, count, fallback] = parts.map(({ run }) => run(row) ?? null);
      if (!Array.isArray(list) || typeof count !== "number") return null;
      return list.map((_, index): unknown => {
        const source = index + count * direction;
        return source >= 0 && source < list.length ? list[source] : (fallback ?? null);
      });
    });
  };

/** `array_index_of(array, value, start, length, occurrence)`. */
const evaluateArrayIndexOf = mapAny("long", ([list, value, ...limits], args) => {
  if (!Array.isArray(list)) return null;
  const key = toKey([toDynamic(value, args[1]?.type ?? "dynamic")]);
  const [start = 0, length = -1, occurrence = 1] = limits.map(Number);
  const from = start < 0 ? Math.max(0, list.length + start) : start;
  const to = length < 0 ? list.length : from + length;
  const found = (list as List).flatMap((one, index) =>
    index >= from && index < to && toKey([one]) === key ? [index] : [],
  );
  return BigInt(found[occurrence - 1] ?? -1);
});

/** Splits an array at one index or at several. */
const evaluateArraySplit = mapAny("dynamic", ([list, at]) => {
  if (!Array.isArray(list)) return null;
  const indexes = toList(at)
    .map((one) => Number(one))
    .map((index) => (index < 0 ? Math.max(0, list.length + index) : Math.min(index, list.length)))
    .toSorted((one, other) => one - other);
  return [0, ...indexes].map((index, part) => (list as List).slice(index, indexes[part]));
});

/** `array_iff(conditions, thens, elses)`: null where a condition is neither a bool nor a number. */
const evaluateArrayIff = mapLists(([tests = []], [, then, otherwise]) =>
  tests.map((test, index) => {
    if (typeof test !== "boolean" && typeof test !== "number") return null;
    return elementAt(test === true || (test !== 0 && test !== false) ? then : otherwise, index);
  }),
);
const elementAt = (value: unknown, index: number): unknown =>
  Array.isArray(value) ? ((value as List)[index] ?? null) : (value ?? null);

const countElements = mapAny("long", ([value]) =>
  Array.isArray(value) ? BigInt(value.length) : null,
);

export const arrayFunctions: FunctionTable = {
  array_length: countElements,
  arraylength: countElements,
  array_concat: mapLists((lists) => lists.flat()),
  array_index_of: evaluateArrayIndexOf,
  array_reverse: mapLists(([list = []]) => list.toReversed()),
  array_slice: mapValues("dynamic", ["dynamic", "long"], sliceArray),
  array_sort_asc: createArraySort(1),
  array_sort_desc: createArraySort(-1),
  array_sum: mapLists(([list = []]) =>
    list.reduce<number>((total, value) => total + Number(value), 0),
  ),
  array_iff: evaluateArrayIff,
  array_iif: evaluateArrayIff,
  array_split: evaluateArraySplit,
  array_rotate_left: createRotation(1),
  array_rotate_right: createRotation(-1),
  array_shift_left: createShift(1),
  array_shift_right: createShift(-1),
};
