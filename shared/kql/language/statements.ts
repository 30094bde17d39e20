/** The query's final tabular expression, and operators along a pipe. */
import { childAt, elements, type KqlNode } from "./parser.ts";

/** The statements of the query, in order. */
export const statementsOf = (root: KqlNode): readonly KqlNode[] =>
  elements(childAt(root, "Statements"));

/** Statements that give a result: more than one make more than one table. */
export const results = (root: KqlNode): readonly KqlNode[] =>
  statementsOf(root).flatMap((statement) => {
    const expression =
      statement.kind === "ExpressionStatement" ? childAt(statement, "Expression") : undefined;
    return expression ? [expression] : [];
  });

/** The final expression without a `render` at its end. */
export const finalExpression = (root: KqlNode): KqlNode | undefined => {
  const last = results(root).at(-1);
  return last && withoutRender(last);
};

function withoutRender(expression: KqlNode): KqlNode {
  const left = childAt(expression, "Expression");
  const isRender =
    expression.kind === "PipeExpression" &&
    childAt(expression, "Operator")?.kind === "RenderOperator";
  return isRender && left ? withoutRender(left) : expression;
}

/** The expression inside any parentheses. */
export function bare(expression: KqlNode): KqlNode {
  const inner =
    expression.kind === "ParenthesizedExpression" ? childAt(expression, "Expression") : undefined;
  return inner ? bare(inner) : expression;
}

/** Arguments of a call, in order. */
export function argumentsOf(call: KqlNode): readonly KqlNode[] {
  const list = childAt(call, "ArgumentList");
  return elements(list && childAt(list, "Expressions"));
}

/** The name a FunctionCallExpression calls. */
export const calledName = (call: KqlNode): string => childAt(call, "Name")?.text ?? "";

/** The value of an operator's parameter, as `leftouter` of `kind=leftouter`. */
export function operatorParameter(operator: KqlNode, name: string): string | undefined {
  const parameters = elements(childAt(operator, "Parameters"));
  const found = parameters.find(
    (parameter) => childAt(parameter, "Name")?.text.toLowerCase() === name,
  );
  return found && childAt(found, "Expression")?.text;
}
