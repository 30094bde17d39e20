/** Named parameters of an operator: `kind=inner`, `withsource=T`; hints have no effect here. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import { simpleName } from "../names.ts";

/** The parameter's value as text. */
export function parameterOf(node: KqlNode, name: string): string | undefined {
  const found = childAt(node, "Parameters")?.children.find(
    (one) => childAt(one, "Name")?.text.toLowerCase() === name,
  );
  const value = found && childAt(found, "Expression");
  return value && simpleName(value);
}
