/** What a predicate says about `Timestamp`, so that a scan reads no more than it must. The predicate itself still runs. */
import { childAt, type KqlNode } from "../language/parser.ts";
import type { Span } from "../../runtime/time.ts";
import { simpleName } from "./names.ts";
import type { Scope, Table } from "./plan.ts";

/** Wider than any row. */
export const always: Span = { from: -(2n ** 62n), to: 2n ** 62n };

export const overlap = (one: Span, other: Span): Span => ({
  from: one.from > other.from ? one.from : other.from,
  to: one.to < other.to ? one.to : other.to,
});

export const narrowed = (table: Table, span: Span): Table =>
  span.from === always.from && span.to === always.to ? table : (table.narrow?.(span) ?? table);

/** The span outside which the condition cannot be true. */
export function timeBounds(node: KqlNode, scope: Scope): Span {
  if (node.kind === "ParenthesizedExpression") {
    const inner = childAt(node, "Expression");
    return inner ? timeBounds(inner, scope) : always;
  }
  const [left, right] = [childAt(node, "Left"), childAt(node, "Right")];
  if (left === undefined || right === undefined) return always;
  if (node.kind === "AndExpression")
    return overlap(timeBounds(left, scope), timeBounds(right, scope));
  if (isTime(left, scope)) return boundsOf(node.kind, right, scope);
  return isTime(right, scope) ? boundsOf(mirrored[node.kind] ?? "", left, scope) : always;
}

const mirrored: Readonly<Record<string, string>> = {
  LessThanExpression: "GreaterThanExpression",
  LessThanOrEqualExpression: "GreaterThanOrEqualExpression",
  GreaterThanExpression: "LessThanExpression",
  GreaterThanOrEqualExpression: "LessThanOrEqualExpression",
  EqualExpression: "EqualExpression",
};

const isTime = (node: KqlNode, scope: Scope): boolean =>
  node.kind === "NameReference" &&
  simpleName(node) === "Timestamp" &&
  scope.columns.some(({ name, type }) => name === "Timestamp" && type === "datetime");

function boundsOf(kind: string, bound: KqlNode, scope: Scope): Span {
  if (kind === "BetweenExpression") {
    const from = instantOf(childAt(bound, "First"), scope);
    const to = instantOf(childAt(bound, "Second"), scope, from);
    return { from: from ?? always.from, to: to === undefined ? always.to : to + 1n };
  }
  if (!(kind in mirrored)) return always;
  const at = instantOf(bound, scope);
  if (at === undefined) return always;
  if (kind === "EqualExpression") return { from: at, to: at + 1n };
  if (kind.startsWith("LessThan"))
    return { from: always.from, to: kind === "LessThanExpression" ? at : at + 1n };
  return { from: kind === "GreaterThanExpression" ? at + 1n : at, to: always.to };
}

/** A bound that needs no row. A span after a start counts from it. */
function instantOf(node: KqlNode | undefined, scope: Scope, start?: bigint): bigint | undefined {
  if (node === undefined) return undefined;
  const scalar = scope.compile.scalar(node, scope);
  if (!scalar.constant) return undefined;
  const value = scalar.run([]);
  if (typeof value !== "bigint") return undefined;
  if (scalar.type === "datetime") return value;
  return scalar.type === "timespan" && start !== undefined ? start + value : undefined;
}
