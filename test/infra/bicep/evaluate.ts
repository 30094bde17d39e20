/**
 * Evaluates Bicep expressions as far as they are known before a deployment. Other values are
 * readable text: `guid(a, b)`, `environment().suffixes.storage`,
 * `Microsoft.Web/sites/func-x#properties.defaultHostName`.
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

/** The values of names, and the functions of the file and its folder. */
export interface Scope {
  readonly lookUp: (name: string) => Value | undefined;
  readonly call: (name: string, args: readonly Value[]) => Value | undefined;
}

export function evaluateExpression(node: Expression, scope: Scope): Value {
  switch (node.kind) {
    case "literal":
      return node.value;
    case "text":
      return node.parts
        .map((part) => (typeof part === "string" ? part : toText(evaluateExpression(part, scope))))
        .join("");
    case "object":
      return Object.fromEntries(
        node.entries.map(([key, value]) => [
          toText(evaluateExpression(key, scope)),
          evaluateExpression(value, scope),
        ]),
      );
    case "array":
      return node.items.map((item) => evaluateExpression(item, scope));
    case "for":
      return listOf(evaluateExpression(node.list, scope)).map((item, index) =>
        evaluateExpression(
          node.body,
          createInnerScope(scope, {
            [node.item]: item,
            ...(node.index === undefined ? {} : { [node.index]: index }),
          }),
        ),
      );
    case "when":
      return evaluateExpression(node.body, scope);
    case "name":
      return lookUpName(node.name, scope);
    case "member":
      return memberOf(
        evaluateExpression(node.of, scope),
        node.nested ? `::${node.name}` : node.name,
      );
    case "index":
      return elementOf(evaluateExpression(node.of, scope), evaluateExpression(node.at, scope));
    case "call":
      return evaluateCall(node.name, node.args, scope);
    case "lambda":
      throw new Error("a lambda stands only in a call");
    case "not":
      return evaluateExpression(node.of, scope) !== true;
    case "binary":
      return applyOperator(node.operator, evaluateExpression(node.left, scope), () =>
        evaluateExpression(node.right, scope),
      );
    case "choose":
      return evaluateExpression(
        evaluateExpression(node.condition, scope) === true ? node.yes : node.no,
        scope,
      );
  }
}

function lookUpName(name: string, scope: Scope): Value {
  const value = scope.lookUp(name);
  if (value === undefined) throw new Error(`nothing is called ${name}`);
  return value;
}

export const createInnerScope = (scope: Scope, names: Fields): Scope => ({
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

/** Formats a value for an interpolation. */
export function toText(value: Value): string {
  if (value instanceof Handle) return value.address;
  return typeof value === "object" && value !== null
    ? JSON.stringify(toPlain(value))
    : String(value);
}

/** Replaces handles by their values. */
export function toPlain(value: Value): unknown {
  if (value instanceof Handle) return value.address;
  if (Array.isArray(value)) return value.map((each: Value) => toPlain(each));
  if (isFields(value))
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toPlain(each)]));
  return value;
}

function memberOf(target: Value, name: string): Value {
  if (target instanceof Handle) return target.member(name);
  if (isFields(target)) return target[name] ?? null;
  // Text has no members: this one is a value that only Azure knows.
  return target === null ? null : `${toText(target)}.${name}`;
}

function elementOf(target: Value, at: Value): Value {
  if (Array.isArray(target)) return (target as readonly Value[])[Number(at)] ?? null;
  return memberOf(target, toText(at));
}

function applyOperator(operator: string, left: Value, right: () => Value): Value {
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

function evaluateCall(name: string, args: readonly Expression[], scope: Scope): Value {
  const [first, second] = args;
  if ((name === "map" || name === "filter") && first && second?.kind === "lambda") {
    const items = listOf(evaluateExpression(first, scope));
    const applyToItem = (item: Value): Value => applyLambda(second, [item], scope);
    return name === "map"
      ? items.map(applyToItem)
      : items.filter((item) => applyToItem(item) === true);
  }
  const values = args.map((each) => evaluateExpression(each, scope));
  return scope.call(name, values) ?? builtIns[name]?.(...values) ?? toOpaqueText(name, values);
}

export const applyLambda = (lambda: Lambda, args: readonly Value[], scope: Scope): Value =>
  evaluateExpression(
    lambda.body,
    createInnerScope(
      scope,
      Object.fromEntries(lambda.params.map((param, i) => [param, args[i] ?? null])),
    ),
  );

const toOpaqueText = (name: string, values: readonly Value[]): string =>
  `${name}(${values.map(toText).join(", ")})`;

const isEmpty = (value: Value | undefined): boolean =>
  value === null ||
  value === "" ||
  (typeof value === "object" && !(value instanceof Handle) && Object.keys(value).length === 0);

const builtIns: Readonly<Record<string, (...args: readonly Value[]) => Value>> = {
  concat: (...lists) => lists.flatMap((list) => listOf(list)),
  empty: (value) => isEmpty(value),
  join: (list, by) =>
    listOf(list)
      .map(toText)
      .join(toText(by ?? "")),
  max: (...numbers) => Math.max(...numbers.map(Number)),
  range: (from, count) => Array.from({ length: Number(count) }, (_, i) => Number(from) + i),
  replace: (text, from, to) => toText(text ?? "").replaceAll(toText(from ?? ""), toText(to ?? "")),
  string: (value) => toText(value ?? ""),
  take: (text, count) => toText(text ?? "").slice(0, Number(count)),
  toLower: (text) => toText(text ?? "").toLowerCase(),
  // 13 characters, as in Azure.
  uniqueString: () => "abcdefghijklm",
  union: (...objects) => Object.assign({}, ...objects.map((each) => each)) as Fields,
};
