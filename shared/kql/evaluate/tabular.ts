/** Tabular expressions: tables, pipes, calls and the statements around them. */
import { childAt, elements, type KqlNode } from "../language/parser.ts";
import { simpleName } from "./names.ts";
import { operators, sources } from "./operators/all.ts";
import { namesWithin, type Binding, type Scope, type Table } from "./plan.ts";
import { unknownTable, unsupported } from "./query-error.ts";
import { compileScalar, part } from "./scalar.ts";
import { scanOf } from "./scan.ts";

/** Compiles a tabular expression. */
export function compileTable(node: KqlNode, scope: Scope): Table {
  switch (node.kind) {
    case "PipeExpression":
      return compileOperator(
        part(node, "Operator"),
        compileTable(part(node, "Expression"), scope),
        withoutPiped(scope),
      );
    case "ParenthesizedExpression":
    case "ToTableExpression":
      return compileTable(part(node, "Expression"), scope);
    case "NameReference":
      return namedTable(simpleName(node), node, scope);
    default:
      return headOf(node, scope);
  }
}

/** What stands at the head of a pipe besides a name: a source, or an operator over the rows handed to a subquery. */
function headOf(node: KqlNode, scope: Scope): Table {
  const source = sources[node.kind];
  if (source !== undefined && (scope.piped === undefined || !(node.kind in operators)))
    return source(node, scope);
  return scope.piped && node.kind in operators
    ? compileOperator(node, scope.piped, scope)
    : raise(node);
}

/** Further operators have an input of their own. */
const withoutPiped = (scope: Scope): Scope =>
  scope.piped === undefined ? scope : { ...scope, piped: undefined };

function raise(node: KqlNode): never {
  throw unsupported(`'${node.children[0]?.text ?? node.kind}'`);
}

/** Compiles one operator over its input. */
export function compileOperator(node: KqlNode, input: Table, scope: Scope): Table {
  const operator = operators[node.kind];
  if (operator === undefined)
    throw unsupported(`The operator '${node.children[0]?.text ?? node.kind}'`);
  return operator(node, input, scope);
}

/** The table of that name: bound by the query, or the tenant's. */
export function namedTable(name: string, node: KqlNode, scope: Scope): Table {
  const binding = scope.names.find(name);
  if (binding?.kind === "table") return binding.table;
  if (binding?.kind === "function") return tableOf(scope.compile.call(node, binding, scope), node);
  const columns = scope.context.world.tables.get(name);
  if (columns === undefined) throw unknownTable(name, readerOf(node));
  return scanOf(name, columns, scope.context);
}

const tableOf = (binding: Binding, node: KqlNode): Table =>
  binding.kind === "table" ? binding.table : raise(node);

const readerOf = ({ parent }: KqlNode): string | undefined =>
  parent?.kind === "PipeExpression" ? childAt(parent, "Operator")?.children[0]?.text : undefined;

/** True for an expression that stands for rows: by the parser's word, or by what its name is bound to. */
export function isTable(node: KqlNode, scope: Scope): boolean {
  if (node.type !== undefined) return node.type === "table";
  if (node.kind === "PipeExpression" || node.kind === "DataTableExpression") return true;
  if (node.kind === "ParenthesizedExpression") return isTable(part(node, "Expression"), scope);
  if (node.kind === "FunctionCallExpression") return false;
  if (node.kind !== "NameReference") return node.kind in sources || node.kind in operators;
  const name = simpleName(node);
  if (scope.columns.some((column) => column.name === name)) return false;
  const binding = scope.names.find(name);
  return binding === undefined ? scope.context.world.tables.has(name) : binding.kind === "table";
}

/** Runs the statements of a block; the last expression is its result. */
export function compileBlock(statements: readonly KqlNode[], scope: Scope): Binding | undefined {
  let result: Binding | undefined;
  for (const statement of statements) {
    if (statement.kind === "LetStatement") declare(statement, scope);
    else if (statement.kind === "ExpressionStatement")
      result = bind(part(statement, "Expression"), scope);
    else if (statement.kind !== "SetOptionStatement")
      throw unsupported(`'${statement.children[0]?.text ?? statement.kind}'`);
  }
  return result;
}

/** An expression to what a name can be bound to. */
export function bind(node: KqlNode, scope: Scope): Binding {
  return isTable(node, scope)
    ? { kind: "table", table: compileTable(node, scope) }
    : { kind: "scalar", scalar: compileScalar(node, scope) };
}

/** `let T = T | where …` sees the outer `T`: the name is bound after its expression is compiled. */
function declare(statement: KqlNode, scope: Scope): void {
  const name = simpleName(part(statement, "Name"));
  const expression = part(statement, "Expression");
  const binding: Binding =
    expression.kind === "FunctionDeclaration"
      ? { kind: "function", declaration: expression, scope: { ...scope, names: frozen(scope) } }
      : bind(expression, scope);
  scope.names.set(name, binding);
}

/** A function sees the names that were there before it. */
function frozen({ names }: Scope): Scope["names"] {
  return namesWithin(names);
}

export const statementsOf = (node: KqlNode): readonly KqlNode[] =>
  elements(childAt(node, "Statements"));
