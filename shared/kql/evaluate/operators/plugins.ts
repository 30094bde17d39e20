/** Plug-ins whose columns depend on the rows. */
import type { KqlNode } from "../../language/parser.ts";
import type { HuntColumn, KqlType } from "../../../contracts/compiled-hunt.ts";
import type { Row, Scope, Table } from "../plan.ts";
import { getEmptyValue } from "../values.ts";
import { createSemanticError } from "../query-error.ts";

/**
 * `bag_unpack(column, prefix)`: each key becomes a column, so the input is read whole to know them.
 */
export function evaluateBagUnpack(
  [bag, prefix]: readonly KqlNode[],
  input: Table,
  scope: Scope,
): Table {
  const columnIndex = bag === undefined ? -1 : (scope.compile.scalar(bag, scope).columnIndex ?? -1);
  if (columnIndex < 0) throw createSemanticError("bag_unpack: a column is expected.");
  const namePrefix =
    prefix === undefined ? "" : String(scope.compile.scalar(prefix, scope).run([]));
  const rows = Array.from(input.rows());
  const bags = rows.map((row) => toBag(row[columnIndex]));
  const keys = [...new Set(bags.flatMap((one) => Object.keys(one)))].sort();
  const types = new Map(keys.map((key) => [key, findCommonType(bags, key)]));
  const otherIndexes = input.columns
    .map((_, index) => index)
    .filter((index) => index !== columnIndex);
  const columns: readonly HuntColumn[] = [
    ...otherIndexes.flatMap((index) => input.columns[index] ?? []),
    ...keys.map((key) => ({ name: namePrefix + key, type: types.get(key) ?? "dynamic" })),
  ];
  const unpackedRows = rows.map((row, index): Row => [
    ...otherIndexes.map((at) => row[at]),
    ...keys.map((key) => toColumnValue(bags[index]?.[key], types.get(key) ?? "dynamic")),
  ]);
  return { columns, rows: () => unpackedRows };
}

const toBag = (value: unknown): Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

const valueTypes: Readonly<Record<string, KqlType>> = {
  string: "string",
  boolean: "bool",
  bigint: "long",
};

/** The type all values of a key share; `dynamic` when they differ. */
function findCommonType(bags: readonly Readonly<Record<string, unknown>>[], key: string): KqlType {
  const types = new Set(
    bags
      .map((bag) => bag[key])
      .filter((value) => value !== undefined && value !== null)
      .map((value) =>
        typeof value === "number"
          ? Number.isInteger(value)
            ? "long"
            : "real"
          : (valueTypes[typeof value] ?? "dynamic"),
      ),
  );
  const [only] = types;
  return types.size === 1 && only !== undefined ? only : "dynamic";
}

const toColumnValue = (value: unknown, type: KqlType): unknown =>
  value === undefined || value === null
    ? getEmptyValue(type)
    : type === "long"
      ? BigInt(value as number)
      : value;
