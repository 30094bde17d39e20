/** Where a query reads the clock, and what its comparisons with it mean for windows. */
import { childAt, walk, type KqlNode } from "../language/parser.ts";
import { obstacle, type Obstacle } from "./obstacles.ts";
import { declarationOf, declaredNames, nameOf } from "../language/scope.ts";
import { bare, calledName } from "../language/statements.ts";
import { timeValue, type Placeholder, type TimeValue } from "./time-value.ts";
import { ticksPerMs, type Ticks } from "../../runtime/time.ts";

/** Calls of `ago()` and `now()`, in the order of the text; functions of the query's own with these names are left out. */
export function clockCalls(root: KqlNode): readonly KqlNode[] {
  const own = declaredNames(root);
  return [...walk(root)].filter((node) => {
    if (node.kind !== "FunctionCallExpression") return false;
    const name = calledName(node);
    return (name === "ago" || name === "now") && !own.has(name);
  });
}

/** What the clock asks of windows. */
export interface ClockUse {
  readonly obstacles: readonly Obstacle[];
  /** Widest window, ms, for which every comparison with the clock holds for all rows of the window. */
  readonly widestMs: number | undefined;
  /** The longest span of an `ago()`, ms. */
  readonly longestAgoMs: number | undefined;
}

/**
 * A row may be judged at its window's end when the comparison is true for every row of the window: `Timestamp > ago(1d)`
 * in windows of less than a day. Anything else that reads the clock makes a row depend on when it is asked for.
 */
export function clockUse(
  query: string,
  root: KqlNode,
  timeNames: ReadonlySet<string>,
  placeholders: readonly Placeholder[],
): ClockUse {
  const verdicts = usesOf(root, placeholders).map((use) =>
    judge(query, use, timeNames, placeholders),
  );
  const caps = verdicts.flatMap(({ cap }) => (cap === undefined ? [] : [cap]));
  const least = caps.reduce<Ticks | undefined>(
    (low, cap) => (low === undefined || cap < low ? cap : low),
    undefined,
  );
  return {
    obstacles: verdicts.flatMap(({ against }) => (against ? [against] : [])),
    widestMs: least === undefined ? undefined : Number(least / ticksPerMs),
    longestAgoMs: longestAgo(root, placeholders),
  };
}

/** Nodes through which the clock reaches a row: calls outside scalar `let`s, and the names of those `let`s. */
function usesOf(root: KqlNode, placeholders: readonly Placeholder[]): readonly KqlNode[] {
  const calls = clockCalls(root);
  const starts = new Set(calls.map(({ start }) => start));
  const isPlaceholder = (node: KqlNode): boolean =>
    node.kind.endsWith("LiteralExpression") &&
    placeholders.some(({ start, end }) => node.start <= start && end <= node.end);
  const reads = (node: KqlNode): boolean => starts.has(node.start) && calls.includes(node);
  const tainted = (node: KqlNode): boolean =>
    [...walk(node)].some((inner) => reads(inner) || isPlaceholder(inner) || carries(inner));
  const carries = (node: KqlNode): boolean => {
    if (node.kind !== "NameReference" || node.type === "table" || node.symbol?.kind === "Column")
      return false;
    const bound = declarationOf(node)?.bound;
    return bound !== undefined && bound.type !== "table" && tainted(bound);
  };
  return [...walk(root)].filter(
    (node) => (reads(node) || isPlaceholder(node) || carries(node)) && !insideScalarLet(node),
  );
}

function insideScalarLet(node: KqlNode): boolean {
  for (let above = node.parent; above; above = above.parent)
    if (above.kind === "LetStatement") {
      const bound = childAt(above, "Expression");
      return bound !== undefined && bound.type !== undefined && bound.type !== "table";
    }
  return false;
}

interface Verdict {
  readonly cap?: Ticks;
  readonly against?: Obstacle;
}

function judge(
  query: string,
  use: KqlNode,
  timeNames: ReadonlySet<string>,
  placeholders: readonly Placeholder[],
): Verdict {
  const comparison = comparisonAbove(use, timeNames);
  const bounds =
    comparison && isDemanded(comparison)
      ? boundsOf(comparison, timeNames, placeholders)
      : undefined;
  const caps = bounds?.map(capOf);
  if (!caps || caps.includes(undefined)) return { against: clockObstacle(query, use) };
  const [first, ...rest] = caps.filter((cap): cap is Ticks => cap !== undefined && cap !== noCap);
  return first === undefined
    ? {}
    : { cap: rest.reduce((low, cap) => (cap < low ? cap : low), first) };
}

