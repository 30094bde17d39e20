/** Comparisons, membership, string operators, and, or. Null is neither true nor false. */
import { childAt, elements, type KqlNode } from "../language/parser.ts";
import type { KqlType } from "../../contracts/compiled-hunt.ts";
import { asText, convert, type TextScalar } from "./coerce.ts";
import { lazily, over, type Row, type Scalar, type Scope } from "./plan.ts";
import { QueryError } from "./query-error.ts";
import { matcherOf, regexOf, type Matcher } from "./text-match.ts";
import { compareValues, jsonText, sameValue } from "./values.ts";

type Both = (one: unknown, other: unknown) => boolean | null;

const equal: Both = (one, other) =>
  one === null && other === null ? null : one !== null && other !== null && sameValue(one, other);
const ordered =
  (test: (order: number) => boolean): Both =>
  (one, other) =>
    one === null || other === null ? null : test(compareValues(one, other));

const comparisons: Readonly<Record<string, Both>> = {
  EqualExpression: equal,
  NotEqualExpression: (one, other) => negate(equal(one, other)),
  LessThanExpression: ordered((order) => order < 0),
  LessThanOrEqualExpression: ordered((order) => order <= 0),
  GreaterThanExpression: ordered((order) => order > 0),
  GreaterThanOrEqualExpression: ordered((order) => order >= 0),
};

const negate = (value: boolean | null): boolean | null => (value === null ? null : !value);

/** A comparison of two expressions that are compiled already. */
export function compare(kind: string, left: Scalar, right: Scalar): Scalar {
  const test = comparisons[kind];
  if (test === undefined) throw new Error(`no comparison ${kind}`);
  const [one, other] = alike(left, right);
  if (one.type === "string" && other.type === "string" && kind === "EqualExpression")
    return over("bool", [one, other], (row) => one.run(row) === other.run(row));
  if (one.type === "string" && other.type === "string" && kind === "NotEqualExpression")
    return over("bool", [one, other], (row) => one.run(row) !== other.run(row));
  return over("bool", [one, other], (row) => test(one.run(row) ?? null, other.run(row) ?? null));
}

/** What is inside a dynamic value is read as the type it is compared with; a text beside an instant or a number as one, a truth value beside a number as 1 or 0. */
export function alike(left: Scalar, right: Scalar): readonly [Scalar, Scalar] {
  if (left.type === right.type) return [left, right];
  if (left.type === "dynamic") return [convert(left, right.type), right];
  if (right.type === "dynamic") return [left, convert(right, left.type)];
  if (left.type === "string" && isTemporal(right.type)) return [convert(left, right.type), right];
  if (right.type === "string" && isTemporal(left.type)) return [left, convert(right, left.type)];
  if (left.type === "bool" || (left.type === "string" && isNumber(right.type)))
    return [convert(left, right.type), right];
  if (right.type === "bool" || (right.type === "string" && isNumber(left.type)))
    return [left, convert(right, left.type)];
  if (left.type === "decimal") return [convert(left, "real"), right];
  if (right.type === "decimal") return [left, convert(right, "real")];
  return [left, right];
}

const isNumber = (type: KqlType): boolean => type === "long" || type === "int" || type === "real";
const isTemporal = (type: KqlType): boolean => type === "datetime" || type === "timespan";

/** `and` and `or`: what is known already decides. */
export function both(kind: "and" | "or", left: Scalar, right: Scalar): Scalar {
  const decides = kind === "or";
  return over("bool", [left, right], (row) => {
    const one = left.run(row);
    if (one === decides) return decides;
    const other = right.run(row);
    if (other === decides) return decides;
    return one === null || other === null ? null : !decides;
  });
}

export function between(value: Scalar, low: Scalar, high: Scalar, negated: boolean): Scalar {
  // `between (start .. 1d)` means a span from the start.
  const end =
    value.type === "datetime" && high.type === "timespan"
      ? over("datetime", [low, high], (row) => sum(low.run(row), high.run(row)))
      : high;
  const inside = both(
    "and",
    compare("GreaterThanOrEqualExpression", value, low),
    compare("LessThanOrEqualExpression", value, end),
  );
  return negated
    ? over("bool", [inside], (row) => negate(inside.run(row) as boolean | null))
    : inside;
}

const sum = (one: unknown, other: unknown): bigint | null =>
  typeof one === "bigint" && typeof other === "bigint" ? one + other : null;

/** The words of the string operators by node kind, `HasExpression` → `has`; `!` and `_cs` are in the name as well. */
export function stringOperator(node: KqlNode, left: Scalar, right: Scalar): Scalar | undefined {
  if (node.kind === "MatchesRegexExpression") return regexMatch(asText(left), asText(right));
  if (node.kind === "EqualTildeExpression") return textTest("equals", left, right, false, false);
  if (node.kind === "BangTildeExpression") return textTest("equals", left, right, false, true);
  const [, negated, word, exact] =
    /^(Not)?(Has|HasPrefix|HasSuffix|Contains|StartsWith|EndsWith)(Cs)?Expression$/.exec(
      node.kind,
    ) ?? [];
  return word === undefined
    ? undefined
    : textTest(word.toLowerCase(), left, right, exact !== undefined, negated !== undefined);
}

