/**
 * Works out Bicep expressions as far as they are known before a deployment. What only Azure knows stays readable
 * text: `guid(a, b)`, `environment().suffixes.storage`, `Microsoft.Web/sites/func-x#properties.defaultHostName`.
 */
import type { Expression, Lambda } from "./syntax.ts";

export type Value = string | number | boolean | null | readonly Value[] | Fields | Handle;
export interface Fields {
  readonly [name: string]: Value;
}

/** A resource or module that an expression names. */
export class Handle {
  /** `Microsoft.Storage/storageAccounts/blobServices/default`-like: type and full name. */
  readonly address: string;
  readonly member: (name: string) => Value;

  constructor(address: string, member: (name: string) => Value) {
    this.address = address;
    this.member = member;
  }
}

/** What names stand for, and the functions that the file itself or its folder gives. */
export interface Scope {
  readonly lookUp: (name: string) => Value | undefined;
  readonly call: (name: string, args: readonly Value[]) => Value | undefined;
}

export function evaluate(node: Expression, scope: Scope): Value {
  switch (node.kind) {
    case "literal":
      return node.value;
    case "text":
      return node.parts
        .map((part) => (typeof part === "string" ? part : shown(evaluate(part, scope))))
        .join("");
    case "object":
      return Object.fromEntries(
        node.entries.map(([key, value]) => [shown(evaluate(key, scope)), evaluate(value, scope)]),
      );
    case "array":
      return node.items.map((item) => evaluate(item, scope));
    case "for":
      return listOf(evaluate(node.list, scope)).map((item, index) =>
        evaluate(
          node.body,
          within(scope, {
            [node.item]: item,
            ...(node.index === undefined ? {} : { [node.index]: index }),
          }),
        ),
      );
    case "when":
      return evaluate(node.body, scope);
    case "name":
      return known(node.name, scope);
    case "member":
      return memberOf(evaluate(node.of, scope), node.nested ? `::${node.name}` : node.name);
    case "index":
      return indexOf(evaluate(node.of, scope), evaluate(node.at, scope));
    case "call":
      return call(node.name, node.args, scope);
    case "lambda":
      throw new Error("a lambda stands only in a call");
    case "not":
      return evaluate(node.of, scope) !== true;
    case "binary":
      return operate(node.operator, evaluate(node.left, scope), () => evaluate(node.right, scope));
    case "choose":
      return evaluate(evaluate(node.condition, scope) === true ? node.yes : node.no, scope);
  }
}

function known(name: string, scope: Scope): Value {
  const value = scope.lookUp(name);
  if (value === undefined) throw new Error(`nothing is called ${name}`);
  return value;
}

export const within = (scope: Scope, names: Fields): Scope => ({
  ...scope,
  lookUp: (name) => (Object.hasOwn(names, name) ? names[name] : scope.lookUp(name)),
});

export const isFields = (value: Value | undefined): value is Fields =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Handle);

export function listOf(value: Value | undefined): readonly Value[] {
  if (Array.isArray(value)) return value as readonly Value[];
  throw new Error(`want a list, have ${JSON.stringify(value)}`);
}

/** Text that an interpolation shows. */
export function shown(value: Value): string {
  if (value instanceof Handle) return value.address;
  return typeof value === "object" && value !== null ? JSON.stringify(plain(value)) : String(value);
}

/** The value without handles: what would be sent. */
export function plain(value: Value): unknown {
  if (value instanceof Handle) return value.address;
  if (Array.isArray(value)) return value.map((each: Value) => plain(each));
  if (isFields(value))
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
  return value;
}

function memberOf(of: Value, name: string): Value {
  if (of instanceof Handle) return of.member(name);
  if (isFields(of)) return of[name] ?? null;
  // Text has no members: this one stands for something that only Azure knows.
  return of === null ? null : `${shown(of)}.${name}`;
}

function indexOf(of: Value, at: Value): Value {
  if (Array.isArray(of)) return (of as readonly Value[])[Number(at)] ?? null;
  return memberOf(of, shown(at));
}

function operate(operator: string, left: Value, right: () => Value): Value {
  switch (operator) {
    case "??":
      return left ?? right();
    case "||":
      return left === true || right() === true;
    case "&&":
      return left === true && right() === true;
    case "==":
      return left === right();
    case "!=":
      return left !== right();
    case ">":
      return Number(left) > Number(right());
    case "<":
      return Number(left) < Number(right());
    case "+":
      return Number(left) + Number(right());
    case "*":
      return Number(left) * Number(right());
    default:
      throw new Error(`the operator ${operator} is not known here`);
  }
}

function call(name: string, args: readonly Expression[], scope: Scope): Value {
  const [first, second] = args;
  if ((name === "map" || name === "filter") && first && second?.kind === "lambda") {
    const items = listOf(evaluate(first, scope));
    const apply = (item: Value): Value => applied(second, [item], scope);
    return name === "map" ? items.map(apply) : items.filter((item) => apply(item) === true);
  }
  const values = args.map((each) => evaluate(each, scope));
  return scope.call(name, values) ?? builtIns[name]?.(...values) ?? opaque(name, values);
}

export const applied = (lambda: Lambda, args: readonly Value[], scope: Scope): Value =>
  evaluate(
    lambda.body,
    within(scope, Object.fromEntries(lambda.params.map((param, i) => [param, args[i] ?? null]))),
  );

const opaque = (name: string, values: readonly Value[]): string =>
  `${name}(${values.map(shown).join(", ")})`;

const isEmpty = (value: Value | undefined): boolean =>
  value === null ||
  value === "" ||
  (typeof value === "object" && !(value instanceof Handle) && Object.keys(value).length === 0);

const builtIns: Readonly<Record<string, (...args: readonly Value[]) => Value>> = {
  concat: (...lists) => lists.flatMap((list) => listOf(list)),
  empty: (value) => isEmpty(value),
  join: (list, by) =>
    listOf(list)
      .map(shown)
      .join(shown(by ?? "")),
  max: (...numbers) => Math.max(...numbers.map(Number)),
  range: (from, count) => Array.from({ length: Number(count) }, (_, i) => Number(from) + i),
  replace: (text, from, to) => shown(text ?? "").replaceAll(shown(from ?? ""), shown(to ?? "")),
  string: (value) => shown(value ?? ""),
  take: (text, count) => shown(text ?? "").slice(0, Number(count)),
  toLower: (text) => shown(text ?? "").toLowerCase(),
  // Thirteen characters, as Azure makes them.
  uniqueString: () => "abcdefghijklm",
  union: (...objects) => Object.assign({}, ...objects.map((each) => each)) as Fields,
};