const clockObstacle = (query: string, use: KqlNode): Obstacle => {
  const text = use.text.length > 40 ? `${use.text.slice(0, 37)}…` : use.text;
  const words = `${text} does more than keep Timestamp recent, so a row would depend on when it is asked for`;
  return obstacle(query, use, "clock", words, { overridable: true });
};

const comparisons = new Set([
  "GreaterThanExpression",
  "GreaterThanOrEqualExpression",
  "LessThanExpression",
  "LessThanOrEqualExpression",
  "BetweenExpression",
]);

/** The nearest comparison around a use that has the row's time on one side. */
function comparisonAbove(use: KqlNode, timeNames: ReadonlySet<string>): KqlNode | undefined {
  for (let node = use.parent; node; node = node.parent) {
    if (node.kind.endsWith("Operator")) return undefined;
    if (comparisons.has(node.kind))
      return isTime(childAt(node, "Left"), timeNames) || isTime(childAt(node, "Right"), timeNames)
        ? node
        : undefined;
  }
  return undefined;
}

const isTime = (node: KqlNode | undefined, timeNames: ReadonlySet<string>): boolean => {
  const inner = node && bare(node);
  return (
    inner?.kind === "NameReference" &&
    inner.symbol?.kind === "Column" &&
    timeNames.has(nameOf(inner))
  );
};

/** True when the comparison stands in a `where`, under nothing but `and`, `or` and parentheses. */
function isDemanded(comparison: KqlNode): boolean {
  let node = comparison;
  while (
    node.parent &&
    ["AndExpression", "OrExpression", "ParenthesizedExpression"].includes(node.parent.kind)
  )
    node = node.parent;
  return node.parent?.kind === "FilterOperator" && node.role === "Condition";
}

/** A demand on the row's time: from `value` on (`lower`) or up to it. */
interface Bound {
  readonly side: "lower" | "upper";
  readonly strict: boolean;
  readonly value: TimeValue | undefined;
}

function boundsOf(
  comparison: KqlNode,
  timeNames: ReadonlySet<string>,
  placeholders: readonly Placeholder[],
): readonly Bound[] {
  const left = childAt(comparison, "Left");
  const right = childAt(comparison, "Right");
  if (comparison.kind === "BetweenExpression") return betweenBounds(right, placeholders);
  const timeIsLeft = isTime(left, timeNames);
  const other = timeIsLeft ? right : left;
  const isGreater = comparison.kind.startsWith("GreaterThan");
  return [
    {
      side: isGreater === timeIsLeft ? "lower" : "upper",
      strict: !comparison.kind.includes("OrEqual"),
      value: other && timeValue(other, placeholders),
    },
  ];
}

/** `between (a .. b)` includes both ends; a span as `b` counts from `a`. */
function betweenBounds(
  couple: KqlNode | undefined,
  placeholders: readonly Placeholder[],
): readonly Bound[] {
  const first = couple && childAt(couple, "First");
  const second = couple && childAt(couple, "Second");
  const from = first && timeValue(first, placeholders);
  const to = second && timeValue(second, placeholders);
  return [
    { side: "lower", strict: false, value: from },
    { side: "upper", strict: false, value: to?.kind === "span" ? after(from, to.ticks) : to },
  ];
}

const after = (from: TimeValue | undefined, ticks: Ticks): TimeValue | undefined =>
  from?.kind === "clock"
    ? { kind: "clock", least: from.least - ticks, most: from.most - ticks }
    : from;

/** Wider than any window: the bound asks nothing of its width. */
const noCap = -1n;

/** Widest window, in ticks, in which the bound holds for every row; undefined when no width will do. */
function capOf({ side, strict, value }: Bound): Ticks | undefined {
  if (value?.kind === "fixed") return noCap;
  if (value?.kind === "bound")
    return value.slot === (side === "lower" ? "fromText" : "toText") &&
      !(side === "lower" && strict)
      ? noCap
      : undefined;
  if (value?.kind !== "clock") return undefined;
  if (side === "upper") return value.most <= 0n ? noCap : undefined;
  const widest = strict ? value.least - 1n : value.least;
  return widest >= ticksPerMs ? widest : undefined;
}

function longestAgo(root: KqlNode, placeholders: readonly Placeholder[]): number | undefined {
  const spans = clockCalls(root).flatMap((call) => {
    const subtracted =
      call.parent?.kind === "SubtractExpression" && call.role === "Left" ? call.parent : call;
    const value = timeValue(subtracted, placeholders);
    return value?.kind === "clock" && value.most > 0n ? [Number(value.most / ticksPerMs)] : [];
  });
  return spans.length > 0 ? Math.max(...spans) : undefined;
}
