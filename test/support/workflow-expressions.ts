/**
 * Evaluates expressions of the Workflow Definition Language, as far as the samples use them.
 * Unknown parts are errors.
 */

/** Functions that an expression may call, by name: `body`, `outputs`, `triggerBody` and others. */
export type Lookups = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const toArray = (value: unknown): unknown[] => {
  if (!Array.isArray(value)) throw new Error(`want an array, have ${JSON.stringify(value)}`);
  return value as unknown[];
};

const toText = (value: unknown): string => {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
};

const builtIns: Lookups = {
  coalesce: (...values) => values.find((value) => value !== null && value !== undefined) ?? null,
  concat: (...values) => values.map(toText).join(""),
  contains: (inside, value) =>
    typeof inside === "string" ? inside.includes(toText(value)) : toArray(inside).includes(value),
  createArray: (...values) => values,
  empty: (value) =>
    value === null ||
    value === undefined ||
    (isObject(value) ? Object.keys(value).length === 0 : value === ""),
  equals: (one, other) => one === other,
  first: (list) => toArray(list)[0] ?? null,
  greater: (one, other) => Number(one) > Number(other),
  if: (condition, yes, no) => (condition === true ? yes : no),
  join: (list, by) => toArray(list).map(toText).join(toText(by)),
  length: (value) => (typeof value === "string" ? value : toArray(value)).length,
  not: (value) => value !== true,
  take: (value, count) =>
    (typeof value === "string" ? value : toArray(value)).slice(0, Number(count)),
  toLower: (value) => toText(value).toLowerCase(),
  union: (...objects) => Object.assign({}, ...(objects as object[])) as object,
};

const constants: Readonly<Record<string, unknown>> = { null: null, true: true, false: false };

/**
 * Evaluates one expression without its `@`. @throws Error if it is invalid, or if it reads a member
 * of null without `?`
 */
export function evaluateExpression(text: string, lookups: Lookups): unknown {
  let at = 0;
  const throwExpected = (expected: string): never => {
    throw new Error(`want ${expected} at ${at} of ${text}`);
  };
  const matchPattern = (pattern: RegExp): string | undefined => {
    const sticky = new RegExp(pattern.source, "y");
    sticky.lastIndex = at;
    const matched = sticky.exec(text)?.[0];
    if (matched !== undefined) at += matched.length;
    return matched;
  };
  const requirePattern = (pattern: RegExp): string =>
    matchPattern(pattern) ?? throwExpected(pattern.source);
  const skipBlanks = (): void => void matchPattern(/\s*/);

  function parsePrimary(): unknown {
    skipBlanks();
    const quoted = matchPattern(/'(?:[^']|'')*'/);
    if (quoted !== undefined) return quoted.slice(1, -1).replaceAll("''", "'");
    const number = matchPattern(/-?\d+(?:\.\d+)?/);
    if (number !== undefined) return Number(number);
    const name = requirePattern(/[A-Za-z]\w*/);
    if (matchPattern(/\(/) === undefined)
      return Object.hasOwn(constants, name) ? constants[name] : throwExpected("a function");
    const args: unknown[] = [];
    for (skipBlanks(); matchPattern(/\)/) === undefined; skipBlanks()) {
      if (args.length > 0) requirePattern(/,/);
      args.push(parseExpression());
    }
    return (lookups[name] ?? builtIns[name] ?? throwExpected(`a known function, not ${name},`))(
      ...args,
    );
  }

  function parseExpression(): unknown {
    let value = parsePrimary();
    for (let link = matchPattern(/\??\[/); link !== undefined; link = matchPattern(/\??\[/)) {
      const key = parseExpression();
      requirePattern(/\]/);
      if (!isObject(value)) {
        if (link === "[") throwExpected(`an object before ${String(key)}`);
        value = null;
      } else value = value[String(key)] ?? null;
    }
    skipBlanks();
    return value;
  }

  const value = parseExpression();
  if (at < text.length) throwExpected("the end");
  return value;
}

const expressionPattern = /@\{((?:[^{}']|'[^']*')*)\}/g;

/** Returns a value of a definition with every expression evaluated. */
export function resolveValue(value: unknown, lookups: Lookups): unknown {
  if (typeof value === "string") {
    if (/^@[^{@]/.test(value)) return evaluateExpression(value.slice(1), lookups);
    return value.replaceAll(expressionPattern, (_, inner: string) =>
      toText(evaluateExpression(inner, lookups)),
    );
  }
  if (Array.isArray(value)) return value.map((each) => resolveValue(each, lookups));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, resolveValue(each, lookups)]),
  );
}
