/** Plug-ins whose columns depend on the rows. */
import type { KqlNode } from "../../language/parser.ts";
import type { HuntColumn, KqlType } from "../../../contracts/compiled-hunt.ts";
import type { Row, Scope, Table } from "../plan.ts";
import { QueryError } from "../query-error.ts";
import { emptyValue } from "../../../../test/simulator/dataset/schema.ts";

/** `bag_unpack(column, prefix)`: each key becomes a column, so the input is read whole to know them. */
export function bagUnpack([bag, prefix]: readonly KqlNode[], input: Table, scope: Scope): Table {
  const place = bag === undefined ? -1 : (scope.compile.scalar(bag, scope).place ?? -1);
  if (place < 0)
    throw new QueryError(
      "semantic",
      "The query has a semantic error: bag_unpack: a column is expected. Fix semantic errors in your query.",
    );
  const before = prefix === undefined ? "" : String(scope.compile.scalar(prefix, scope).run([]));
  const rows = Array.from(input.rows());
  const bags = rows.map((row) => bagOf(row[place]));
  const keys = [...new Set(bags.flatMap((one) => Object.keys(one)))].sort();
  const types = new Map(keys.map((key) => [key, typeIn(bags, key)]));
  const kept = input.columns.map((_, index) => index).filter((index) => index !== place);
  const columns: readonly HuntColumn[] = [
    ...kept.flatMap((index) => input.columns[index] ?? []),
    ...keys.map((key) => ({ name: before + key, type: types.get(key) ?? "dynamic" })),
  ];
  const made = rows.map((row, index): Row => [
    ...kept.map((at) => row[at]),
    ...keys.map((key) => valueOf(bags[index]?.[key], types.get(key) ?? "dynamic")),
  ]);
  return { columns, rows: () => made };
}

const bagOf = (value: unknown): Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};

const kinds: Readonly<Record<string, KqlType>> = {
  string: "string",
  boolean: "bool",
  bigint: "long",
};

/** The type all values of a key share; `dynamic` when they differ. */
function typeIn(bags: readonly Readonly<Record<string, unknown>>[], key: string): KqlType {
  const types = new Set(
    bags
      .map((bag) => bag[key])
      .filter((value) => value !== undefined && value !== null)
      .map((value) =>
        typeof value === "number"
          ? Number.isInteger(value)
            ? "long"
            : "real"
          : (kinds[typeof value] ?? "dynamic"),
      ),
  );
  const [only] = types;
  return types.size === 1 && only !== undefined ? only : "dynamic";
}

const valueOf = (value: unknown, type: KqlType): unknown =>
  value === undefined || value === null
    ? emptyValue(type)
    : type === "long"
      ? BigInt(value as number)
      : value;
