/** Arrays and bags. */
import type { KqlNode } from "../../language/parser.ts";
import { asDynamic } from "../coerce.ts";
import { inferResultName } from "../names.ts";
import { createColumnScalar, deriveScalar, type Scalar } from "../plan.ts";
import { createMatcher } from "../text-match.ts";
import { compareValues, toKey, toText, toDynamic } from "../values.ts";
import {
  requireArgument,
  mapAny,
  type FunctionTable,
  type FunctionCompiler,
} from "./function-compiler.ts";
import { mapLists, toList, type List } from "./lists.ts";

const isBag = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);
/** Elements once each, in the order they first appear. */
const removeDuplicates = (values: List): List => [
  ...new Map(values.map((value) => [toKey([value]), value])).values(),
];
const toKeySet = (values: List): ReadonlySet<string> =>
  new Set(values.map((value) => toKey([value])));

/** `pack("key", value, …)`. */
const evaluatePack: FunctionCompiler = (args) => {
  const parts = args.map(asDynamic);
  return deriveScalar("dynamic", parts, (row) => {
    const values = parts.map(({ run }) => run(row) ?? null);
    return Object.fromEntries(
      values.flatMap((key, index) =>
        index % 2 === 0 ? [[toText(key, "dynamic"), values[index + 1] ?? null] as const] : [],
      ),
    );
  });
};

/** `pack_all()`: the whole row as a bag. */
const evaluatePackAll: FunctionCompiler = (_, { scope, nodes }) => {
  const cells = scope.columns.map(({ name, type }, columnIndex) => ({
    name,
    scalar: asDynamic(createColumnScalar(type, columnIndex)),
  }));
  const isSparse = nodes[0]?.text === "true";
  return deriveScalar(
    "dynamic",
    cells.map(({ scalar }) => scalar),
    (row) =>
      Object.fromEntries(
        cells
          .map(({ name, scalar }) => [name, scalar.run(row) ?? null] as const)
          .filter(([, value]) => !isSparse || (value !== null && value !== "")),
      ),
  );
};

function findIndex(list: unknown, value: unknown): bigint | null {
  if (!Array.isArray(list)) return null;
  const key = toKey([value]);
  return BigInt((list as List).findIndex((one) => toKey([one]) === key));
}

/** The keys of `$.a.b` or `$['a']`, or the key itself. */
function parseBagPath(key: string): readonly string[] {
  if (!key.startsWith("$")) return [key];
  const parts = key.slice(1).matchAll(/\.([^.[\]]+)|\[['"]?([^'"\]]+)['"]?\]/g);
  return [...parts].map((match) => match[1] ?? match[2] ?? "");
}

function hasBagPath(bag: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  return isBag(bag) && Object.hasOwn(bag, key) && hasBagPath(bag[key], rest);
}

function removeBagPath(bag: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined || !isBag(bag) || !Object.hasOwn(bag, key)) return bag;
  if (rest.length > 0) return { ...bag, [key]: removeBagPath(bag[key], rest) };
  return Object.fromEntries(Object.entries(bag).filter(([name]) => name !== key));
}

function setBagPath(bag: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const base = isBag(bag) ? bag : {};
  return { ...base, [key]: setBagPath(base[key], rest, value) };
}

/** All paths of a value: `['a']`, `['a']['b']`, `['c'][0]`. */
function listTreePaths(value: unknown, prefix = ""): readonly string[] {
  const entries = Array.isArray(value)
    ? (value as List).length > 0
      ? [[`[0]`, (value as List)[0]] as const]
      : []
    : isBag(value)
      ? Object.entries(value).map(([key, inner]) => [`['${key}']`, inner] as const)
      : [];
  return entries.flatMap(([step, inner]) => [
    prefix + step,
    ...listTreePaths(inner, prefix + step),
  ]);
}

function mergeBags(bags: List): unknown {
  const merged: Record<string, unknown> = {};
  for (const bag of bags.filter(isBag))
    for (const [key, value] of Object.entries(bag))
      if (!Object.hasOwn(merged, key)) merged[key] = value;
  return merged;
}

/** The place of the first word of a list that the text has; −1 for none. */
const evaluateHasAnyIndex: FunctionCompiler = (args) => {
  const [text, words] = [requireArgument(args, 0), asDynamic(requireArgument(args, 1))];
  return deriveScalar("long", [text, words], (row) =>
    BigInt(
      toList(words.run(row)).findIndex((word) =>
        createMatcher("has", String(word), false)(toText(text.run(row), "dynamic")),
      ),
    ),
  );
};

