/** Named parameters of an operator: `kind=inner`, `withsource=T`; hints have no effect here. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import { readName } from "../names.ts";

/** The parameter's value as text. */
export function readParameter(node: KqlNode, name: string): string | undefined {
  const parameter = childAt(node, "Parameters")?.children.find(
    (one) => childAt(one, "Name")?.text.toLowerCase() === name,
  );
  const value = parameter && childAt(parameter, "Expression");
  return value && readName(value);
}
