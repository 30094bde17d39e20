/**
 * `evaluate bag_unpack(column, prefix, columnsConflict, ignoredProperties)`: keys become columns.
 */
import { childAt, listElements, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn, KqlType } from "../../../contracts/compiled-hunt.ts";
import { convertScalar } from "../coerce.ts";
import { readName } from "../names.ts";
import { createConstant, withColumns, type Row, type Scope, type Table } from "../plan.ts";
import { createSemanticError } from "../query-error.ts";
import { requireChild } from "../scalar.ts";
import { readType } from "../type-names.ts";
import { getEmptyValue } from "../values.ts";
import { readPluginArguments, type PluginArguments } from "./parameters.ts";

type Bag = Readonly<Record<string, unknown>>;

/** A new column and the key that it reads. */
interface UnpackedColumn {
  readonly key: string;
  readonly column: HuntColumn;
}

const parameterNames = ["column", "OutputColumnPrefix", "columnsConflict", "ignoredProperties"];

/** Reads its input at once, because the columns depend on the rows. */
export function evaluateBagUnpack(node: KqlNode, input: Table, scope: Scope): Table {
  const call = requireChild(node, "FunctionCall");
  const args = readPluginArguments(call, parameterNames);
  const inner = withColumns(scope, input.columns);
  const bagNode = args.get("column");
  const bagIndex = bagNode ? (scope.compile.scalar(bagNode, inner).columnIndex ?? -1) : -1;
  if (bagIndex < 0) throw createSemanticError("bag_unpack: a column is expected.");
  const prefix = readText(args, "OutputColumnPrefix", inner) ?? "";
  const conflict = readText(args, "columnsConflict", inner) ?? "error";
  const ignoredNode = args.get("ignoredProperties");
  const ignored = new Set(
    ignoredNode ? (inner.compile.scalar(ignoredNode, inner).run([]) as readonly unknown[]) : [],
  );
  const rows = Array.from(input.rows());
  const bags = rows.map((row) => toBag(row[bagIndex]));
  const declared = readDeclaredColumns(childAt(node, "Schema"));
  const unpacked = (declared ?? inferColumns(bags, ignored)).map(({ key, column }) => ({
    key,
    column: { ...column, name: prefix + column.name },
  }));
  const sourceIndexes = input.columns.keys().filter((index) => index !== bagIndex);
  return mergeColumns(
    { input, rows, bags, sourceIndexes: [...sourceIndexes] },
    unpacked,
    declared ? "replace_source" : conflict,
  );
}

interface UnpackSource {
  readonly input: Table;
  readonly rows: readonly Row[];
  readonly bags: readonly Bag[];
  /** The input's columns other than the bag. */
  readonly sourceIndexes: readonly number[];
}

function mergeColumns(
  { input, rows, bags, sourceIndexes }: UnpackSource,
  unpacked: readonly UnpackedColumn[],
  conflict: string,
): Table {
  const sourceNames = new Set(sourceIndexes.map((index) => input.columns[index]?.name));
  const clash = unpacked.find(({ column }) => sourceNames.has(column.name));
  if (clash && conflict === "error")
    throw createSemanticError(
      `bag_unpack: the column '${clash.column.name}' exists already; set columnsConflict.`,
    );
  const newNames = new Set(unpacked.map(({ column }) => column.name));
  const keptIndexes = sourceIndexes.filter(
    (index) => conflict !== "replace_source" || !newNames.has(input.columns[index]?.name ?? ""),
  );
  const added = unpacked.filter(
    ({ column }) => conflict !== "keep_source" || !sourceNames.has(column.name),
  );
  const columns = [
    ...keptIndexes.flatMap((index) => input.columns[index] ?? []),
    ...added.map(({ column }) => column),
  ];
  const unpackedRows = rows.map((row, index): Row => [
    ...keptIndexes.map((at) => row[at]),
    ...added.map(({ key, column }) => toColumnValue(bags[index]?.[key], column.type)),
  ]);
  return { columns, isSerialized: input.isSerialized, rows: () => unpackedRows };
}

const readText = (args: PluginArguments, name: string, scope: Scope): string | undefined => {
  const node = args.get(name);
  return node && String(scope.compile.scalar(node, scope).run([]));
};

/** `: (*, Name: string)` names the columns instead of the rows. */
function readDeclaredColumns(schema: KqlNode | undefined): readonly UnpackedColumn[] | undefined {
  const list = schema && childAt(schema, "Schema");
  if (list === undefined) return undefined;
  return listElements(childAt(list, "Columns")).map((one) => {
    const name = readName(requireChild(one, "Name"));
    return { key: name, column: { name, type: readType(requireChild(one, "Type")) ?? "dynamic" } };
  });
}

function inferColumns(
  bags: readonly Bag[],
  ignored: ReadonlySet<unknown>,
): readonly UnpackedColumn[] {
  const keys = [...new Set(bags.flatMap((bag) => Object.keys(bag)))].sort();
  return keys
    .filter((key) => !ignored.has(key))
    .map((key) => ({ key, column: { name: key, type: findCommonType(bags, key) } }));
}

const toBag = (value: unknown): Bag =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Bag) : {};

const valueTypes: Readonly<Record<string, KqlType>> = {
  string: "string",
  boolean: "bool",
  bigint: "long",
};

/** Returns the type that all values of a key share; `dynamic` if they differ. */
function findCommonType(bags: readonly Bag[], key: string): KqlType {
  const values = bags
    .map((bag) => bag[key])
    .filter((value) => value !== undefined && value !== null);
  const types = new Set(
    values.map((value) => {
      if (typeof value !== "number") return valueTypes[typeof value] ?? "dynamic";
      return Number.isInteger(value) ? "long" : "real";
    }),
  );
  const [only] = types;
  return types.size === 1 && only !== undefined ? only : "dynamic";
}

const toColumnValue = (value: unknown, type: KqlType): unknown =>
  value === undefined || value === null
    ? getEmptyValue(type)
    : type === "dynamic"
      ? value
      : convertScalar(createConstant("dynamic", value), type).run([]);
