/** The query's final tabular expression, and operators along a pipe. */
import { childAt, listElements, type KqlNode } from "./parser.ts";

/** The statements of the query, in order. */
export const statementsOf = (root: KqlNode): readonly KqlNode[] =>
  listElements(childAt(root, "Statements"));

/** Statements that give a result: more than one make more than one table. */
export const listResults = (root: KqlNode): readonly KqlNode[] =>
  statementsOf(root).flatMap((statement) => {
    const expression =
      statement.kind === "ExpressionStatement" ? childAt(statement, "Expression") : undefined;
    return expression ? [expression] : [];
  });

/** The final expression without a `render` at its end. */
export const findFinalExpression = (root: KqlNode): KqlNode | undefined => {
  const last = listResults(root).at(-1);
  return last && stripRender(last);
};

function stripRender(expression: KqlNode): KqlNode {
  const left = childAt(expression, "Expression");
  const isRender =
    expression.kind === "PipeExpression" &&
    childAt(expression, "Operator")?.kind === "RenderOperator";
  return isRender && left ? stripRender(left) : expression;
}

/** The expression inside any parentheses. */
export function stripParentheses(expression: KqlNode): KqlNode {
  const inner =
    expression.kind === "ParenthesizedExpression" ? childAt(expression, "Expression") : undefined;
  return inner ? stripParentheses(inner) : expression;
}

/** Arguments of a call, in order. */
export function argumentsOf(call: KqlNode): readonly KqlNode[] {
  const list = childAt(call, "ArgumentList");
  return listElements(list && childAt(list, "Expressions"));
}

/** The name a FunctionCallExpression calls. */
export const calleeNameOf = (call: KqlNode): string => childAt(call, "Name")?.text ?? "";

/** The value of an operator's parameter, as `leftouter` of `kind=leftouter`. */
export function readOperatorParameter(operator: KqlNode, name: string): string | undefined {
  const parameters = listElements(childAt(operator, "Parameters"));
  const match = parameters.find(
    (parameter) => childAt(parameter, "Name")?.text.toLowerCase() === name,
  );
  return match && childAt(match, "Expression")?.text;
}
