/** Named parameters of an operator: `kind=inner`, `withsource=T`; hints have no effect here. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import { argumentsOf, readName } from "../names.ts";
import { createUnsupportedError } from "../query-error.ts";

/** The parameter's value as text. */
export function readParameter(node: KqlNode, name: string): string | undefined {
  const parameter = childAt(node, "Parameters")?.children.find(
    (one) => childAt(one, "Name")?.text.toLowerCase() === name,
  );
  const value = parameter && childAt(parameter, "Expression");
  return value && readName(value);
}

/** Arguments of a plug-in by parameter name. */
export type PluginArguments = ReadonlyMap<string, KqlNode>;

/** Reads positional and named arguments of a plug-in; refuses others. */
export function readPluginArguments(
  call: KqlNode,
  parameterNames: readonly string[],
): PluginArguments {
  const args = new Map<string, KqlNode>();
  for (const [index, node] of argumentsOf(call).entries()) {
    const isNamed = node.kind === "SimpleNamedExpression";
    const name = isNamed ? readName(node) : (parameterNames[index] ?? "");
    const value = isNamed ? childAt(node, "Expression") : node;
    if (!parameterNames.includes(name) || value === undefined)
      throw createUnsupportedError(`The argument '${node.text}' of the plugin`);
    args.set(name, value);
  }
  return args;
}
