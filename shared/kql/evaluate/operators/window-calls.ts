/**
 * Evaluates functions over ordered rows (`prev`, `next`, `row_number`, `row_cumsum` …). Their
 * values are computed for all rows of one reading at once and appended to the rows as hidden cells,
 * so that two readings of one table share no state.
 */
import { walkTree, type KqlNode } from "../../language/parser.ts";
import {
  withColumns,
  type Row,
  type Scope,
  type Table,
  type WindowCalls,
  type WindowValues,
} from "../plan.ts";
import { createSemanticError } from "../query-error.ts";

const windowFunctions = new Set([
  "prev",
  "next",
  "row_number",
  "row_cumsum",
  "row_rank_dense",
  "row_rank_min",
  "row_window_session",
]);

const findWindowCall = (node: KqlNode): KqlNode | undefined =>
  node.text.includes("(")
    ? Iterator.from(walkTree(node)).find(
        ({ kind, children }) =>
          kind === "FunctionCallExpression" && windowFunctions.has(children[0]?.text ?? ""),
      )
    : undefined;

/**
 * Compiles an operator whose expressions may call window functions. `compile` gets a source whose
 * rows may be longer than its columns and must return rows of its own.
 */
export function compileWithWindows(
  node: KqlNode,
  input: Table,
  scope: Scope,
  compile: (source: Table, inner: Scope) => Table,
): Table {
  const inner = withColumns(scope, input.columns);
  const call = findWindowCall(node);
  if (call === undefined) return compile(input, inner);
  if (input.isSerialized !== true && node.kind !== "SerializeOperator")
    throw createSemanticError(
      `Function '${call.children[0]?.text ?? ""}' cannot be invoked: the rows must be serialized.`,
    );
  const steps: WindowValues[] = [];
  const windows: WindowCalls = {
    add: (type, computeValues) => {
      const columnIndex = input.columns.length + steps.push(computeValues) - 1;
      return { type, isConstant: false, run: (row) => row[columnIndex] };
    },
  };
  const source: Table = {
    columns: input.columns,
    isSerialized: true,
    rows: () => appendWindowValues(input.rows(), steps),
  };
  return compile(source, { ...inner, windows });
}

function appendWindowValues(rows: Iterable<Row>, steps: readonly WindowValues[]): readonly Row[] {
  const extendedRows = Array.from(rows, (row): unknown[] => [...row]);
  for (const computeValues of steps) {
    const values = computeValues(extendedRows);
    for (const [index, row] of extendedRows.entries()) row.push(values[index]);
  }
  return extendedRows;
}
