/** Functions that the query declares itself. */
import { childAt, elements, type KqlNode } from "../language/parser.ts";
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { convert } from "./coerce.ts";
import { argumentsOf, simpleName } from "./names.ts";
import { namesWithin, type Binding, type Scope, type Table } from "./plan.ts";
import { QueryError } from "./query-error.ts";
import { part } from "./scalar.ts";
import { typeOf } from "./type-names.ts";
import { bind, compileBlock } from "./tabular.ts";

/** Binds the arguments and compiles the body anew for this call. `piped` is what `invoke` hands over first. */
export function callDeclared(
  node: KqlNode,
  { declaration, scope: home }: Binding & { kind: "function" },
  scope: Scope,
  piped?: Table,
): Binding {
  const names = namesWithin(home.names);
  const inner: Scope = { context: scope.context, compile: scope.compile, columns: [], names };
  const given = node.kind === "FunctionCallExpression" ? argumentsOf(node) : [];
  const named = new Map(
    given.flatMap((arg) =>
      arg.kind === "SimpleNamedExpression"
        ? [[simpleName(arg), part(arg, "Expression")] as const]
        : [],
    ),
  );
  const inOrder = given.filter((arg) => arg.kind !== "SimpleNamedExpression");
  for (const [index, parameter] of parametersOf(declaration).entries()) {
    const { name, type, otherwise } = parameter;
    const place = piped === undefined ? index : index - 1;
    const argument = named.get(name) ?? inOrder[place];
    if (piped !== undefined && index === 0) names.set(name, { kind: "table", table: piped });
    else if (argument !== undefined) names.set(name, typed(bind(argument, scope), type));
    else if (otherwise !== undefined) names.set(name, bind(otherwise, home));
  }
  return bodyOf(declaration, inner);
}

const typed = (binding: Binding, type: KqlType | undefined): Binding =>
  binding.kind === "scalar" && type !== undefined
    ? { kind: "scalar", scalar: convert(binding.scalar, type) }
    : binding;

interface Parameter {
  readonly name: string;
  /** Absent for a table. */
  readonly type: KqlType | undefined;
  readonly otherwise: KqlNode | undefined;
}

const parametersOf = (declaration: KqlNode): readonly Parameter[] =>
  elements(childAt(part(declaration, "Parameters"), "Parameters")).map((parameter) => {
    const declared = part(parameter, "NameAndType");
    const value = childAt(parameter, "DefaultValue");
    return {
      name: simpleName(part(declared, "Name")),
      type: typeOf(part(declared, "Type")),
      otherwise: value && childAt(value, "Value"),
    };
  });

function bodyOf(declaration: KqlNode, scope: Scope): Binding {
  const body = part(declaration, "Body");
  compileBlock(elements(childAt(body, "Statements")), scope);
  const expression = childAt(body, "Expression");
  if (expression === undefined)
    throw new QueryError(
      "semantic",
      "The query has a semantic error: a function has no result. Fix semantic errors in your query.",
    );
  return bind(expression, scope);
}
