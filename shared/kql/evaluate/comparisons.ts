/** Comparisons, membership, string operators, and, or. Null is neither true nor false. */
import { childAt, listElements, type KqlNode } from "../language/parser.ts";
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { asText, convertScalar, type TextScalar } from "./coerce.ts";
import { createLazyConstant, deriveScalar, type Row, type Scalar, type Scope } from "./plan.ts";
import { createSemanticError } from "./query-error.ts";
import { getRegex } from "./regex.ts";
import { createMatcher, type TextMatcher } from "./text-match.ts";
import { compareValues, toJsonText, isSameValue } from "./values.ts";

type NullableTest = (one: unknown, other: unknown) => boolean | null;

const testEquality: NullableTest = (one, other) =>
  one === null && other === null ? null : one !== null && other !== null && isSameValue(one, other);
const createOrderTest =
  (test: (order: number) => boolean): NullableTest =>
  (one, other) =>
    one === null || other === null ? null : test(compareValues(one, other));

const comparisons: Readonly<Record<string, NullableTest>> = {
  EqualExpression: testEquality,
  NotEqualExpression: (one, other) => negateTruth(testEquality(one, other)),
  LessThanExpression: createOrderTest((order) => order < 0),
  LessThanOrEqualExpression: createOrderTest((order) => order <= 0),
  GreaterThanExpression: createOrderTest((order) => order > 0),
  GreaterThanOrEqualExpression: createOrderTest((order) => order >= 0),
};

const negateTruth = (value: boolean | null): boolean | null => (value === null ? null : !value);

/** A comparison of two expressions that are compiled already. */
export function compileComparison(kind: string, left: Scalar, right: Scalar): Scalar {
  const test = comparisons[kind];
  if (test === undefined) throw new Error(`no comparison ${kind}`);
  const [one, other] = alignTypes(left, right);
  if (one.type === "string" && other.type === "string" && kind === "EqualExpression")
    return deriveScalar("bool", [one, other], (row) => one.run(row) === other.run(row));
  if (one.type === "string" && other.type === "string" && kind === "NotEqualExpression")
    return deriveScalar("bool", [one, other], (row) => one.run(row) !== other.run(row));
  return deriveScalar("bool", [one, other], (row) =>
    test(one.run(row) ?? null, other.run(row) ?? null),
  );
}

/**
 * Converts operands to one type: a dynamic value becomes the type it is compared with; a text
 * beside an instant or a number as one, a truth value beside a number as 1 or 0.
 */
export function alignTypes(left: Scalar, right: Scalar): readonly [Scalar, Scalar] {
  if (left.type === right.type) return [left, right];
  if (yieldsTo(left.type, right.type)) return [convertScalar(left, right.type), right];
  if (yieldsTo(right.type, left.type)) return [left, convertScalar(right, left.type)];
  if (left.type === "decimal") return [convertScalar(left, "real"), right];
  return right.type === "decimal" ? [left, convertScalar(right, "real")] : [left, right];
}

/** Returns true if a value of `type` is read as `other` in a comparison of the two. */
const yieldsTo = (type: KqlType, other: KqlType): boolean =>
  type === "dynamic" ||
  (other !== "dynamic" && type === "bool") ||
  (type === "string" && (isTemporal(other) || isNumber(other)));

const isNumber = (type: KqlType): boolean => type === "long" || type === "int" || type === "real";
const isTemporal = (type: KqlType): boolean => type === "datetime" || type === "timespan";

/** Compiles `and` and `or`; a decided side makes the other irrelevant. */
export function compileLogical(kind: "and" | "or", left: Scalar, right: Scalar): Scalar {
  const decidingValue = kind === "or";
  return deriveScalar("bool", [left, right], (row) => {
    const one = left.run(row);
    if (one === decidingValue) return decidingValue;
    const other = right.run(row);
    if (other === decidingValue) return decidingValue;
    return one === null || other === null ? null : !decidingValue;
  });
}

export function compileBetween(
  value: Scalar,
  low: Scalar,
  high: Scalar,
  isNegated: boolean,
): Scalar {
  // `between (start .. 1d)` means a span from the start.
  const end =
    value.type === "datetime" && high.type === "timespan"
      ? deriveScalar("datetime", [low, high], (row) => addTicks(low.run(row), high.run(row)))
      : high;
  const inside = compileLogical(
    "and",
    compileComparison("GreaterThanOrEqualExpression", value, low),
    compileComparison("LessThanOrEqualExpression", value, end),
  );
  return isNegated
    ? deriveScalar("bool", [inside], (row) => negateTruth(inside.run(row) as boolean | null))
    : inside;
}

const addTicks = (one: unknown, other: unknown): bigint | null =>
  typeof one === "bigint" && typeof other === "bigint" ? one + other : null;

/**
 * The string operators by node kind (the kind for `has` begins with Has); `!` and `_cs` are in the
 * name as well.
 */
export function compileStringOperator(
  node: KqlNode,
  left: Scalar,
  right: Scalar,
): Scalar | undefined {
  if (node.kind === "MatchesRegexExpression") return compileRegexMatch(asText(left), asText(right));
  if (node.kind === "EqualTildeExpression") return createTextTest(left, right, { word: "equals" });
  if (node.kind === "BangTildeExpression")
    return createTextTest(left, right, { word: "equals", isNegated: true });
  const [, negated, word, exact] =
    /^(Not)?(Has|HasPrefix|HasSuffix|Contains|StartsWith|EndsWith)(Cs)?Expression$/.exec(
      node.kind,
    ) ?? [];
  return word === undefined
    ? undefined
    : createTextTest(left, right, {
        word: word.toLowerCase(),
        isCaseSensitive: exact !== undefined,
        isNegated: negated !== undefined,
      });
}

