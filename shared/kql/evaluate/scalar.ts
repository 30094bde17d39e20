/** Expressions to closures, by the kind of their node. */
import { childAt, elements, type KqlNode } from "../language/parser.ts";
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { arithmetic, signs } from "./arithmetic.ts";
import { between, both, compare, hasWords, membership, stringOperator } from "./comparisons.ts";
import { callFunction } from "./scalar-functions/call.ts";
import { literalOf } from "./literals.ts";
import { argumentsOf, simpleName } from "./names.ts";
import { columnAt, lazily, over, type Scalar, type Scope } from "./plan.ts";
import { QueryError, unsupported } from "./query-error.ts";

/** Compiles one scalar expression. */
export function compileScalar(node: KqlNode, scope: Scope): Scalar {
  const literal = literalOf(node, scope.context.now);
  if (literal !== undefined) return literal;
  const compiler = compilers[node.kind];
  if (compiler !== undefined) return compiler(node, scope);
  const [left, right] = [childAt(node, "Left"), childAt(node, "Right")];
  if (left === undefined || right === undefined) throw unsupported(`'${node.kind}'`);
  return binary(node, left, right, scope);
}

function binary(node: KqlNode, left: KqlNode, right: KqlNode, scope: Scope): Scalar {
  if (left.kind === "StarExpression") return anyColumn(node, right, scope);
  const one = compileScalar(left, scope);
  if (node.kind === "BetweenExpression" || node.kind === "NotBetweenExpression") {
    const [low, high] = [part(right, "First"), part(right, "Second")].map((bound) =>
      compileScalar(bound, scope),
    );
    if (low === undefined || high === undefined) throw unsupported(`'${node.text}'`);
    return between(one, low, high, node.kind === "NotBetweenExpression");
  }
  if (/^(Not)?In(Cs)?Expression$/.test(node.kind)) return membership(node, one, scope);
  if (node.kind === "HasAnyExpression" || node.kind === "HasAllExpression")
    return hasWords(node, one, scope);
  return twoSided(node, one, compileScalar(right, scope));
}

function twoSided(node: KqlNode, one: Scalar, other: Scalar): Scalar {
  const sign = signs[node.kind];
  if (sign !== undefined) return arithmetic(sign, one, other);
  if (node.kind === "AndExpression" || node.kind === "OrExpression")
    return both(node.kind === "AndExpression" ? "and" : "or", one, other);
  return stringOperator(node, one, other) ?? compare(node.kind, one, other);
}

/** `* has "x"`: any text column of the row. */
function anyColumn(node: KqlNode, right: KqlNode, scope: Scope): Scalar {
  const word = compileScalar(right, scope);
  const tests = scope.columns
    .map(({ type }, place) => columnAt(type, place))
    .filter(({ type }) => type === "string" || type === "dynamic")
    .map((column) => twoSided(node, column, word));
  return over("bool", tests, (row) => tests.some((test) => test.run(row) === true));
}

type Compiler = (node: KqlNode, scope: Scope) => Scalar;

const inner: Compiler = (node, scope) => compileScalar(part(node, "Expression"), scope);

const compilers: Readonly<Record<string, Compiler>> = {
  ParenthesizedExpression: inner,
  SimpleNamedExpression: inner,
  OrderedExpression: inner,
  NameReference: nameReference,
  PathExpression: pathExpression,
  ElementExpression: elementExpression,
  FunctionCallExpression: functionCall,
  ToScalarExpression: toScalar,
  UnaryMinusExpression: negative,
  UnaryPlusExpression: inner,
};

export function part(node: KqlNode, role: string): KqlNode {
  const found = childAt(node, role);
  if (found === undefined) throw unsupported(`'${node.text}'`);
  return found;
}

function nameReference(node: KqlNode, scope: Scope): Scalar {
  const name = simpleName(node);
  const place = scope.columns.findIndex((column) => column.name === name);
  const column = scope.columns[place];
  if (column !== undefined) return columnAt(column.type, place);
  const binding = scope.names.find(name);
  if (binding?.kind === "scalar") return binding.scalar;
  throw new QueryError(
    "semantic",
    `The query has a semantic error: Failed to resolve scalar expression named '${name}'. Fix semantic errors in your query.`,
  );
}

/** `a.b` of a bag; `$left.a` and `$right.a` are compiled where the sides are known. */
function pathExpression(node: KqlNode, scope: Scope): Scalar {
  const selector = part(node, "Selector");
  const base = compileScalar(part(node, "Expression"), scope);
  if (selector.kind === "FunctionCallExpression") throw unsupported(`'${selector.text}'`);
  const key = simpleName(selector);
  return over("dynamic", [base], (row) => memberOf(base.run(row), key));
}

function elementExpression(node: KqlNode, scope: Scope): Scalar {
  const base = compileScalar(part(node, "Expression"), scope);
  const bracketed = childAt(node, "Selector") ?? node.children.at(-1);
  const selector = bracketed && (childAt(bracketed, "Expression") ?? bracketed);
  if (selector === undefined) throw unsupported(`'${node.text}'`);
  const key = compileScalar(selector, scope);
  return over("dynamic", [base, key], (row) => memberOf(base.run(row), key.run(row)));
}

/** A bag's value by key, or an array's by place; places count from the end when negative. */
export function memberOf(base: unknown, key: unknown): unknown {
  const holder = typeof base === "string" && /^\s*[{[]/.test(base) ? base : base;
  if (Array.isArray(holder))
    return typeof key === "string"
      ? null
      : ((holder as readonly unknown[]).at(Number(key)) ?? null);
  if (holder === null || typeof holder !== "object" || typeof key !== "string") return null;
  return Object.hasOwn(holder, key)
    ? ((holder as Readonly<Record<string, unknown>>)[key] ?? null)
    : null;
}

function functionCall(node: KqlNode, scope: Scope): Scalar {
  const name = simpleName(part(node, "Name"));
  const tallied = scope.aggregate?.(node);
  if (tallied !== undefined) return tallied;
  const declared = scope.names.find(name);
  if (declared?.kind === "function") {
    const result = scope.compile.call(node, declared, scope);
    if (result.kind === "scalar") return result.scalar;
    throw new QueryError(
      "semantic",
      `The query has a semantic error: '${name}' is not a scalar function. Fix semantic errors in your query.`,
    );
  }
  return callFunction(name, argumentsOf(node), scope);
}

/** The first value of the first row, computed once. */
function toScalar(node: KqlNode, scope: Scope): Scalar {
  const expression = part(node, "Expression");
  if (!scope.compile.isTable(expression, scope)) return compileScalar(expression, scope);
  const table = scope.compile.table(expression, { ...scope, columns: [], aggregate: undefined });
  const type: KqlType = table.columns[0]?.type ?? "dynamic";
  return lazily(type, () => {
    const [row] = table.rows();
    return row?.[0] ?? (type === "string" ? "" : null);
  });
}

function negative(node: KqlNode, scope: Scope): Scalar {
  const value = inner(node, scope);
  return over(value.type, [value], (row) => {
    const found = value.run(row);
    return typeof found === "bigint" || typeof found === "number" ? -found : null;
  });
}

/** The expressions of a list child, as an operator has them. */
export const listOf = (node: KqlNode, role: string): readonly KqlNode[] =>
  elements(childAt(node, role));
