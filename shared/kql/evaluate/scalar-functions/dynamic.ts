/** Arrays and bags. */
import type { KqlNode } from "../../language/parser.ts";
import { asDynamic } from "../coerce.ts";
import { resultName } from "../names.ts";
import { columnAt, over, type Scalar } from "../plan.ts";
import { matcherOf } from "../text-match.ts";
import { compareValues, keyOf, textOf, toDynamic } from "../values.ts";
import { argument, ofAny, ofValues, type Family, type Maker } from "./maker.ts";

type List = readonly unknown[];

const isBag = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);
const listOf = (value: unknown): List =>
  Array.isArray(value) ? (value as List) : value === null || value === undefined ? [] : [value];

/** Elements once each, in the order they first appear. */
const unique = (values: List): List => [
  ...new Map(values.map((value) => [keyOf([value]), value])).values(),
];
const keysOf = (values: List): ReadonlySet<string> =>
  new Set(values.map((value) => keyOf([value])));

/** A function of arrays; the values of its arguments are dynamic already. */
const ofLists =
  (compute: (lists: readonly List[], values: List) => unknown): Maker =>
  (args) => {
    const parts = args.map(asDynamic);
    return over("dynamic", parts, (row) => {
      const values = parts.map(({ run }) => run(row) ?? null);
      return compute(values.map(listOf), values);
    });
  };

/** `pack("key", value, …)`. */
const pack: Maker = (args) => {
  const parts = args.map(asDynamic);
  return over("dynamic", parts, (row) => {
    const values = parts.map(({ run }) => run(row) ?? null);
    return Object.fromEntries(
      values.flatMap((key, index) =>
        index % 2 === 0 ? [[textOf(key, "dynamic"), values[index + 1] ?? null] as const] : [],
      ),
    );
  });
};

/** `pack_all()`: the whole row as a bag. */
const packAll: Maker = (_, { scope, nodes }) => {
  const cells = scope.columns.map(({ name, type }, place) => ({
    name,
    scalar: asDynamic(columnAt(type, place)),
  }));
  const sparse = nodes[0]?.text === "true";
  return over(
    "dynamic",
    cells.map(({ scalar }) => scalar),
    (row) =>
      Object.fromEntries(
        cells
          .map(({ name, scalar }) => [name, scalar.run(row) ?? null] as const)
          .filter(([, value]) => !sparse || (value !== null && value !== "")),
      ),
  );
};

const sorted =
  (direction: 1 | -1): Maker =>
  (args) => {
    const first = asDynamic(argument(args, 0));
    return over("dynamic", [first], (row) => {
      const value = first.run(row) ?? null;
      return Array.isArray(value)
        ? (value as List).toSorted((one, other) =>
            one === null ? 1 : other === null ? -1 : direction * compareValues(one, other),
          )
        : null;
    });
  };

function slice(list: unknown, from: bigint, to: bigint): unknown {
  if (!Array.isArray(list)) return null;
  const place = (index: bigint): number =>
    index < 0n ? list.length + Number(index) : Number(index);
  return (list as List).slice(Math.max(0, place(from)), place(to) + 1);
}

function indexOf(list: unknown, value: unknown): bigint | null {
  if (!Array.isArray(list)) return null;
  const key = keyOf([value]);
  return BigInt((list as List).findIndex((one) => keyOf([one]) === key));
}

function merge(bags: List): unknown {
  const merged: Record<string, unknown> = {};
  for (const bag of bags.filter(isBag))
    for (const [key, value] of Object.entries(bag))
      if (!Object.hasOwn(merged, key)) merged[key] = value;
  return merged;
}

/** The place of the first word of a list that the text has; −1 for none. */
const hasAnyIndex: Maker = (args) => {
  const [text, words] = [argument(args, 0), asDynamic(argument(args, 1))];
  return over("long", [text, words], (row) =>
    BigInt(
      listOf(words.run(row)).findIndex((word) =>
        matcherOf("has", String(word), false)(textOf(text.run(row), "dynamic")),
      ),
    ),
  );
};

function range(from: unknown, to: unknown, step: unknown): unknown {
  const values: unknown[] = [];
  const by = step ?? (typeof from === "bigint" ? 1n : 1);
  const up = compareValues(by, 0) > 0;
  for (
    let value = from;
    value !== null && compareValues(value, to) * (up ? 1 : -1) <= 0 && values.length < 1_048_576;
  ) {
    values.push(value);
    value =
      typeof value === "bigint" && typeof by === "bigint" ? value + by : Number(value) + Number(by);
  }
  return values;
}

/** `array_iff(conditions, thens, elses)` and the like pick element by element. */
const arrayIff = ofLists(([tests = []], [, then, otherwise]) =>
  tests.map((test, index) =>
    elementAt(test === true || (typeof test === "number" && test !== 0) ? then : otherwise, index),
  ),
);
const elementAt = (value: unknown, index: number): unknown =>
  Array.isArray(value) ? ((value as List)[index] ?? null) : (value ?? null);

