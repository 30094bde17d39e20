/** distinct: each combination once, in the order it first appears. */
import { withColumns, type Row, type Table } from "../plan.ts";
import { listOf } from "../scalar.ts";
import { keyOf } from "../values.ts";
import { cellsOf, mapped, type Operator } from "./rows.ts";

export const distinct: Operator = (node, input, scope) => {
  const cells = cellsOf(listOf(node, "Expressions"), withColumns(scope, input.columns));
  const table = mapped(
    input,
    cells.map(({ column }) => column),
    cells.map(({ scalar }) => scalar),
    false,
  );
  return { columns: table.columns, rows: () => once(table) };
};

function* once(table: Table): Generator<Row> {
  const seen = new Set<string>();
  for (const row of table.rows()) {
    const key = keyOf(row);
    if (seen.has(key)) continue;
    seen.add(key);
    yield row;
  }
}