interface TextOperator {
  /** The operator's word, such as `has`. */
  readonly word: string;
  readonly isCaseSensitive?: boolean;
  readonly isNegated?: boolean;
}

function createTextTest(
  left: Scalar,
  right: Scalar,
  { word, isCaseSensitive = false, isNegated = false }: TextOperator,
): Scalar {
  const [text, pattern] = [asText(left), asText(right)];
  if (pattern.isConstant) {
    const match = createLazyValue(() => createMatcher(word, pattern.run([]), isCaseSensitive));
    return deriveScalar("bool", [text, pattern], (row) => match()(text.run(row)) !== isNegated);
  }
  return deriveScalar(
    "bool",
    [text, pattern],
    (row) => createMatcher(word, pattern.run(row), isCaseSensitive)(text.run(row)) !== isNegated,
  );
}

/** Computes a value once, at first use. */
function createLazyValue<T>(make: () => T): () => T {
  let cached: { readonly value: T } | undefined;
  return () => (cached ??= { value: make() }).value;
}

function compileRegexMatch(text: TextScalar, pattern: TextScalar): Scalar {
  return deriveScalar("bool", [text, pattern], (row) =>
    requireRegex(pattern.run(row)).test(text.run(row)),
  );
}

/** The pattern's expression; the service refuses a query with a bad one. */
export function requireRegex(pattern: string, flags = ""): RegExp {
  const regex = getRegex(pattern, flags);
  if (regex === undefined) throw createSemanticError(`Invalid regex pattern: '${pattern}'.`);
  return regex;
}

/** `in`, `in~`, `!in`, `!in~`: a list, an array, or the first column of a subquery. */
export function compileMembership(node: KqlNode, left: Scalar, scope: Scope): Scalar {
  const isNegated = node.kind.startsWith("NotIn");
  const isCaseInsensitive = node.children.some(
    ({ isToken, text }) => isToken && text.endsWith("~"),
  );
  const key = createKeyFunction(left.type, isCaseInsensitive);
  const values = compileList(node, scope);
  const set = values.isConstant
    ? createLazyValue(() => createKeySet(values.run([]) as readonly unknown[], key))
    : undefined;
  return deriveScalar("bool", [left, values], (row) => {
    const members = set ? set() : createKeySet(values.run(row) as readonly unknown[], key);
    return members.has(key(left.run(row) ?? null)) !== isNegated;
  });
}

const createKeySet = (
  values: readonly unknown[],
  key: (value: unknown) => unknown,
): ReadonlySet<unknown> => new Set(values.map(key));

/** Creates the key of a member: numbers compare by value whatever their type. */
function createKeyFunction(type: KqlType, isCaseInsensitive: boolean): (value: unknown) => unknown {
  if (type === "string" || type === "guid")
    return (value) =>
      isCaseInsensitive || type === "guid" ? toPlainText(value).toLowerCase() : toPlainText(value);
  return (value) => {
    if (typeof value === "string") return isCaseInsensitive ? value.toLowerCase() : value;
    return typeof value === "number" && Number.isSafeInteger(value)
      ? BigInt(value)
      : typeof value === "object" && value !== null
        ? toJsonText(value)
        : value;
  };
}

const toPlainText = (value: unknown): string =>
  typeof value === "string" ? value : value === null ? "" : toJsonText(value);

/** `has_any` and `has_all`, without regard to case. */
export function compileWordsTest(node: KqlNode, left: Scalar, scope: Scope): Scalar {
  const text = asText(left);
  const words = compileList(node, scope);
  const requiresAll = node.kind === "HasAllExpression";
  const createMatchers = (row: Row): readonly TextMatcher[] =>
    (words.run(row) as readonly unknown[]).map((word) =>
      createMatcher("has", toPlainText(word).toLowerCase(), true),
    );
  const fixedMatchers = words.isConstant ? createLazyValue(() => createMatchers([])) : undefined;
  return deriveScalar("bool", [text, words], (row) => {
    const matchers = fixedMatchers ? fixedMatchers() : createMatchers(row);
    const lower = text.run(row).toLowerCase();
    return requiresAll
      ? matchers.every((match) => match(lower))
      : matchers.some((match) => match(lower));
  });
}

/** The right side of a membership test as one array. */
function compileList(node: KqlNode, scope: Scope): Scalar {
  const right = childAt(node, "Right");
  const nodes = right ? listElements(childAt(right, "Expressions") ?? right) : [];
  const parts = nodes.map((part) =>
    scope.compile.isTable(part, scope)
      ? compileFirstColumn(part, scope)
      : scope.compile.scalar(part, scope),
  );
  const flattenValues = (row: Row): readonly unknown[] =>
    parts.flatMap(({ run, type }) => {
      const value = run(row);
      return type === "dynamic" && Array.isArray(value)
        ? (value as readonly unknown[])
        : [value ?? null];
    });
  return deriveScalar("dynamic", parts, flattenValues);
}

function compileFirstColumn(node: KqlNode, scope: Scope): Scalar {
  const table = scope.compile.table(node, scope);
  return createLazyConstant("dynamic", () =>
    Array.from(table.rows(), (row): unknown => row[0] ?? null).flat(),
  );
}
