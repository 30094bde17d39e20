/** Tabular expressions: tables, pipes, calls and the statements around them. */
import { childAt, listElements, type KqlNode } from "../language/parser.ts";
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import { castScalar } from "./coerce.ts";
import { readName } from "./names.ts";
import { operators, sources } from "./operators/operator-table.ts";
import { createColumnScalar, createNames, type Binding, type Scope, type Table } from "./plan.ts";
import { mapTable } from "./operators/rows.ts";
import { createUnknownTableError, createUnsupportedError, locateErrors } from "./query-error.ts";
import { compileScalar, requireChild } from "./scalar.ts";
import { createScan } from "./scan.ts";

/** Compiles a tabular expression to the columns that the parser knows for it. */
export const compileTable = (node: KqlNode, scope: Scope): Table =>
  locateErrors(node, () =>
    alignColumns(compileNode(node, scope), isSearch(node) ? undefined : node.boundColumns),
  );

/** The parser lists the columns of `search` in an order of its own. */
const isSearch = (node: KqlNode): boolean =>
  node.kind === "SearchOperator" ||
  (node.kind === "PipeExpression" && childAt(node, "Operator")?.kind === "SearchOperator");

function compileNode(node: KqlNode, scope: Scope): Table {
  switch (node.kind) {
    case "PipeExpression":
      return compileOperator(
        requireChild(node, "Operator"),
        compileTable(requireChild(node, "Expression"), scope),
        clearPiped(scope),
      );
    case "ParenthesizedExpression":
    case "ToTableExpression":
      return compileTable(requireChild(node, "Expression"), scope);
    case "NameReference":
      return compileNamedTable(readName(node), node, scope);
    default:
      return compileHead(node, scope);
  }
}

/**
 * Compiles the head of a pipe other than a name: a source, or an operator over the rows of a
 * subquery.
 */
function compileHead(node: KqlNode, scope: Scope): Table {
  const source = sources[node.kind];
  if (source !== undefined && (scope.piped === undefined || !(node.kind in operators)))
    return source(node, scope);
  return scope.piped && node.kind in operators
    ? compileOperator(node, scope.piped, scope)
    : throwUnsupported(node);
}

/** Gives columns the names and types of the parser, unless it does not know all columns. */
function alignColumns(table: Table, bound: KqlNode["boundColumns"]): Table {
  const { columns } = table;
  if (bound === undefined || bound.length !== columns.length) return table;
  const aligned = columns.map(({ type }, index) => ({
    name: bound[index]?.name ?? "",
    type: bound[index]?.type ?? type,
  }));
  if (aligned.every(({ type }, index) => type === columns[index]?.type))
    return aligned.every(({ name }, index) => name === columns[index]?.name)
      ? table
      : { ...table, columns: aligned, narrow: keepNarrow(table, aligned) };
  const cells = aligned.map(({ type }, index) =>
    castScalar(createColumnScalar(columns[index]?.type ?? type, index), type),
  );
  return mapTable(table, aligned, cells, false);
}

/** A renamed time column must not be narrowed by another column's bounds. */
const keepNarrow = (table: Table, aligned: readonly HuntColumn[]): Table["narrow"] =>
  table.columns.every(
    ({ name }, index) => (name === "Timestamp") === (aligned[index]?.name === "Timestamp"),
  )
    ? table.narrow
    : undefined;

/** Further operators have an input of their own. */
const clearPiped = (scope: Scope): Scope =>
  scope.piped === undefined ? scope : { ...scope, piped: undefined };

function throwUnsupported(node: KqlNode): never {
  throw createUnsupportedError(`'${node.children[0]?.text ?? node.kind}'`);
}

/** Compiles one operator over its input. */
export function compileOperator(node: KqlNode, input: Table, scope: Scope): Table {
  const operator = operators[node.kind];
  if (operator === undefined)
    throw createUnsupportedError(`The operator '${node.children[0]?.text ?? node.kind}'`);
  return locateErrors(node, () => operator(node, input, scope));
}

/** Returns the table of a name: bound by the query, or of the service. */
export function compileNamedTable(name: string, node: KqlNode, scope: Scope): Table {
  const binding = scope.names.find(name);
  if (binding?.kind === "table") return binding.table;
  if (binding?.kind === "function")
    return requireTable(scope.compile.declaredCall(node, binding, scope), node);
  const source = scope.context.tables.get(name);
  if (source === undefined) throw createUnknownTableError(name, findReaderName(node));
  return createScan(source, scope.context);
}

const requireTable = (binding: Binding, node: KqlNode): Table =>
  binding.kind === "table" ? binding.table : throwUnsupported(node);

const findReaderName = ({ parent }: KqlNode): string | undefined =>
  parent?.kind === "PipeExpression" ? childAt(parent, "Operator")?.children[0]?.text : undefined;

/**
 * Returns true for a tabular expression, by the parser's type or by the binding of its name.
 */
export function isTable(node: KqlNode, scope: Scope): boolean {
  if (node.type !== undefined) return node.type === "table";
  if (node.kind === "PipeExpression" || node.kind === "DataTableExpression") return true;
  if (node.kind === "ParenthesizedExpression")
    return isTable(requireChild(node, "Expression"), scope);
  if (node.kind === "FunctionCallExpression") return false;
  if (node.kind !== "NameReference") return node.kind in sources || node.kind in operators;
  const name = readName(node);
  if (scope.columns.some((column) => column.name === name)) return false;
  const binding = scope.names.find(name);
  return binding === undefined ? scope.context.tables.has(name) : binding.kind === "table";
}

/** Runs the statements of a block; the last expression is its result. */
export function compileBlock(statements: readonly KqlNode[], scope: Scope): Binding | undefined {
  let result: Binding | undefined;
  for (const statement of statements) {
    if (statement.kind === "LetStatement") declareLet(statement, scope);
    else if (statement.kind === "ExpressionStatement")
      result = compileBinding(requireChild(statement, "Expression"), scope);
    else if (statement.kind === "SetOptionStatement") setOption(statement, scope);
    else throw createUnsupportedError(`'${statement.children[0]?.text ?? statement.kind}'`);
  }
  return result;
}

function setOption(statement: KqlNode, { options }: Scope): void {
  const clause = childAt(statement, "ValueClause");
  const value = clause && childAt(clause, "Expression");
  if (value !== undefined) options.set(readName(requireChild(statement, "Name")), value);
}

/** Compiles an expression to a binding of a name. */
export function compileBinding(node: KqlNode, scope: Scope): Binding {
  return isTable(node, scope)
    ? { kind: "table", table: compileTable(node, scope) }
    : { kind: "scalar", scalar: compileScalar(node, scope) };
}

/** `let T = T | where …` sees the outer `T`: the name is bound after its expression is compiled. */
function declareLet(statement: KqlNode, scope: Scope): void {
  const name = readName(requireChild(statement, "Name"));
  const expression = requireChild(statement, "Expression");
  const binding: Binding =
    expression.kind === "FunctionDeclaration"
      ? { kind: "function", declaration: expression, scope: { ...scope, names: nestNames(scope) } }
      : compileBinding(expression, scope);
  scope.names.set(name, binding);
}

/** Creates names for a function, which sees the names declared before it. */
function nestNames({ names }: Scope): Scope["names"] {
  return createNames(names);
}

export const statementsOf = (node: KqlNode): readonly KqlNode[] =>
  listElements(childAt(node, "Statements"));
