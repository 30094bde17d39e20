/** take, count, sort, top. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import { simpleName } from "../names.ts";
import { withColumns, type Row, type Scalar, type Scope } from "../plan.ts";
import { listOf, part } from "../scalar.ts";
import { compareValues } from "../values.ts";
import type { Operator } from "./rows.ts";

/** The first rows in the service's order. */
export const take: Operator = (node, input, scope) => {
  const wanted = Number(scope.compile.scalar(part(node, "Expression"), scope).run([]));
  return {
    columns: input.columns,
    rows: () => Iterator.from(input.rows()).take(Math.max(0, wanted)),
  };
};

export const count: Operator = (node, input) => {
  const clause = childAt(node, "AsIdentifier");
  const name = clause ? simpleName(part(clause, "Identifier")) : "Count";
  return {
    columns: [{ name, type: "long" }],
    *rows() {
      let rows = 0;
      for (const _ of input.rows()) rows += 1;
      yield [BigInt(rows)];
    },
  };
};

interface Key {
  readonly scalar: Scalar;
  /** 1 ascending, −1 descending. */
  readonly direction: 1 | -1;
  readonly nullsFirst: boolean;
}

/** Descending is the default; nulls come first when ascending, last when descending. */
function keyOf(node: KqlNode, scope: Scope): Key {
  const expression = node.kind === "OrderedExpression" ? part(node, "Expression") : node;
  const clause = node.kind === "OrderedExpression" ? (childAt(node, "Ordering")?.text ?? "") : "";
  const ascending = /^asc\b/.test(clause);
  const nullsFirst = /nulls\s+first/.test(clause) || (ascending && !/nulls\s+last/.test(clause));
  return {
    scalar: scope.compile.scalar(expression, scope),
    direction: ascending ? 1 : -1,
    nullsFirst,
  };
}

/** Rows by the keys, equal ones as they came. */
function sorted(rows: Iterable<Row>, keys: readonly Key[]): readonly Row[] {
  const decorated = Array.from(rows, (row) => ({
    row,
    values: keys.map(({ scalar }) => scalar.run(row) ?? null),
  }));
  decorated.sort((one, other) => {
    for (const [index, key] of keys.entries()) {
      const order = orderOf(key, one.values[index], other.values[index]);
      if (order !== 0) return order;
    }
    return 0;
  });
  return decorated.map(({ row }) => row);
}

function orderOf({ direction, nullsFirst }: Key, one: unknown, other: unknown): number {
  if (one === null || other === null)
    return one === other ? 0 : (one === null) === nullsFirst ? -1 : 1;
  return direction * compareValues(one, other);
}

export const sort: Operator = (node, input, scope) => {
  const inner = withColumns(scope, input.columns);
  const keys = listOf(node, "Expressions").map((one) => keyOf(one, inner));
  return { columns: input.columns, rows: () => sorted(input.rows(), keys) };
};

export const top: Operator = (node, input, scope) => {
  const inner = withColumns(scope, input.columns);
  const wanted = Number(scope.compile.scalar(part(node, "Expression"), scope).run([]));
  const key = keyOf(part(node, "ByExpression"), inner);
  return {
    columns: input.columns,
    rows: () => sorted(input.rows(), [key]).slice(0, Math.max(0, wanted)),
  };
};
