/** distinct: each combination once, in the order it first appears. */
import { withColumns, type Row, type Table } from "../plan.ts";
import { listChildren } from "../scalar.ts";
import { toKey } from "../values.ts";
import { compileCells, mapTable, type Operator } from "./rows.ts";

export const evaluateDistinct: Operator = (node, input, scope) => {
  const cells = compileCells(listChildren(node, "Expressions"), withColumns(scope, input.columns));
  const table = mapTable(
    input,
    cells.map(({ column }) => column),
    cells.map(({ scalar }) => scalar),
    false,
  );
  return { columns: table.columns, rows: () => removeDuplicates(table) };
};

function* removeDuplicates(table: Table): Generator<Row> {
  const keys = new Set<string>();
  for (const row of table.rows()) {
    const key = toKey(row);
    if (keys.has(key)) continue;
    keys.add(key);
    yield row;
  }
}
