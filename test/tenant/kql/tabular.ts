/** Tabular expressions: tables, pipes, calls and the statements around them. */
import { childAt, elements, type KqlNode } from "../../../shared/hunts/kql/parser.ts";
import { simpleName } from "./names.ts";
import { operators, sources } from "./operators/all.ts";
import { namesWithin, type Binding, type Compile, type Scope, type Table } from "./plan.ts";
import { unknownTable, unsupported } from "./query-error.ts";
import { compileScalar, part } from "./scalar.ts";
import { scanOf } from "./scan.ts";

/** Compiles a tabular expression. */
export function compileTable(node: KqlNode, scope: Scope): Table {
  switch (node.kind) {
    case "PipeExpression":
      return compileOperator(part(node, "Operator"), compileTable(part(node, "Expression"), scope), scope);
    case "ParenthesizedExpression":
    case "MaterializeExpression":
    case "ToTableExpression":
      return compileTable(part(node, "Expression"), scope);
    case "NameReference":
      return namedTable(node, scope);
    default:
      return sources[node.kind]?.(node, scope) ?? raise(node);
  }
}

function raise(node: KqlNode): never {
  throw unsupported(`'${node.children[0]?.text ?? node.kind}'`);
}

function compileOperator(node: KqlNode, input: Table, scope: Scope): Table {
  const operator = operators[node.kind];
  if (operator === undefined) throw unsupported(`The operator '${node.children[0]?.text ?? node.kind}'`);
  return operator(node, input, scope);
}

function namedTable(node: KqlNode, scope: Scope): Table {
  const name = simpleName(node);
  const binding = scope.names.find(name);
  if (binding?.kind === "table") return binding.table;
  if (binding?.kind === "function") return tableOf(scope.compile.call(node, binding, scope), node);
  const columns = scope.context.world.tables.get(name);
  if (columns === undefined) throw unknownTable(name, readerOf(node));
  return scanOf(name, columns, scope.context);
}

const tableOf = (binding: Binding, node: KqlNode): Table => (binding.kind === "table" ? binding.table : raise(node));

const readerOf = ({ parent }: KqlNode): string | undefined =>
  parent?.kind === "PipeExpression" ? childAt(parent, "Operator")?.children[0]?.text : undefined;

/** True for an expression that stands for rows: by the parser's word, or by what its name is bound to. */
function isTable(node: KqlNode, scope: Scope): boolean {
  if (node.type !== undefined) return node.type === "table";
  if (node.kind === "PipeExpression" || node.kind === "DataTableExpression" || node.kind === "MaterializeExpression")
    return true;
  if (node.kind === "ParenthesizedExpression") return isTable(part(node, "Expression"), scope);
  if (node.kind !== "NameReference") return node.kind in sources;
  const name = simpleName(node);
  if (scope.columns.some((column) => column.name === name)) return false;
  const binding = scope.names.find(name);
  return binding === undefined ? scope.context.world.tables.has(name) : binding.kind === "table";
}

/** The parts of the compiler, tied together. */
export const compile: Compile = {
  scalar: compileScalar,
  table: compileTable,
  operator: compileOperator,
  isTable,
  call: () => {
    throw new Error("calls are not tied in yet");
  },
};

/** Runs the statements of a block; the last expression is its result. */
export function compileBlock(statements: readonly KqlNode[], scope: Scope): Binding | undefined {
  let result: Binding | undefined;
  for (const statement of statements) {
    if (statement.kind === "LetStatement") declare(statement, scope);
    else if (statement.kind === "ExpressionStatement") result = bind(part(statement, "Expression"), scope);
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

export const statementsOf = (node: KqlNode): readonly KqlNode[] => elements(childAt(node, "Statements"));
