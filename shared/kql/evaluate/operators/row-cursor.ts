/**
 * Expressions over ordered rows: `prev`, `next`, `row_number`, `row_cumsum` need to know where they
 * stand.
 */
import { walkTree, type KqlNode } from "../../language/parser.ts";
import { withColumns, type RowCursor, type Row, type Scope, type Table } from "../plan.ts";

const cursorFunctions = new Set([
  "prev",
  "next",
  "row_number",
  "row_cumsum",
  "row_rank_dense",
  "row_rank_min",
  "row_window_session",
]);

const needsCursor = (node: KqlNode): boolean =>
  node.text.includes("(") &&
  Array.from(walkTree(node)).some(
    (one) =>
      one.kind === "FunctionCallExpression" && cursorFunctions.has(one.children[0]?.text ?? ""),
  );

/** Compiles with a cursor when the operator needs one: its input is then read whole first. */
export function compileWithCursor(
  node: KqlNode,
  input: Table,
  scope: Scope,
  compile: (input: Table, inner: Scope) => Table,
): Table {
  const inner = withColumns(scope, input.columns);
  if (!needsCursor(node)) return compile(input, inner);
  const cursor: RowCursor = { rows: [], index: -1 };
  return compile(
    { columns: input.columns, rows: () => iterateWithCursor(input, cursor) },
    { ...inner, cursor },
  );
}

function* iterateWithCursor(input: Table, cursor: RowCursor): Generator<Row> {
  cursor.rows = Array.from(input.rows());
  cursor.index = -1;
  for (const row of cursor.rows) {
    cursor.index += 1;
    yield row;
  }
}
