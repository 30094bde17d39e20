/** Finds a query's statements, its final tabular expression and the parts of a call. */
import { childAt, listElements, type KqlNode } from "./parser.ts";

/** Returns the statements of the query, in order. */
export const statementsOf = (root: KqlNode): readonly KqlNode[] =>
  listElements(childAt(root, "Statements"));

/** Returns the expressions that give a result table, one each. */
export const listResults = (root: KqlNode): readonly KqlNode[] =>
  statementsOf(root).flatMap((statement) => {
    const expression =
      statement.kind === "ExpressionStatement" ? childAt(statement, "Expression") : undefined;
    return expression ? [expression] : [];
  });

/** Returns the final expression without a `render` at its end. */
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

/** Returns the expression inside any parentheses. */
export function stripParentheses(expression: KqlNode): KqlNode {
  const inner =
    expression.kind === "ParenthesizedExpression" ? childAt(expression, "Expression") : undefined;
  return inner ? stripParentheses(inner) : expression;
}

/** Returns the arguments of a call, in order. */
export function argumentsOf(call: KqlNode): readonly KqlNode[] {
  const list = childAt(call, "ArgumentList");
  return listElements(list && childAt(list, "Expressions"));
}

/** Returns the name that a FunctionCallExpression calls. */
export const calleeNameOf = (call: KqlNode): string => childAt(call, "Name")?.text ?? "";

/** Returns the value of an operator's parameter, such as `leftouter` of `kind=leftouter`. */
export function readOperatorParameter(operator: KqlNode, name: string): string | undefined {
  const parameters = listElements(childAt(operator, "Parameters"));
  const match = parameters.find(
    (parameter) => childAt(parameter, "Name")?.text.toLowerCase() === name,
  );
  return match && childAt(match, "Expression")?.text;
}