/** The column if the input has it, else what stands beside. */
const columnIfExists: Maker = (args, { nodes, scope }) => {
  const wanted = columnName(nodes[0], args[0]);
  const place = scope.columns.findIndex(({ name }) => name === wanted);
  const column = scope.columns[place];
  return column === undefined ? argument(args, 1) : columnAt(column.type, place);
};

const columnName = (node: KqlNode | undefined, scalar: Scalar | undefined): string =>
  node?.kind === "NameReference" ? (resultName(node) ?? "") : textOf(scalar?.run([]), "dynamic");

export const dynamicFunctions: Family = {
  array_length: ofAny("long", ([value]) => (Array.isArray(value) ? BigInt(value.length) : null)),
  array_concat: ofLists((lists) => lists.flat()),
  array_index_of: ofAny("long", ([list, value], args) =>
    indexOf(list, toDynamic(value, args[1]?.type ?? "dynamic")),
  ),
  array_reverse: ofLists(([list = []]) => list.toReversed()),
  array_slice: ofValues("dynamic", ["dynamic", "long"], slice),
  array_sort_asc: sorted(1),
  array_sort_desc: sorted(-1),
  array_sum: ofLists(([list = []]) =>
    list.reduce<number>((total, value) => total + Number(value), 0),
  ),
  array_iff: arrayIff,
  array_iif: arrayIff,
  array_split: ofAny("dynamic", ([list, at]) => [
    slice(list, 0n, BigInt(Number(at)) - 1n),
    slice(list, BigInt(Number(at)), -1n),
  ]),
  bag_keys: ofAny("dynamic", ([bag]) => (isBag(bag) ? Object.keys(bag) : null)),
  bag_has_key: ofAny(
    "bool",
    ([bag, key]) => isBag(bag) && Object.hasOwn(bag, textOf(key, "dynamic")),
  ),
  bag_merge: ofLists((_, values) => merge(values)),
  bag_remove_keys: ofAny("dynamic", ([bag, keys]) =>
    isBag(bag)
      ? Object.fromEntries(Object.entries(bag).filter(([key]) => !listOf(keys).includes(key)))
      : null,
  ),
  bag_set_key: ofAny("dynamic", ([bag, key, value], args) => ({
    ...(isBag(bag) ? bag : {}),
    [textOf(key, "dynamic")]: toDynamic(value, args[2]?.type ?? "dynamic"),
  })),
  bag_zip: ofLists(([keys = [], values = []]) =>
    Object.fromEntries(keys.map((key, index) => [textOf(key, "dynamic"), values[index] ?? null])),
  ),
  zip: ofLists((lists) =>
    Array.from({ length: Math.max(...lists.map((list) => list.length)) }, (_, index) =>
      lists.map((list) => list[index] ?? null),
    ),
  ),
  pack,
  bag_pack: pack,
  pack_dictionary: pack,
  pack_all: packAll,
  pack_array: ofLists((_, values) => values),
  set_union: ofLists((lists) => unique(lists.flat())),
  set_intersect: ofLists(([first = [], ...others]) =>
    unique(first).filter((value) => others.every((list) => keysOf(list).has(keyOf([value])))),
  ),
  set_difference: ofLists(([first = [], ...others]) =>
    unique(first).filter((value) => !others.some((list) => keysOf(list).has(keyOf([value])))),
  ),
  set_has_element: ofAny(
    "bool",
    ([list, value], args) =>
      (indexOf(list, toDynamic(value, args[1]?.type ?? "dynamic")) ?? -1n) >= 0n,
  ),
  set_equals: ofLists(
    ([one = [], other = []]) =>
      keyOf([[...keysOf(one)].sort()]) === keyOf([[...keysOf(other)].sort()]),
  ),
  jaccard_index: ofLists(([one = [], other = []]) => {
    const all = keysOf([...one, ...other]).size;
    return all === 0 ? 0 : [...keysOf(one)].filter((key) => keysOf(other).has(key)).length / all;
  }),
  treepath: ofAny("dynamic", ([value]) =>
    isBag(value) ? Object.keys(value).map((key) => `['${key}']`) : [],
  ),
  repeat: ofAny("dynamic", ([value, times], args) =>
    Array.from({ length: Number(times) }, () => toDynamic(value, argument(args, 0).type)),
  ),
  range: ofAny("dynamic", ([from, to, step], args) =>
    listOf(range(from, to, step)).map((value) => toDynamic(value, argument(args, 0).type)),
  ),
  has_any_index: hasAnyIndex,
  column_ifexists: columnIfExists,
  columnifexists: columnIfExists,
};
