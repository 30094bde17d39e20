/** Compiles expressions to closures, by the kind of their node. */
import { childAt, listElements, type KqlNode } from "../language/parser.ts";
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { compileArithmetic, signs } from "./arithmetic.ts";
import { castScalar } from "./coerce.ts";
import {
  compileBetween,
  compileLogical,
  compileComparison,
  compileWordsTest,
  compileMembership,
  compileStringOperator,
} from "./comparisons.ts";
import { compileBuiltinCall } from "./scalar-functions/call.ts";
import { compileLiteral } from "./literals.ts";
import { argumentsOf, readName } from "./names.ts";
import {
  createColumnScalar,
  createLazyConstant,
  deriveScalar,
  type Scalar,
  type Scope,
} from "./plan.ts";
import { createSemanticError, createUnsupportedError, locateErrors } from "./query-error.ts";

/** Compiles one scalar expression to the type that the parser knows for it. */
export const compileScalar = (node: KqlNode, scope: Scope): Scalar =>
  locateErrors(node, () => {
    const scalar = compileNode(node, scope);
    const isLiteral = node.kind.endsWith("LiteralExpression");
    return node.type === undefined || node.type === "table" || isLiteral
      ? scalar
      : castScalar(scalar, node.type);
  });

function compileNode(node: KqlNode, scope: Scope): Scalar {
  const literal = compileLiteral(node, scope.context);
  if (literal !== undefined) return literal;
  const compiler = scalarCompilers[node.kind];
  if (compiler !== undefined) return compiler(node, scope);
  const [left, right] = [childAt(node, "Left"), childAt(node, "Right")];
  if (left === undefined || right === undefined) throw createUnsupportedError(`'${node.kind}'`);
  return compileBinary(node, left, right, scope);
}

function compileBinary(node: KqlNode, left: KqlNode, right: KqlNode, scope: Scope): Scalar {
  if (left.kind === "StarExpression") return compileAnyColumn(node, right, scope);
  const one = compileScalar(left, scope);
  if (node.kind === "BetweenExpression" || node.kind === "NotBetweenExpression") {
    const [low, high] = [requireChild(right, "First"), requireChild(right, "Second")].map((bound) =>
      compileScalar(bound, scope),
    );
    if (low === undefined || high === undefined) throw createUnsupportedError(`'${node.text}'`);
    return compileBetween(one, low, high, node.kind === "NotBetweenExpression");
  }
  if (/^(Not)?In(Cs)?Expression$/.test(node.kind)) return compileMembership(node, one, scope);
  if (node.kind === "HasAnyExpression" || node.kind === "HasAllExpression")
    return compileWordsTest(node, one, scope);
  return compileTwoSided(node, one, compileScalar(right, scope));
}

function compileTwoSided(node: KqlNode, one: Scalar, other: Scalar): Scalar {
  const sign = signs[node.kind];
  if (sign !== undefined) return compileArithmetic(sign, one, other);
  if (node.kind === "AndExpression" || node.kind === "OrExpression")
    return compileLogical(node.kind === "AndExpression" ? "and" : "or", one, other);
  return compileStringOperator(node, one, other) ?? compileComparison(node.kind, one, other);
}

/** `* has "x"`: any text column of the row. */
function compileAnyColumn(node: KqlNode, right: KqlNode, scope: Scope): Scalar {
  const word = compileScalar(right, scope);
  const tests = scope.columns
    .map(({ type }, columnIndex) => createColumnScalar(type, columnIndex))
    .filter(({ type }) => type === "string" || type === "dynamic")
    .map((column) => compileTwoSided(node, column, word));
  return deriveScalar("bool", tests, (row) => tests.some((test) => test.run(row) === true));
}

type ScalarCompiler = (node: KqlNode, scope: Scope) => Scalar;

const compileInner: ScalarCompiler = (node, scope) =>
  compileScalar(requireChild(node, "Expression"), scope);

const scalarCompilers: Readonly<Record<string, ScalarCompiler>> = {
  ParenthesizedExpression: compileInner,
  SimpleNamedExpression: compileInner,
  OrderedExpression: compileInner,
  NameReference: compileNameReference,
  PathExpression: compilePathExpression,
  ElementExpression: compileElementExpression,
  FunctionCallExpression: compileFunctionCall,
  ToScalarExpression: compileToScalar,
  UnaryMinusExpression: compileNegative,
  UnaryPlusExpression: compileInner,
};

