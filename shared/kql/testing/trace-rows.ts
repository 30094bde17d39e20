/** Finds the operator of a query that removes an expected row. */
import { childAt, type KqlNode, parseQuery } from "../language/parser.ts";
import { toLineColumn } from "../language/position.ts";
import { findFinalExpression } from "../language/statements.ts";
import type { EvaluationContext } from "../evaluate/context.ts";
import { evaluate } from "../evaluate/evaluate.ts";
import type { NamedValues } from "../evaluate/context.ts";
import { isMatch, readExpectedRows } from "./match-rows.ts";

/** One step of a pipeline. */
export interface TraceStep {
  /** The operator's text, on one line. */
  readonly text: string;
  /** Line in the query, from 1. */
  readonly line: number;
  readonly rows: number;
  /** Rows that have the expected values, as far as their columns exist at this step. */
  readonly candidates: number;
}

/** Counts the rows after each operator of the final pipeline. */
export function traceRows(
  query: string,
  context: EvaluationContext,
  expected: NamedValues,
): readonly TraceStep[] {
  const final = findFinalExpression(parseQuery(query).root);
  const nodes: { readonly end: number; readonly step: KqlNode }[] = [];
  for (let node = final; node !== undefined;) {
    const input = node.kind === "PipeExpression" ? childAt(node, "Expression") : undefined;
    const operator = input && childAt(node, "Operator");
    nodes.unshift({ end: node.end, step: operator ?? node });
    node = input;
  }
  return nodes.flatMap(({ end, step }) => {
    const result = evaluate(query.slice(0, end), context);
    if ("refusedBy" in result) return [];
    const { columns } = result;
    const rows = [...result.rows];
    const known = Object.fromEntries(
      Object.entries(expected).filter(([name]) => columns.some((column) => column.name === name)),
    );
    const row = readExpectedRows(columns, [known])[0] ?? new Map<number, unknown>();
    return [
      {
        text: step.text.replaceAll(/\s+/g, " "),
        line: toLineColumn(query, step.start).line,
        rows: rows.length,
        candidates: rows.filter((actual) => isMatch(columns, row, actual)).length,
      },
    ];
  });
}

/** Returns the first step after which no row can become the expected one. */
export const findLosingStep = (steps: readonly TraceStep[]): TraceStep | undefined =>
  steps.find(({ candidates }) => candidates === 0);
