/** take, count, sort, top. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import { readName } from "../names.ts";
import { withColumns, type Row, type Scalar, type Scope } from "../plan.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { compareValues } from "../values.ts";
import type { Operator } from "./rows.ts";

/** The first rows in the service's order. */
export const evaluateTake: Operator = (node, input, scope) => {
  const maxRows = Number(scope.compile.scalar(requireChild(node, "Expression"), scope).run([]));
  return {
    columns: input.columns,
    isSerialized: input.isSerialized,
    rows: () => Iterator.from(input.rows()).take(Math.max(0, maxRows)),
  };
};

export const evaluateCount: Operator = (node, input) => {
  const clause = childAt(node, "AsIdentifier");
  const name = clause ? readName(requireChild(clause, "Identifier")) : "Count";
  return {
    columns: [{ name, type: "long" }],
    *rows() {
      let rows = 0;
      for (const _ of input.rows()) rows += 1;
      yield [BigInt(rows)];
    },
  };
};

interface SortKey {
  readonly scalar: Scalar;
  /** 1 ascending, −1 descending. */
  readonly direction: 1 | -1;
  readonly hasNullsFirst: boolean;
}

/** Descending is the default; nulls come first when ascending, last when descending. */
function compileSortKey(node: KqlNode, scope: Scope): SortKey {
  const expression = node.kind === "OrderedExpression" ? requireChild(node, "Expression") : node;
  const clause = node.kind === "OrderedExpression" ? (childAt(node, "Ordering")?.text ?? "") : "";
  const isAscending = /^asc\b/.test(clause);
  const hasNullsFirst =
    /nulls\s+first/.test(clause) || (isAscending && !/nulls\s+last/.test(clause));
  return {
    scalar: scope.compile.scalar(expression, scope),
    direction: isAscending ? 1 : -1,
    hasNullsFirst,
  };
}

/** Sorts rows by the keys; equal ones keep their order. */
function sortRows(rows: Iterable<Row>, keys: readonly SortKey[]): readonly Row[] {
  const decorated = Array.from(rows, (row) => ({
    row,
    values: keys.map(({ scalar }) => scalar.run(row) ?? null),
  }));
  decorated.sort((one, other) => {
    for (const [index, key] of keys.entries()) {
      const order = compareByKey(key, one.values[index], other.values[index]);
      if (order !== 0) return order;
    }
    return 0;
  });
  return decorated.map(({ row }) => row);
}

function compareByKey({ direction, hasNullsFirst }: SortKey, one: unknown, other: unknown): number {
  if (one === null || other === null)
    return one === other ? 0 : (one === null) === hasNullsFirst ? -1 : 1;
  return direction * compareValues(one, other);
}

export const evaluateSort: Operator = (node, input, scope) => {
  const inner = withColumns(scope, input.columns);
  const keys = listChildren(node, "Expressions").map((one) => compileSortKey(one, inner));
  return { columns: input.columns, isSerialized: true, rows: () => sortRows(input.rows(), keys) };
};

export const evaluateTop: Operator = (node, input, scope) => {
  const inner = withColumns(scope, input.columns);
  const maxRows = Number(scope.compile.scalar(requireChild(node, "Expression"), scope).run([]));
  const key = compileSortKey(requireChild(node, "ByExpression"), inner);
  return {
    columns: input.columns,
    isSerialized: true,
    rows: () => sortRows(input.rows(), [key]).slice(0, Math.max(0, maxRows)),
  };
};