function createRange(from: unknown, to: unknown, step: unknown, defaultStep: unknown): unknown {
  const values: unknown[] = [];
  const by = step ?? defaultStep;
  const isAscending = compareValues(by, 0) > 0;
  for (
    let value = from;
    value !== null &&
    compareValues(value, to) * (isAscending ? 1 : -1) <= 0 &&
    values.length < 1_048_576;
  ) {
    values.push(value);
    value =
      typeof value === "bigint" && typeof by === "bigint" ? value + by : Number(value) + Number(by);
  }
  return values;
}

/** One hour for times, else one. */
const defaultStepOf = (type: Scalar["type"]): unknown => {
  if (type === "datetime" || type === "timespan") return 36_000_000_000n;
  return type === "long" ? 1n : 1;
};

/** Returns the column if the input has it, else the second argument. */
const evaluateColumnIfExists: FunctionCompiler = (args, { nodes, scope }) => {
  const columnName = readColumnName(nodes[0], args[0]);
  const columnIndex = scope.columns.findIndex(({ name }) => name === columnName);
  const column = scope.columns[columnIndex];
  return column === undefined
    ? requireArgument(args, 1)
    : createColumnScalar(column.type, columnIndex);
};

const readColumnName = (node: KqlNode | undefined, scalar: Scalar | undefined): string =>
  node?.kind === "NameReference"
    ? (inferResultName(node) ?? "")
    : toText(scalar?.run([]), "dynamic");

export const dynamicFunctions: FunctionTable = {
  bag_keys: mapAny("dynamic", ([bag]) => (isBag(bag) ? Object.keys(bag) : null)),
  bag_has_key: mapAny(
    "bool",
    ([bag, key]) => isBag(bag) && hasBagPath(bag, parseBagPath(toText(key, "dynamic"))),
  ),
  bag_merge: mapLists((_, values) => mergeBags(values)),
  bag_remove_keys: mapAny("dynamic", ([bag, keys]) =>
    isBag(bag)
      ? toList(keys).reduce<unknown>(
          (rest, key) => removeBagPath(rest, parseBagPath(String(key))),
          bag,
        )
      : null,
  ),
  bag_set_key: mapAny("dynamic", ([bag, key, value], args) =>
    isBag(bag)
      ? setBagPath(
          bag,
          parseBagPath(toText(key, "dynamic")),
          toDynamic(value, args[2]?.type ?? "dynamic"),
        )
      : null,
  ),
  bag_zip: mapLists((_, [keys, values]) =>
    Array.isArray(keys)
      ? Object.fromEntries(
          (keys as List).flatMap((key, index) =>
            typeof key === "string"
              ? [[key, Array.isArray(values) ? ((values as List)[index] ?? null) : null] as const]
              : [],
          ),
        )
      : null,
  ),
  zip: mapLists((lists) =>
    Array.from({ length: Math.max(...lists.map((list) => list.length)) }, (_, index) =>
      lists.map((list) => list[index] ?? null),
    ),
  ),
  pack: evaluatePack,
  bag_pack: evaluatePack,
  pack_dictionary: evaluatePack,
  pack_all: evaluatePackAll,
  pack_array: mapLists((_, values) => values),
  set_union: mapLists((lists) => removeDuplicates(lists.flat())),
  set_intersect: mapLists(([first = [], ...others]) =>
    removeDuplicates(first).filter((value) =>
      others.every((list) => toKeySet(list).has(toKey([value]))),
    ),
  ),
  set_difference: mapLists(([first = [], ...others]) =>
    removeDuplicates(first).filter(
      (value) => !others.some((list) => toKeySet(list).has(toKey([value]))),
    ),
  ),
  set_has_element: mapAny(
    "bool",
    ([list, value], args) =>
      (findIndex(list, toDynamic(value, args[1]?.type ?? "dynamic")) ?? -1n) >= 0n,
  ),
  set_equals: mapLists(
    ([one = [], other = []]) =>
      toKey([[...toKeySet(one)].sort()]) === toKey([[...toKeySet(other)].sort()]),
  ),
  jaccard_index: mapLists(([one = [], other = []]) => {
    const all = toKeySet([...one, ...other]).size;
    return all === 0
      ? 0
      : [...toKeySet(one)].filter((key) => toKeySet(other).has(key)).length / all;
  }),
  treepath: mapAny("dynamic", ([value]) => listTreePaths(value)),
  repeat: mapAny("dynamic", ([value, times], args) =>
    Array.from({ length: Number(times) }, () => toDynamic(value, requireArgument(args, 0).type)),
  ),
  range: mapAny("dynamic", ([from, to, step], args) =>
    toList(createRange(from, to, step, defaultStepOf(requireArgument(args, 0).type))).map((value) =>
      toDynamic(value, requireArgument(args, 0).type),
    ),
  ),
  has_any_index: evaluateHasAnyIndex,
  column_ifexists: evaluateColumnIfExists,
  columnifexists: evaluateColumnIfExists,
};
