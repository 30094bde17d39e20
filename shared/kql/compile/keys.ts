/** The columns by which a query's final rows are told apart: its last `by` or `distinct` columns that reach the result. */
import { childAt, elements, walk, type KqlNode } from "../language/parser.ts";
import { rowWise } from "./operators.ts";
import { declarationOf, nameOf } from "../language/scope.ts";
import { bare, finalExpression } from "../language/statements.ts";

/** Names of those columns; empty when the result has none. */
export function keyColumns(root: KqlNode): readonly string[] {
  const result = finalExpression(root);
  return result ? [...keysOf(result)] : [];
}

function keysOf(expression: KqlNode): ReadonlySet<string> {
  const node = bare(expression);
  if (node.kind === "NameReference") {
    const bound = declarationOf(node)?.bound;
    return bound && bound.type === "table" ? keysOf(bound) : new Set();
  }
  const operator = node.kind === "PipeExpression" ? childAt(node, "Operator") : undefined;
  const before = childAt(node, "Expression");
  if (!operator || !before) return new Set();
  const own = groupedBy(operator);
  if (own) return new Set(own);
  return rowWise.has(operator.kind) ? surviving(keysOf(before), operator) : new Set();
}

/** Output names of the grouping columns; they come first in the result. */
function groupedBy(operator: KqlNode): readonly string[] | undefined {
  const names = operator.columns?.map(({ name }) => name) ?? [];
  if (operator.kind === "DistinctOperator") return names;
  if (operator.kind !== "SummarizeOperator" && operator.kind !== "MakeSeriesOperator")
    return undefined;
  const by = childAt(operator, "ByClause");
  return names.slice(0, elements(by && childAt(by, "Expressions")).length);
}

/** The keys that an operator passes on, under their new names. */
function surviving(keys: ReadonlySet<string>, operator: KqlNode): ReadonlySet<string> {
  const after = new Set(keys);
  for (const node of walk(operator)) {
    if (node.kind !== "NameDeclaration" || node.symbol?.kind !== "Column") continue;
    const value =
      node.parent?.kind === "SimpleNamedExpression"
        ? childAt(node.parent, "Expression")
        : undefined;
    if (value && keys.has(nameOf(value))) after.add(nameOf(node));
    else after.delete(nameOf(node));
  }
  const kept = new Set(operator.columns?.map(({ name }) => name));
  return new Set([...after].filter((name) => kept.has(name)));
}