function textTest(
  word: string,
  left: Scalar,
  right: Scalar,
  exact: boolean,
  negated: boolean,
): Scalar {
  const [text, pattern] = [asText(left), asText(right)];
  if (pattern.constant) {
    const match = kept(() => matcherOf(word, pattern.run([]), exact));
    return over("bool", [text, pattern], (row) => match()(text.run(row)) !== negated);
  }
  return over(
    "bool",
    [text, pattern],
    (row) => matcherOf(word, pattern.run(row), exact)(text.run(row)) !== negated,
  );
}

/** Computes once, at first use. */
export function kept<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function regexMatch(text: TextScalar, pattern: TextScalar): Scalar {
  return over("bool", [text, pattern], (row) => mustRegex(pattern.run(row)).test(text.run(row)));
}

/** The pattern's expression; the service refuses a query with a bad one. */
export function mustRegex(pattern: string, flags = ""): RegExp {
  const regex = regexOf(pattern, flags);
  if (regex === undefined)
    throw new QueryError(
      "semantic",
      `The query has a semantic error: Invalid regex pattern: '${pattern}'. Fix semantic errors in your query.`,
    );
  return regex;
}

/** `in`, `in~`, `!in`, `!in~`: a list, an array, or the first column of a subquery. */
export function membership(node: KqlNode, left: Scalar, scope: Scope): Scalar {
  const negated = node.kind.startsWith("NotIn");
  const folded = node.children.some(({ isToken, text }) => isToken && text.endsWith("~"));
  const key = keyFor(left.type, folded);
  const values = listOf(node, scope);
  const set = values.constant
    ? kept(() => keySet(values.run([]) as readonly unknown[], key))
    : undefined;
  return over("bool", [left, values], (row) => {
    const members = set ? set() : keySet(values.run(row) as readonly unknown[], key);
    return members.has(key(left.run(row) ?? null)) !== negated;
  });
}

const keySet = (
  values: readonly unknown[],
  key: (value: unknown) => unknown,
): ReadonlySet<unknown> => new Set(values.map(key));

/** Numbers of any type meet as numbers; an array's values are texts where the left side is text. */
function keyFor(type: KqlType, folded: boolean): (value: unknown) => unknown {
  if (type === "string" || type === "guid")
    return (value) =>
      folded || type === "guid" ? plainText(value).toLowerCase() : plainText(value);
  return (value) => {
    if (typeof value === "string") return folded ? value.toLowerCase() : value;
    return typeof value === "number" && Number.isSafeInteger(value)
      ? BigInt(value)
      : typeof value === "object" && value !== null
        ? jsonText(value)
        : value;
  };
}

const plainText = (value: unknown): string =>
  typeof value === "string" ? value : value === null ? "" : jsonText(value);

/** `has_any` and `has_all`, without regard to case. */
export function hasWords(node: KqlNode, left: Scalar, scope: Scope): Scalar {
  const text = asText(left);
  const words = listOf(node, scope);
  const all = node.kind === "HasAllExpression";
  const matchersOf = (row: Row): readonly Matcher[] =>
    (words.run(row) as readonly unknown[]).map((word) =>
      matcherOf("has", plainText(word).toLowerCase(), true),
    );
  const fixed = words.constant ? kept(() => matchersOf([])) : undefined;
  return over("bool", [text, words], (row) => {
    const matchers = fixed ? fixed() : matchersOf(row);
    const lower = text.run(row).toLowerCase();
    return all ? matchers.every((match) => match(lower)) : matchers.some((match) => match(lower));
  });
}

/** The right side of a membership test as one array. */
function listOf(node: KqlNode, scope: Scope): Scalar {
  const right = childAt(node, "Right");
  const nodes = right ? elements(childAt(right, "Expressions") ?? right) : [];
  const parts = nodes.map((part) =>
    scope.compile.isTable(part, scope)
      ? firstColumn(part, scope)
      : scope.compile.scalar(part, scope),
  );
  const flat = (row: Row): readonly unknown[] =>
    parts.flatMap(({ run, type }) => {
      const value = run(row);
      return type === "dynamic" && Array.isArray(value)
        ? (value as readonly unknown[])
        : [value ?? null];
    });
  return over("dynamic", parts, flat);
}

function firstColumn(node: KqlNode, scope: Scope): Scalar {
  const table = scope.compile.table(node, scope);
  return lazily("dynamic", () => Array.from(table.rows(), (row): unknown => row[0] ?? null).flat());
}
