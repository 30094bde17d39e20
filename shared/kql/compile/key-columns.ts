/**
 * Finds the columns that identify a result row: the last `by` or `distinct` columns in the result.
 */
import { childAt, listElements, walkTree, type KqlNode } from "../language/parser.ts";
import { rowWiseOperators } from "./operator-reasons.ts";
import { findDeclaration, nameOf } from "../language/scope.ts";
import { stripParentheses, findFinalExpression } from "../language/statements.ts";

/** Returns the names of those columns; empty if the result has none. */
export function findKeyColumns(root: KqlNode): readonly string[] {
  const result = findFinalExpression(root);
  return result ? [...findKeys(result)] : [];
}

function findKeys(expression: KqlNode): ReadonlySet<string> {
  const node = stripParentheses(expression);
  if (node.kind === "NameReference") {
    const boundNode = findDeclaration(node)?.boundNode;
    return boundNode && boundNode.type === "table" ? findKeys(boundNode) : new Set();
  }
  const operator = node.kind === "PipeExpression" ? childAt(node, "Operator") : undefined;
  const before = childAt(node, "Expression");
  if (!operator || !before) return new Set();
  const groupKeys = findGroupKeys(operator);
  if (groupKeys) return new Set(groupKeys);
  return rowWiseOperators.has(operator.kind) ? mapKeys(findKeys(before), operator) : new Set();
}

/** Returns the output names of the grouping columns; they come first in the result. */
function findGroupKeys(operator: KqlNode): readonly string[] | undefined {
  const names = operator.columns?.map(({ name }) => name) ?? [];
  if (operator.kind === "DistinctOperator") return names;
  if (operator.kind !== "SummarizeOperator" && operator.kind !== "MakeSeriesOperator")
    return undefined;
  const by = childAt(operator, "ByClause");
  return names.slice(0, listElements(by && childAt(by, "Expressions")).length);
}

/** Returns the keys that an operator passes on, under their new names. */
function mapKeys(keys: ReadonlySet<string>, operator: KqlNode): ReadonlySet<string> {
  const outputKeys = new Set(keys);
  for (const node of walkTree(operator)) {
    if (node.kind !== "NameDeclaration" || node.symbol?.kind !== "Column") continue;
    const value =
      node.parent?.kind === "SimpleNamedExpression"
        ? childAt(node.parent, "Expression")
        : undefined;
    if (value && keys.has(nameOf(value))) outputKeys.add(nameOf(node));
    else outputKeys.delete(nameOf(node));
  }
  const columnNames = new Set(operator.columns?.map(({ name }) => name));
  return new Set([...outputKeys].filter((name) => columnNames.has(name)));
}
