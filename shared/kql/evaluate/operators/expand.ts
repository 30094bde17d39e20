/** mv-expand and mv-apply: one row becomes one for each element. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn, KqlType } from "../../../contracts/compiled-hunt.ts";
import { convert } from "../coerce.ts";
import { resultName } from "../names.ts";
import { constant, withColumns, type Row, type Scalar, type Scope, type Table } from "../plan.ts";
import { listOf, part } from "../scalar.ts";
import { typeNamed } from "../type-names.ts";
import { parameterOf } from "./parameters.ts";
import type { Operator } from "./rows.ts";

interface Item {
  readonly name: string;
  readonly type: KqlType;
  readonly scalar: Scalar;
  /** Where the value goes; −1 for a new column. */
  readonly place: number;
}

/** How rows are made of one row. */
interface Expansion {
  readonly columns: readonly HuntColumn[];
  readonly rowsOf: (row: Row) => Iterable<Row>;
}

export const mvExpand: Operator = (node, input, scope) => {
  const { columns, rowsOf } = expansionOf(node, input, scope);
  return { columns, rows: () => Iterator.from(input.rows()).flatMap(rowsOf) };
};

/** The subquery runs over the rows that one row expands to; a name it keeps from the outer row is still there. */
export const mvApply: Operator = (node, input, scope) => {
  const { columns, rowsOf } = expansionOf(node, input, scope);
  let current: readonly Row[] = [];
  const piped: Table = { columns, rows: () => current };
  const subquery = part(part(node, "Subquery"), "Expression");
  const below = scope.compile.table(subquery, { ...scope, columns: [], piped });
  // Columns of the outer row that the subquery did not give stay beside its results.
  const names = new Set(below.columns.map(({ name }) => name));
  const outer = input.columns.flatMap((column, place) =>
    names.has(column.name) ? [] : [{ column, place }],
  );
  return {
    columns: [...outer.map(({ column }) => column), ...below.columns],
    *rows() {
      for (const row of input.rows()) {
        current = Array.from(rowsOf(row));
        for (const result of below.rows())
          yield [...outer.map(({ place }) => row[place]), ...result];
      }
    },
  };
};

function expansionOf(node: KqlNode, input: Table, scope: Scope): Expansion {
  const items = listOf(node, "Expressions").map((one) =>
    itemOf(one, input, withColumns(scope, input.columns)),
  );
  const index = parameterOf(node, "with_itemindex");
  const limitNode = childAt(node, "RowLimitClause");
  const limit = limitNode
    ? Number(scope.compile.scalar(part(limitNode, "RowLimit"), scope).run([]))
    : Infinity;
  const columns: HuntColumn[] = input.columns.map((column, place) => {
    const item = items.find((one) => one.place === place);
    return item ? { name: column.name, type: item.type } : column;
  });
  for (const { name, type, place } of items) if (place < 0) columns.push({ name, type });
  if (index !== undefined) columns.push({ name: index, type: "long" });
  return { columns, rowsOf: (row) => expanded(row, items, limit, index !== undefined) };
}

function itemOf(node: KqlNode, input: Table, scope: Scope): Item {
  const expression = part(node, "Expression");
  const type = typeIn(childAt(node, "ToTypeOf"));
  const name = resultName(expression) ?? "Column1";
  return {
    name,
    type,
    scalar: scope.compile.scalar(expression, scope),
    place: input.columns.findIndex((column) => column.name === name),
  };
}

function typeIn(clause: KqlNode | undefined): KqlType {
  const word = /typeof\s*\(\s*(\w+)\s*\)/.exec(clause?.text ?? "")?.[1];
  return word === undefined ? "dynamic" : typeNamed(word);
}

function* expanded(
  row: Row,
  items: readonly Item[],
  limit: number,
  indexed: boolean,
): Generator<Row> {
  const lists = items.map(({ scalar }) => elementsOf(scalar.run(row) ?? null));
  const length = Math.min(limit, Math.max(...lists.map((list) => list.length)));
  for (let index = 0; index < length; index += 1) {
    const out = [...row];
    for (const [number, item] of items.entries()) {
      const value = cast(lists[number]?.[index] ?? null, item.type);
      if (item.place < 0) out.push(value);
      else out[item.place] = value;
    }
    if (indexed) out.push(BigInt(index));
    yield out;
  }
}

const cast = (value: unknown, type: KqlType): unknown =>
  type === "dynamic" ? value : convert(constant("dynamic", value), type).run([]);

/** Arrays by element, bags by key; anything else, null too, stands for itself. */
function elementsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  if (value !== null && typeof value === "object")
    return Object.entries(value).map(([key, inner]) => ({ [key]: inner as unknown }));
  return [value];
}
