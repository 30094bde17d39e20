/** Finds where a query reads the clock and whether those comparisons allow windows. */
import { childAt, walkTree, type KqlNode } from "../language/parser.ts";
import { createObstacle, type Obstacle } from "./obstacles.ts";
import { findDeclaration, findDeclaredNames, nameOf } from "../language/scope.ts";
import { stripParentheses, calleeNameOf } from "../language/statements.ts";
import { evaluateTimeValue, type Placeholder, type TimeValue } from "./time-value.ts";
import { ticksPerMs, type Ticks } from "../../runtime/time.ts";

/** Returns calls of KQL's `ago()` and `now()`, in the order of the text. */
export function findClockCalls(root: KqlNode): readonly KqlNode[] {
  const declaredNames = findDeclaredNames(root);
  return [...walkTree(root)].filter((node) => {
    if (node.kind !== "FunctionCallExpression") return false;
    const name = calleeNameOf(node);
    return (name === "ago" || name === "now") && !declaredNames.has(name);
  });
}

/** What the query's use of the clock requires of windows. */
export interface ClockUse {
  readonly obstacles: readonly Obstacle[];
  /** Widest window, ms, in which every comparison with the clock is true for all rows. */
  readonly widestMs: number | undefined;
  /** The longest span of an `ago()`, ms. */
  readonly maxAgoMs: number | undefined;
}

/**
 * Analyzes comparisons with the clock. A window evaluates them at its end, which is right if the
 * comparison is true for every row of the window: `Timestamp > ago(1d)` in windows of less than a
 * day. Any other use of the clock makes a row depend on when the query runs.
 */
export function analyzeClockUse(
  query: string,
  root: KqlNode,
  timeNames: ReadonlySet<string>,
  placeholders: readonly Placeholder[],
): ClockUse {
  const assessments = findClockUses(root, placeholders).map((use) =>
    assessClockUse(query, use, timeNames, placeholders),
  );
  const maxWidths = assessments.flatMap(({ maxWidthTicks }) =>
    maxWidthTicks === undefined ? [] : [maxWidthTicks],
  );
  const minWidthTicks = maxWidths.reduce<Ticks | undefined>(
    (low, maxWidthTicks) => (low === undefined || maxWidthTicks < low ? maxWidthTicks : low),
    undefined,
  );
  return {
    obstacles: assessments.flatMap(({ obstacle }) => (obstacle ? [obstacle] : [])),
    widestMs: minWidthTicks === undefined ? undefined : Number(minWidthTicks / ticksPerMs),
    maxAgoMs: findMaxAgoMs(root, placeholders),
  };
}

/** Returns clock calls outside scalar `let`s, and the references to such `let`s. */
function findClockUses(root: KqlNode, placeholders: readonly Placeholder[]): readonly KqlNode[] {
  const calls = findClockCalls(root);
  const callStarts = new Set(calls.map(({ start }) => start));
  const isPlaceholder = (node: KqlNode): boolean =>
    node.kind.endsWith("LiteralExpression") &&
    placeholders.some(({ start, end }) => node.start <= start && end <= node.end);
  const isClockCall = (node: KqlNode): boolean =>
    callStarts.has(node.start) && calls.includes(node);
  const dependsOnClock = (node: KqlNode): boolean =>
    [...walkTree(node)].some(
      (inner) => isClockCall(inner) || isPlaceholder(inner) || carriesClock(inner),
    );
  const carriesClock = (node: KqlNode): boolean => {
    if (node.kind !== "NameReference" || node.type === "table" || node.symbol?.kind === "Column")
      return false;
    const boundNode = findDeclaration(node)?.boundNode;
    return boundNode !== undefined && boundNode.type !== "table" && dependsOnClock(boundNode);
  };
  return [...walkTree(root)].filter(
    (node) =>
      (isClockCall(node) || isPlaceholder(node) || carriesClock(node)) && !isInsideScalarLet(node),
  );
}

function isInsideScalarLet(node: KqlNode): boolean {
  for (let above = node.parent; above; above = above.parent)
    if (above.kind === "LetStatement") {
      const boundNode = childAt(above, "Expression");
      return boundNode !== undefined && boundNode.type !== undefined && boundNode.type !== "table";
    }
  return false;
}

interface ClockAssessment {
  readonly maxWidthTicks?: Ticks;
  readonly obstacle?: Obstacle;
}

function assessClockUse(
  query: string,
  use: KqlNode,
  timeNames: ReadonlySet<string>,
  placeholders: readonly Placeholder[],
): ClockAssessment {
  const comparison = findEnclosingComparison(use, timeNames);
  const bounds =
    comparison && isFilterCondition(comparison)
      ? toTimeBounds(comparison, timeNames, placeholders)
      : undefined;
  const maxWidths = bounds?.map(findMaxWidthTicks);
  if (!maxWidths || maxWidths.includes(undefined))
    return { obstacle: createClockObstacle(query, use, timeNames) };
  const [first, ...rest] = maxWidths.filter(
    (maxWidthTicks): maxWidthTicks is Ticks =>
      maxWidthTicks !== undefined && maxWidthTicks !== noLimit,
  );
  return first === undefined
    ? {}
    : {
        maxWidthTicks: rest.reduce(
          (low, maxWidthTicks) => (maxWidthTicks < low ? maxWidthTicks : low),
          first,
        ),
      };
}