export function requireChild(node: KqlNode, role: string): KqlNode {
  const child = childAt(node, role);
  if (child === undefined) throw createUnsupportedError(`'${node.text}'`);
  return child;
}

function compileNameReference(node: KqlNode, scope: Scope): Scalar {
  const name = readName(node);
  const columnIndex = scope.columns.findIndex((column) => column.name === name);
  const column = scope.columns[columnIndex];
  if (column !== undefined) return createColumnScalar(column.type, columnIndex);
  const binding = scope.names.find(name);
  if (binding?.kind === "scalar") return binding.scalar;
  if (binding?.kind === "function") {
    const result = scope.compile.declaredCall(node, binding, scope);
    if (result.kind === "scalar") return result.scalar;
  }
  throw createSemanticError(`Failed to resolve scalar expression named '${name}'.`);
}

/** `a.b` of a bag; `$left.a` and `$right.a` are compiled where the sides are known. */
function compilePathExpression(node: KqlNode, scope: Scope): Scalar {
  const selector = requireChild(node, "Selector");
  const baseNode = requireChild(node, "Expression");
  const member =
    scope.findMember && baseNode.kind === "NameReference"
      ? scope.findMember(readName(baseNode), readName(selector))
      : undefined;
  if (member !== undefined) return member;
  const base = compileScalar(baseNode, scope);
  if (selector.kind === "FunctionCallExpression")
    throw createUnsupportedError(`'${selector.text}'`);
  if (selector.kind === "BracketedExpression") {
    const key = compileScalar(requireChild(selector, "Expression"), scope);
    return deriveScalar("dynamic", [base, key], (row) => readMember(base.run(row), key.run(row)));
  }
  const name = readName(selector);
  return deriveScalar("dynamic", [base], (row) => readMember(base.run(row), name));
}

function compileElementExpression(node: KqlNode, scope: Scope): Scalar {
  const base = compileScalar(requireChild(node, "Expression"), scope);
  const bracketed = childAt(node, "Selector") ?? node.children.at(-1);
  const selector = bracketed && (childAt(bracketed, "Expression") ?? bracketed);
  if (selector === undefined) throw createUnsupportedError(`'${node.text}'`);
  const key = compileScalar(selector, scope);
  return deriveScalar("dynamic", [base, key], (row) => readMember(base.run(row), key.run(row)));
}

/** Returns a bag's value by key, or an array's by index; negative indexes count from the end. */
function readMember(base: unknown, key: unknown): unknown {
  if (Array.isArray(base))
    return typeof key === "string" ? null : ((base as readonly unknown[]).at(Number(key)) ?? null);
  if (base === null || typeof base !== "object" || typeof key !== "string") return null;
  return Object.hasOwn(base, key)
    ? ((base as Readonly<Record<string, unknown>>)[key] ?? null)
    : null;
}

function compileFunctionCall(node: KqlNode, scope: Scope): Scalar {
  const name = readName(requireChild(node, "Name"));
  const aggregateScalar = scope.compileAggregateCall?.(node);
  if (aggregateScalar !== undefined) return aggregateScalar;
  const declaration = scope.names.find(name);
  if (declaration?.kind === "function") {
    const result = scope.compile.declaredCall(node, declaration, scope);
    if (result.kind === "scalar") return result.scalar;
    throw createSemanticError(`'${name}' is not a scalar function.`);
  }
  return compileBuiltinCall(name, argumentsOf(node), scope);
}

/** The first value of the first row, computed once. */
function compileToScalar(node: KqlNode, scope: Scope): Scalar {
  const expression = requireChild(node, "Expression");
  if (!scope.compile.isTable(expression, scope)) {
    const scalar = compileScalar(expression, scope);
    return createLazyConstant(scalar.type, () => scalar.run([]));
  }
  const table = scope.compile.table(expression, {
    ...scope,
    columns: [],
    compileAggregateCall: undefined,
  });
  const type: KqlType = table.columns[0]?.type ?? "dynamic";
  return createLazyConstant(type, () => {
    const [row] = table.rows();
    return row?.[0] ?? (type === "string" ? "" : null);
  });
}

function compileNegative(node: KqlNode, scope: Scope): Scalar {
  const value = compileInner(node, scope);
  return deriveScalar(value.type, [value], (row) => {
    const result = value.run(row);
    return typeof result === "bigint" || typeof result === "number" ? -result : null;
  });
}

/** The expressions of a list child, as an operator has them. */
export const listChildren = (node: KqlNode, role: string): readonly KqlNode[] =>
  listElements(childAt(node, role));
