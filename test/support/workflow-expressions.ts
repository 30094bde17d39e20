/** Expressions of the Workflow Definition Language, as far as the samples use them. What is not known is an error. */

/** What an expression may ask for: `body`, `outputs`, `triggerBody` and their kin, by name. */
export type Lookups = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const listOf = (value: unknown): unknown[] => {
  if (!Array.isArray(value)) throw new Error(`want an array, have ${JSON.stringify(value)}`);
  return value as unknown[];
};

const shown = (value: unknown): string => {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
};

const functions: Lookups = {
  coalesce: (...values) => values.find((value) => value !== null && value !== undefined) ?? null,
  concat: (...values) => values.map(shown).join(""),
  contains: (inside, value) =>
    typeof inside === "string" ? inside.includes(shown(value)) : listOf(inside).includes(value),
  createArray: (...values) => values,
  empty: (value) =>
    value === null ||
    value === undefined ||
    (isObject(value) ? Object.keys(value).length === 0 : value === ""),
  equals: (one, other) => one === other,
  first: (list) => listOf(list)[0] ?? null,
  greater: (one, other) => Number(one) > Number(other),
  if: (condition, yes, no) => (condition === true ? yes : no),
  join: (list, by) => listOf(list).map(shown).join(shown(by)),
  length: (value) => (typeof value === "string" ? value : listOf(value)).length,
  not: (value) => value !== true,
  take: (value, count) =>
    (typeof value === "string" ? value : listOf(value)).slice(0, Number(count)),
  toLower: (value) => shown(value).toLowerCase(),
  union: (...objects) => Object.assign({}, ...(objects as object[])) as object,
};

const constants: Readonly<Record<string, unknown>> = { null: null, true: true, false: false };

/** One expression without its `@`. @throws Error where it cannot be read, or reads past what is null without a `?` */
export function evaluated(text: string, lookups: Lookups): unknown {
  let at = 0;
  const fail = (wanted: string): never => {
    throw new Error(`want ${wanted} at ${at} of ${text}`);
  };
  const match = (pattern: RegExp): string | undefined => {
    const sticky = new RegExp(pattern.source, "y");
    sticky.lastIndex = at;
    const found = sticky.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const need = (pattern: RegExp): string => match(pattern) ?? fail(pattern.source);
  const blank = (): void => void match(/\s*/);

  function primary(): unknown {
    blank();
    const quoted = match(/'(?:[^']|'')*'/);
    if (quoted !== undefined) return quoted.slice(1, -1).replaceAll("''", "'");
    const number = match(/-?\d+(?:\.\d+)?/);
    if (number !== undefined) return Number(number);
    const name = need(/[A-Za-z]\w*/);
    if (match(/\(/) === undefined)
      return Object.hasOwn(constants, name) ? constants[name] : fail("a function");
    const args: unknown[] = [];
    for (blank(); match(/\)/) === undefined; blank()) {
      if (args.length > 0) need(/,/);
      args.push(expression());
    }
    return (lookups[name] ?? functions[name] ?? fail(`a known function, not ${name},`))(...args);
  }

  function expression(): unknown {
    let value = primary();
    for (let link = match(/\??\[/); link !== undefined; link = match(/\??\[/)) {
      const key = expression();
      need(/\]/);
      if (!isObject(value)) {
        if (link === "[") fail(`an object before ${String(key)}`);
        value = null;
      } else value = value[String(key)] ?? null;
    }
    blank();
    return value;
  }

  const value = expression();
  if (at < text.length) fail("the end");
  return value;
}

const template = /@\{((?:[^{}']|'[^']*')*)\}/g;

/** A value of a definition with every expression in it worked out. */
export function worked(value: unknown, lookups: Lookups): unknown {
  if (typeof value === "string") {
    if (/^@[^{@]/.test(value)) return evaluated(value.slice(1), lookups);
    return value.replaceAll(template, (_, inner: string) => shown(evaluated(inner, lookups)));
  }
  if (Array.isArray(value)) return value.map((each) => worked(each, lookups));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, worked(each, lookups)]),
  );
}