const createClockObstacle = (
  query: string,
  use: KqlNode,
  timeNames: ReadonlySet<string>,
): Obstacle => {
  const text = use.text.length > 40 ? `${use.text.slice(0, 37)}…` : use.text;
  const [timeName = "a common time column"] = timeNames;
  const reason = `${text} is not a bound of ${timeName}, so a row depends on when the query runs`;
  return createObstacle(query, use, { cause: "clock", text: reason, isOverridable: true });
};

const comparisons = new Set([
  "GreaterThanExpression",
  "GreaterThanOrEqualExpression",
  "LessThanExpression",
  "LessThanOrEqualExpression",
  "BetweenExpression",
]);

/** Returns the nearest comparison around a use that has the row's time on one side. */
function findEnclosingComparison(
  use: KqlNode,
  timeNames: ReadonlySet<string>,
): KqlNode | undefined {
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
  const inner = node && stripParentheses(node);
  return (
    inner?.kind === "NameReference" &&
    inner.symbol?.kind === "Column" &&
    timeNames.has(nameOf(inner))
  );
};

/** Returns true for a comparison in a `where`, below only `and`, `or` and parentheses. */
function isFilterCondition(comparison: KqlNode): boolean {
  let node = comparison;
  while (
    node.parent &&
    ["AndExpression", "OrExpression", "ParenthesizedExpression"].includes(node.parent.kind)
  )
    node = node.parent;
  return node.parent?.kind === "FilterOperator" && node.role === "Condition";
}

/** A bound of the row's time: at or after `value` (`lower`), or before it. */
interface TimeBound {
  readonly side: "lower" | "upper";
  readonly isStrict: boolean;
  readonly value: TimeValue | undefined;
}

function toTimeBounds(
  comparison: KqlNode,
  timeNames: ReadonlySet<string>,
  placeholders: readonly Placeholder[],
): readonly TimeBound[] {
  const left = childAt(comparison, "Left");
  const right = childAt(comparison, "Right");
  if (comparison.kind === "BetweenExpression") return toBetweenBounds(right, placeholders);
  const isTimeLeft = isTime(left, timeNames);
  const other = isTimeLeft ? right : left;
  const isGreater = comparison.kind.startsWith("GreaterThan");
  return [
    {
      side: isGreater === isTimeLeft ? "lower" : "upper",
      isStrict: !comparison.kind.includes("OrEqual"),
      value: other && evaluateTimeValue(other, placeholders),
    },
  ];
}

/** `between (a .. b)` includes both ends; a span as `b` counts from `a`. */
function toBetweenBounds(
  range: KqlNode | undefined,
  placeholders: readonly Placeholder[],
): readonly TimeBound[] {
  const first = range && childAt(range, "First");
  const second = range && childAt(range, "Second");
  const from = first && evaluateTimeValue(first, placeholders);
  const to = second && evaluateTimeValue(second, placeholders);
  return [
    { side: "lower", isStrict: false, value: from },
    { side: "upper", isStrict: false, value: to?.kind === "span" ? addTicks(from, to.ticks) : to },
  ];
}

const addTicks = (from: TimeValue | undefined, ticks: Ticks): TimeValue | undefined =>
  from?.kind === "clock"
    ? { kind: "clock", minTicks: from.minTicks - ticks, maxTicks: from.maxTicks - ticks }
    : from;

/** The bound does not limit the width of a window. */
const noLimit = -1n;

/**
 * Returns the widest window, in ticks, in which the bound is true for every row; undefined if none.
 */
function findMaxWidthTicks({ side, isStrict, value }: TimeBound): Ticks | undefined {
  if (value?.kind === "fixed") return noLimit;
  if (value?.kind === "bound") return isOwnBound(side, isStrict, value.slot) ? noLimit : undefined;
  if (value?.kind !== "clock") return undefined;
  if (side === "upper") return value.maxTicks <= 0n ? noLimit : undefined;
  const maxWidthTicks = isStrict ? value.minTicks - 1n : value.minTicks;
  return maxWidthTicks >= ticksPerMs ? maxWidthTicks : undefined;
}

/** Returns true for a window's own bound that keeps all its rows: a strict lower one does not. */
const isOwnBound = (side: TimeBound["side"], isStrict: boolean, slot: string): boolean =>
  side === "lower" ? slot === "fromText" && !isStrict : slot === "toText";

function findMaxAgoMs(root: KqlNode, placeholders: readonly Placeholder[]): number | undefined {
  const spans = findClockCalls(root).flatMap((call) => {
    const clockExpression =
      call.parent?.kind === "SubtractExpression" && call.role === "Left" ? call.parent : call;
    const value = evaluateTimeValue(clockExpression, placeholders);
    return value?.kind === "clock" && value.maxTicks > 0n
      ? [Number(value.maxTicks / ticksPerMs)]
      : [];
  });
  return spans.length > 0 ? Math.max(...spans) : undefined;
}
