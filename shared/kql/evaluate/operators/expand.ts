/** mv-expand and mv-apply: one row becomes one for each element. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn, KqlType } from "../../../contracts/compiled-hunt.ts";
import { convertScalar } from "../coerce.ts";
import { inferResultName } from "../names.ts";
import {
  createConstant,
  withColumns,
  type Row,
  type Scalar,
  type Scope,
  type Table,
} from "../plan.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { parseTypeName } from "../type-names.ts";
import { readParameter } from "./parameters.ts";
import type { Operator } from "./rows.ts";

interface ExpandItem {
  readonly name: string;
  readonly type: KqlType;
  readonly scalar: Scalar;
  /** Index of the column to replace; −1 for a new column. */
  readonly columnIndex: number;
}

/** How one row expands to several. */
interface Expansion {
  readonly columns: readonly HuntColumn[];
  readonly expandRow: (row: Row) => Iterable<Row>;
}

export const evaluateMvExpand: Operator = (node, input, scope) => {
  const { columns, expandRow } = compileExpansion(node, input, scope);
  return {
    columns,
    isSerialized: input.isSerialized,
    rows: () => Iterator.from(input.rows()).flatMap(expandRow),
  };
};

/**
 * The subquery runs over the rows that one row expands to; a name it keeps from the outer row is
 * still there.
 */
export const evaluateMvApply: Operator = (node, input, scope) => {
  const { columns, expandRow } = compileExpansion(node, input, scope);
  let current: readonly Row[] = [];
  const piped: Table = { columns, isSerialized: true, rows: () => current };
  const subquery = requireChild(requireChild(node, "Subquery"), "Expression");
  const subqueryTable = scope.compile.table(subquery, { ...scope, columns: [], piped });
  // Columns of the outer row that the subquery did not give stay beside its results.
  const names = new Set(subqueryTable.columns.map(({ name }) => name));
  const outerColumns = input.columns.flatMap((column, columnIndex) =>
    names.has(column.name) ? [] : [{ column, columnIndex }],
  );
  return {
    columns: [...outerColumns.map(({ column }) => column), ...subqueryTable.columns],
    *rows() {
      for (const row of input.rows()) {
        current = Array.from(expandRow(row));
        // Read to the end at once: another reading would replace the current rows.
        for (const result of Array.from(subqueryTable.rows()))
          yield [...outerColumns.map(({ columnIndex }) => row[columnIndex]), ...result];
      }
    },
  };
};

function compileExpansion(node: KqlNode, input: Table, scope: Scope): Expansion {
  const items = listChildren(node, "Expressions").map((one) =>
    compileItem(one, input, withColumns(scope, input.columns)),
  );
  const indexName = readParameter(node, "with_itemindex");
  const isArrayMode =
    (readParameter(node, "bagexpansion") ?? readParameter(node, "kind")) === "array";
  const limitNode = childAt(node, "RowLimitClause");
  const limit = limitNode
    ? Number(scope.compile.scalar(requireChild(limitNode, "RowLimit"), scope).run([]))
    : Infinity;
  const columns: HuntColumn[] = input.columns.map((column, columnIndex) => {
    const item = items.find((one) => one.columnIndex === columnIndex);
    return item ? { name: column.name, type: item.type } : column;
  });
  for (const { name, type, columnIndex } of items)
    if (columnIndex < 0) columns.push({ name, type });
  if (indexName !== undefined) columns.push({ name: indexName, type: "long" });
  const hasIndex = indexName !== undefined;
  return { columns, expandRow: (row) => expandItems(row, items, { limit, hasIndex, isArrayMode }) };
}

function compileItem(node: KqlNode, input: Table, scope: Scope): ExpandItem {
  const expression = requireChild(node, "Expression");
  const type = parseItemType(childAt(node, "ToTypeOf"));
  const name = inferResultName(expression) ?? "Column1";
  return {
    name,
    type,
    scalar: scope.compile.scalar(expression, scope),
    columnIndex: input.columns.findIndex((column) => column.name === name),
  };
}

function parseItemType(clause: KqlNode | undefined): KqlType {
  const word = /typeof\s*\(\s*(\w+)\s*\)/.exec(clause?.text ?? "")?.[1];
  return word === undefined ? "dynamic" : parseTypeName(word);
}

interface ExpandOptions {
  readonly limit: number;
  /** Appends the element's index. */
  readonly hasIndex: boolean;
  /** A bag becomes `[key, value]` arrays instead of bags of one key. */
  readonly isArrayMode: boolean;
}

function* expandItems(
  row: Row,
  items: readonly ExpandItem[],
  { limit, hasIndex, isArrayMode }: ExpandOptions,
): Generator<Row> {
  const lists = items.map(({ scalar }) => toElements(scalar.run(row) ?? null, isArrayMode));
  const length = Math.min(limit, Math.max(...lists.map((list) => list.length)));
  for (let index = 0; index < length; index += 1) {
    const out = [...row];
    for (const [number, item] of items.entries()) {
      const value = castValue(lists[number]?.[index] ?? null, item.type);
      if (item.columnIndex < 0) out.push(value);
      else out[item.columnIndex] = value;
    }
    if (hasIndex) out.push(BigInt(index));
    yield out;
  }
}

const castValue = (value: unknown, type: KqlType): unknown =>
  type === "dynamic" ? value : convertScalar(createConstant("dynamic", value), type).run([]);

/** Returns an array's elements, a bag's entries, or the value itself. */
function toElements(value: unknown, isArrayMode: boolean): readonly unknown[] {
  const elements = Array.isArray(value)
    ? (value as readonly unknown[])
    : value !== null && typeof value === "object"
      ? Object.entries(value).map(([key, inner]) =>
          isArrayMode ? [key, inner as unknown] : { [key]: inner as unknown },
        )
      : [value];
  return elements;
}
