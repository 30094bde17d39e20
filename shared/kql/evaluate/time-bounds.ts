/**
 * Finds the bounds of `Timestamp` in a predicate, so that a scan reads less. The predicate
 * itself still runs.
 */
import { childAt, type KqlNode } from "../language/parser.ts";
import type { Span } from "../../runtime/time.ts";
import { readName } from "./names.ts";
import type { Scope, Table } from "./plan.ts";

/** Wider than any row. */
export const unboundedSpan: Span = { from: -(2n ** 62n), to: 2n ** 62n };

export const intersectSpans = (one: Span, other: Span): Span => ({
  from: one.from > other.from ? one.from : other.from,
  to: one.to < other.to ? one.to : other.to,
});

export const narrowTable = (table: Table, span: Span): Table =>
  span.from === unboundedSpan.from && span.to === unboundedSpan.to
    ? table
    : (table.narrow?.(span) ?? table);

/** The span outside which the condition cannot be true. */
export function findTimeBounds(node: KqlNode, scope: Scope): Span {
  if (node.kind === "ParenthesizedExpression") {
    const inner = childAt(node, "Expression");
    return inner ? findTimeBounds(inner, scope) : unboundedSpan;
  }
  const [left, right] = [childAt(node, "Left"), childAt(node, "Right")];
  if (left === undefined || right === undefined) return unboundedSpan;
  if (node.kind === "AndExpression")
    return intersectSpans(findTimeBounds(left, scope), findTimeBounds(right, scope));
  if (isTime(left, scope)) return toBounds(node.kind, right, scope);
  return isTime(right, scope)
    ? toBounds(mirroredKinds[node.kind] ?? "", left, scope)
    : unboundedSpan;
}

const mirroredKinds: Readonly<Record<string, string>> = {
  LessThanExpression: "GreaterThanExpression",
  LessThanOrEqualExpression: "GreaterThanOrEqualExpression",
  GreaterThanExpression: "LessThanExpression",
  GreaterThanOrEqualExpression: "LessThanOrEqualExpression",
  EqualExpression: "EqualExpression",
};

const isTime = (node: KqlNode, scope: Scope): boolean =>
  node.kind === "NameReference" &&
  readName(node) === "Timestamp" &&
  scope.columns.some(({ name, type }) => name === "Timestamp" && type === "datetime");

function toBounds(kind: string, bound: KqlNode, scope: Scope): Span {
  if (kind === "BetweenExpression") {
    const from = evaluateInstant(childAt(bound, "First"), scope);
    const to = evaluateInstant(childAt(bound, "Second"), scope, from);
    return { from: from ?? unboundedSpan.from, to: to === undefined ? unboundedSpan.to : to + 1n };
  }
  if (!(kind in mirroredKinds)) return unboundedSpan;
  const instant = evaluateInstant(bound, scope);
  if (instant === undefined) return unboundedSpan;
  if (kind === "EqualExpression") return { from: instant, to: instant + 1n };
  if (kind.startsWith("LessThan"))
    return { from: unboundedSpan.from, to: kind === "LessThanExpression" ? instant : instant + 1n };
  return { from: kind === "GreaterThanExpression" ? instant + 1n : instant, to: unboundedSpan.to };
}

/** Evaluates a constant bound; a timespan after a start counts from it. */
function evaluateInstant(
  node: KqlNode | undefined,
  scope: Scope,
  start?: bigint,
): bigint | undefined {
  if (node === undefined) return undefined;
  const scalar = scope.compile.scalar(node, scope);
  if (!scalar.isConstant) return undefined;
  const value = scalar.run([]);
  if (typeof value !== "bigint") return undefined;
  if (scalar.type === "datetime") return value;
  return scalar.type === "timespan" && start !== undefined ? start + value : undefined;
}
