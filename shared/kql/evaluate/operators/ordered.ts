/** Expressions over ordered rows: `prev`, `next`, `row_number`, `row_cumsum` need to know where they stand. */
import { walk, type KqlNode } from "../../language/parser.ts";
import { withColumns, type Cursor, type Row, type Scope, type Table } from "../plan.ts";

const windowed = new Set([
  "prev",
  "next",
  "row_number",
  "row_cumsum",
  "row_rank_dense",
  "row_rank_min",
  "row_window_session",
]);

const needsOrder = (node: KqlNode): boolean =>
  node.text.includes("(") &&
  Array.from(walk(node)).some(
    (one) => one.kind === "FunctionCallExpression" && windowed.has(one.children[0]?.text ?? ""),
  );

/** Compiles with a cursor when the operator needs one: its input is then read whole first. */
export function ordered(
  node: KqlNode,
  input: Table,
  scope: Scope,
  compile: (input: Table, inner: Scope) => Table,
): Table {
  const inner = withColumns(scope, input.columns);
  if (!needsOrder(node)) return compile(input, inner);
  const cursor: Cursor = { rows: [], index: -1 };
  return compile(
    { columns: input.columns, rows: () => following(input, cursor) },
    { ...inner, cursor },
  );
}

function* following(input: Table, cursor: Cursor): Generator<Row> {
  cursor.rows = Array.from(input.rows());
  cursor.index = -1;
  for (const row of cursor.rows) {
    cursor.index += 1;
    yield row;
  }
}
