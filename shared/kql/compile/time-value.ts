/** Evaluates the time expressions of a query as far as that is possible without running it. */
import { parseInteger, parseTimespanTicks } from "../language/literals.ts";
import { childAt, type KqlNode } from "../language/parser.ts";
import { findDeclaration } from "../language/scope.ts";
import { argumentsOf, stripParentheses, calleeNameOf } from "../language/statements.ts";
import type { Ticks } from "../../runtime/time.ts";

/** Spans of `{{StartTimeISO}}` and `{{EndTimeISO}}` in the text that was parsed. */
export interface Placeholder {
  readonly start: number;
  readonly end: number;
  readonly slot: "fromText" | "toText";
}

/**
 * `clock`: between `minTicks` and `maxTicks` ticks before `now()` (negative: after it). `span`: a
 * number of ticks. `number`: a whole number. `bound`: the window's own start or end. `fixed`: a
 * date that never changes.
 */
export type TimeValue =
  | { readonly kind: "clock"; readonly minTicks: Ticks; readonly maxTicks: Ticks }
  | { readonly kind: "span"; readonly ticks: Ticks }
  | { readonly kind: "number"; readonly count: bigint }
  | { readonly kind: "bound"; readonly slot: "fromText" | "toText" }
  | { readonly kind: "fixed" };

const dayTicks = 864_000_000_000n;
const roundingTicks: Readonly<Record<string, Ticks>> = {
  startofday: dayTicks,
  startofweek: 7n * dayTicks,
  startofmonth: 31n * dayTicks,
  startofyear: 366n * dayTicks,
};
const unitTicks: Readonly<Record<string, Ticks>> = {
  second: 10_000_000n,
  minute: 600_000_000n,
  hour: 36_000_000_000n,
  day: dayTicks,
  week: 7n * dayTicks,
};

/** Returns the value of a time expression; undefined if it depends on rows or is not recognized. */
export function evaluateTimeValue(
  expression: KqlNode,
  placeholders: readonly Placeholder[],
): TimeValue | undefined {
  const node = stripParentheses(expression);
  const placeholder = placeholders.find(({ start, end }) => node.start <= start && end <= node.end);
  if (
    placeholder &&
    node.end - node.start <= placeholder.end - placeholder.start + "todatetime('')".length
  )
    return { kind: "bound", slot: placeholder.slot };
  const evaluateChild = (child: KqlNode | undefined): TimeValue | undefined =>
    child && evaluateTimeValue(child, placeholders);
  return nodeEvaluators[node.kind]?.(node, evaluateChild);
}

type ChildEvaluator = (child: KqlNode | undefined) => TimeValue | undefined;
type NodeEvaluator = (node: KqlNode, evaluateChild: ChildEvaluator) => TimeValue | undefined;

const evaluateNumber: NodeEvaluator = (node) => toNumber(parseInteger(node.text));
const createSidesEvaluator =
  (
    combine: (left: TimeValue | undefined, right: TimeValue | undefined) => TimeValue | undefined,
  ): NodeEvaluator =>
  (node, evaluateChild) =>
    combine(evaluateChild(childAt(node, "Left")), evaluateChild(childAt(node, "Right")));

const nodeEvaluators: Readonly<Record<string, NodeEvaluator>> = {
  TimespanLiteralExpression: (node) => toSpan(parseTimespanTicks(node.text)),
  DateTimeLiteralExpression: () => ({ kind: "fixed" }),
  LongLiteralExpression: evaluateNumber,
  IntLiteralExpression: evaluateNumber,
  UnaryMinusExpression: (node, evaluateChild) =>
    negateValue(evaluateChild(childAt(node, "Expression"))),
  AddExpression: createSidesEvaluator((left, right) => addValues(left, right)),
  SubtractExpression: createSidesEvaluator((left, right) => addValues(left, negateValue(right))),
  MultiplyExpression: createSidesEvaluator((left, right) => multiplyValues(left, right)),
  FunctionCallExpression: evaluateCall,
  NameReference: (node, evaluateChild) => evaluateChild(findDeclaration(node)?.boundNode),
};

function evaluateCall(call: KqlNode, evaluateChild: ChildEvaluator): TimeValue | undefined {
  const name = calleeNameOf(call);
  const args = argumentsOf(call);
  const [first, second, third] = args;
  if (name === "now")
    return first ? addValues(toClock(0n, 0n), evaluateChild(first)) : toClock(0n, 0n);
  if (name === "ago") return addValues(toClock(0n, 0n), negateValue(evaluateChild(first)));
  if (name in roundingTicks && args.length === 1)
    return shiftEarlier(evaluateChild(first), roundingTicks[name] ?? 0n);
  if (name === "endofday" && args.length === 1) return shiftLater(evaluateChild(first), dayTicks);
  if (name === "bin" || name === "floor")
    return shiftEarlier(evaluateChild(first), ticksOf(evaluateChild(second)));
  if (name === "datetime_add") return addToDate(first, evaluateChild(second), evaluateChild(third));
  return undefined;
}

function addToDate(
  unitNode: KqlNode | undefined,
  count: TimeValue | undefined,
  date: TimeValue | undefined,
): TimeValue | undefined {
  const unit = unitTicks[unitNode?.children.find((child) => child.isToken)?.value ?? ""];
  return count?.kind === "number" && unit !== undefined
    ? addValues(date, toSpan(unit * count.count))
    : undefined;
}

const toClock = (minTicks: Ticks, maxTicks: Ticks): TimeValue => ({
  kind: "clock",
  minTicks,
  maxTicks,
});
const toSpan = (ticks: Ticks | undefined): TimeValue | undefined =>
  ticks === undefined ? undefined : { kind: "span", ticks };
const toNumber = (count: bigint | undefined): TimeValue | undefined =>
  count === undefined ? undefined : { kind: "number", count };
const ticksOf = (value: TimeValue | undefined): Ticks | undefined =>
  value?.kind === "span" ? value.ticks : undefined;

function negateValue(value: TimeValue | undefined): TimeValue | undefined {
  if (value?.kind === "span") return toSpan(-value.ticks);
  return value?.kind === "number" ? toNumber(-value.count) : undefined;
}

function addValues(
  left: TimeValue | undefined,
  right: TimeValue | undefined,
): TimeValue | undefined {
  if (left?.kind === "span" && right?.kind === "clock") return addValues(right, left);
  const ticks = ticksOf(right);
  if (ticks === undefined) return undefined;
  if (left?.kind === "clock") return toClock(left.minTicks - ticks, left.maxTicks - ticks);
  if (left?.kind === "span") return toSpan(left.ticks + ticks);
  return left?.kind === "fixed" ? left : undefined;
}

function multiplyValues(
  left: TimeValue | undefined,
  right: TimeValue | undefined,
): TimeValue | undefined {
  if (left?.kind === "span" && right?.kind === "number") return toSpan(left.ticks * right.count);
  if (left?.kind === "number" && right?.kind === "span") return toSpan(left.count * right.ticks);
  return undefined;
}

const shiftEarlier = (
  value: TimeValue | undefined,
  shiftTicks: Ticks | undefined,
): TimeValue | undefined =>
  value?.kind === "clock" && shiftTicks !== undefined
    ? toClock(value.minTicks, value.maxTicks + shiftTicks)
    : undefined;

const shiftLater = (value: TimeValue | undefined, shiftTicks: Ticks): TimeValue | undefined =>
  value?.kind === "clock" ? toClock(value.minTicks - shiftTicks, value.maxTicks) : undefined;
