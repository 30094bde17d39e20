/** Functions that the query declares itself. */
import { childAt, listElements, type KqlNode } from "../language/parser.ts";
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { convertScalar } from "./coerce.ts";
import { argumentsOf, readName } from "./names.ts";
import { createNames, type Binding, type Scope, type Table } from "./plan.ts";
import { createSemanticError } from "./query-error.ts";
import { requireChild } from "./scalar.ts";
import { readType } from "./type-names.ts";
import { compileBinding, compileBlock } from "./tabular.ts";

/**
 * Binds the arguments and compiles the body for this call. `piped` is the table of `invoke`, the
 * first argument.
 */
export function compileDeclaredCall(
  node: KqlNode,
  { declaration, scope: declarationScope }: Binding & { kind: "function" },
  scope: Scope,
  piped?: Table,
): Binding {
  const names = createNames(declarationScope.names);
  const { context, compile, options } = scope;
  const inner: Scope = { context, compile, columns: [], names, options };
  const args = node.kind === "FunctionCallExpression" ? argumentsOf(node) : [];
  const namedArguments = new Map(
    args.flatMap((arg) =>
      arg.kind === "SimpleNamedExpression"
        ? [[readName(arg), requireChild(arg, "Expression")] as const]
        : [],
    ),
  );
  const positionalArguments = args.filter((arg) => arg.kind !== "SimpleNamedExpression").values();
  for (const [index, parameter] of readParameters(declaration).entries()) {
    const { name, type, defaultValue } = parameter;
    const isPiped = piped !== undefined && index === 0;
    const argument = isPiped
      ? undefined
      : (namedArguments.get(name) ?? positionalArguments.next().value);
    if (piped !== undefined && index === 0) names.set(name, { kind: "table", table: piped });
    else if (argument !== undefined)
      names.set(name, convertBinding(compileBinding(argument, scope), type));
    else if (defaultValue !== undefined)
      names.set(name, compileBinding(defaultValue, declarationScope));
  }
  return compileBody(declaration, inner);
}

const convertBinding = (binding: Binding, type: KqlType | undefined): Binding =>
  binding.kind === "scalar" && type !== undefined
    ? { kind: "scalar", scalar: convertScalar(binding.scalar, type) }
    : binding;

interface Parameter {
  readonly name: string;
  /** Absent for a table. */
  readonly type: KqlType | undefined;
  readonly defaultValue: KqlNode | undefined;
}

const readParameters = (declaration: KqlNode): readonly Parameter[] =>
  listElements(childAt(requireChild(declaration, "Parameters"), "Parameters")).map((parameter) => {
    const nameAndType = requireChild(parameter, "NameAndType");
    const value = childAt(parameter, "DefaultValue");
    return {
      name: readName(requireChild(nameAndType, "Name")),
      type: readType(requireChild(nameAndType, "Type")),
      defaultValue: value && childAt(value, "Value"),
    };
  });

function compileBody(declaration: KqlNode, scope: Scope): Binding {
  const body = requireChild(declaration, "Body");
  compileBlock(listElements(childAt(body, "Statements")), scope);
  const expression = childAt(body, "Expression");
  if (expression === undefined) throw createSemanticError("a function has no result.");
  return compileBinding(expression, scope);
}
