/** What a time expression of a query is worth, as far as it can be told without running it. */
import { integerValue, timespanTicks } from "../language/literals.ts";
import { childAt, type KqlNode } from "../language/parser.ts";
import { declarationOf } from "../language/scope.ts";
import { argumentsOf, bare, calledName } from "../language/statements.ts";
import type { Ticks } from "../../runtime/time.ts";

/** Spans of `{{StartTimeISO}}` and `{{EndTimeISO}}` in the text that was parsed. */
export interface Placeholder {
  readonly start: number;
  readonly end: number;
  readonly slot: "fromText" | "toText";
}

/**
 * `clock`: between `least` and `most` ticks before the instant that `now()` stands for (negative: after it). `span`: that
 * many ticks. `number`: a whole number. `bound`: the window's own start or end. `fixed`: a date that never moves.
 */
export type TimeValue =
  | { readonly kind: "clock"; readonly least: Ticks; readonly most: Ticks }
  | { readonly kind: "span"; readonly ticks: Ticks }
  | { readonly kind: "number"; readonly count: bigint }
  | { readonly kind: "bound"; readonly slot: "fromText" | "toText" }
  | { readonly kind: "fixed" };

const day = 864_000_000_000n;
const roundedDown: Readonly<Record<string, Ticks>> = {
  startofday: day,
  startofweek: 7n * day,
  startofmonth: 31n * day,
  startofyear: 366n * day,
};
const parts: Readonly<Record<string, Ticks>> = {
  second: 10_000_000n,
  minute: 600_000_000n,
  hour: 36_000_000_000n,
  day,
  week: 7n * day,
};

/** The value of a time expression; undefined when it depends on rows or on what is not understood. */
export function timeValue(
  expression: KqlNode,
  placeholders: readonly Placeholder[],
): TimeValue | undefined {
  const node = bare(expression);
  const bound = placeholders.find(({ start, end }) => node.start <= start && end <= node.end);
  if (bound && node.end - node.start <= bound.end - bound.start + "todatetime('')".length)
    return { kind: "bound", slot: bound.slot };
  const of = (child: KqlNode | undefined): TimeValue | undefined =>
    child && timeValue(child, placeholders);
  switch (node.kind) {
    case "TimespanLiteralExpression":
      return span(timespanTicks(node.text));
    case "DateTimeLiteralExpression":
      return { kind: "fixed" };
    case "LongLiteralExpression":
    case "IntLiteralExpression":
      return number(integerValue(node.text));
    case "UnaryMinusExpression":
      return negated(of(childAt(node, "Expression")));
    case "AddExpression":
      return sum(of(childAt(node, "Left")), of(childAt(node, "Right")));
    case "SubtractExpression":
      return sum(of(childAt(node, "Left")), negated(of(childAt(node, "Right"))));
    case "MultiplyExpression":
      return product(of(childAt(node, "Left")), of(childAt(node, "Right")));
    case "FunctionCallExpression":
      return called(node, of);
    case "NameReference":
      return of(declarationOf(node)?.bound);
    default:
      return undefined;
  }
}

type Evaluate = (child: KqlNode | undefined) => TimeValue | undefined;

function called(call: KqlNode, of: Evaluate): TimeValue | undefined {
  const name = calledName(call);
  const given = argumentsOf(call);
  const [first, second, third] = given;
  if (name === "now") return first ? sum(clock(0n, 0n), of(first)) : clock(0n, 0n);
  if (name === "ago") return sum(clock(0n, 0n), negated(of(first)));
  if (name in roundedDown && given.length === 1) return earlier(of(first), roundedDown[name] ?? 0n);
  if (name === "endofday" && given.length === 1) return later(of(first), day);
  if (name === "bin" || name === "floor") return earlier(of(first), ticksOf(of(second)));
  if (name === "datetime_add") return added(first, of(second), of(third));
  return undefined;
}

function added(
  part: KqlNode | undefined,
  count: TimeValue | undefined,
  to: TimeValue | undefined,
): TimeValue | undefined {
  const unit = parts[part?.children.find((child) => child.isToken)?.value ?? ""];
  return count?.kind === "number" && unit !== undefined
    ? sum(to, span(unit * count.count))
    : undefined;
}

const clock = (least: Ticks, most: Ticks): TimeValue => ({ kind: "clock", least, most });
const span = (ticks: Ticks | undefined): TimeValue | undefined =>
  ticks === undefined ? undefined : { kind: "span", ticks };
const number = (count: bigint | undefined): TimeValue | undefined =>
  count === undefined ? undefined : { kind: "number", count };
const ticksOf = (value: TimeValue | undefined): Ticks | undefined =>
  value?.kind === "span" ? value.ticks : undefined;

function negated(value: TimeValue | undefined): TimeValue | undefined {
  if (value?.kind === "span") return span(-value.ticks);
  return value?.kind === "number" ? number(-value.count) : undefined;
}

function sum(left: TimeValue | undefined, right: TimeValue | undefined): TimeValue | undefined {
  if (left?.kind === "span" && right?.kind === "clock") return sum(right, left);
  const ticks = ticksOf(right);
  if (ticks === undefined) return undefined;
  if (left?.kind === "clock") return clock(left.least - ticks, left.most - ticks);
  if (left?.kind === "span") return span(left.ticks + ticks);
  return left?.kind === "fixed" ? left : undefined;
}

function product(left: TimeValue | undefined, right: TimeValue | undefined): TimeValue | undefined {
  if (left?.kind === "span" && right?.kind === "number") return span(left.ticks * right.count);
  if (left?.kind === "number" && right?.kind === "span") return span(left.count * right.ticks);
  return undefined;
}

const earlier = (value: TimeValue | undefined, by: Ticks | undefined): TimeValue | undefined =>
  value?.kind === "clock" && by !== undefined ? clock(value.least, value.most + by) : undefined;

const later = (value: TimeValue | undefined, by: Ticks): TimeValue | undefined =>
  value?.kind === "clock" ? clock(value.least - by, value.most) : undefined;
