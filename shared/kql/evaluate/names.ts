/** Names: as written, and the ones the service makes up for expressions without one. */
import { childAt, elements, type KqlNode } from "../language/parser.ts";
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";

/** The name in a `NameReference`, a `NameDeclaration` or a part of one; brackets and quotes taken off. */
export function simpleName(node: KqlNode): string {
  if (node.isToken) return node.value ?? node.text;
  if (node.kind === "BracketedName")
    return childAt(node, "Name")?.children.map(simpleName).join("") ?? node.text;
  const inner = childAt(node, "Name") ?? childAt(node, "Pattern") ?? childAt(node, "Token");
  return inner === undefined ? node.text : simpleName(inner);
}

/** Functions whose result is called like their first argument. */
const firstArgument = new Set(
  `split tostring tohex todynamic toobject tolong toint toreal todouble todatetime totimespan totime tobool toboolean
  todecimal toguid parse_csv parsejson parse_json parse_xml format_datetime format_timespan startofday bin floor bin_at
  bin_auto binary_and binary_or binary_xor binary_not binary_shift_right binary_shift_left bitset_count_ones round
  ceiling pow sqrt log log2 log10 exp exp2 exp10 cos sin tan acos asin atan atan2 abs rand gamma format_bytes
  column_ifexists columnifexists take_anyif binary_all_or binary_all_and make_datetime make_timespan`.split(
    /\s+/,
  ),
);

/** Functions whose result is called by a word of their own and their first argument: `count_`, `dcount_DeviceId`. */
const prefixes: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    `sum sumif cnt count countif dcount dcountif min minif max maxif avg avgif stdev stdevif stdevp variance varianceif
    variancep any anyif count_distinct count_distinctif repeat`
      .split(/\s+/)
      .map((name) => [name, name]),
  ),
  makelist: "list",
  makeset: "set",
  make_list: "list",
  make_list_if: "list",
  make_list_with_nulls: "list",
  make_set: "set",
  make_set_if: "set",
  make_bag: "bag",
  make_bag_if: "bag",
  gettype: "type",
};

/** Name of a column that an expression makes, or `undefined` where the service would number it. */
export function resultName(node: KqlNode): string | undefined {
  switch (node.kind) {
    case "SimpleNamedExpression":
    case "NameReference":
      return simpleName(node);
    case "ParenthesizedExpression":
    case "OrderedExpression":
    case "MvExpandExpression":
    case "MvApplyExpression":
      return named(childAt(node, "Expression"));
    case "PathExpression":
      return pathName(node);
    case "ElementExpression":
      return elementName(node);
    case "FunctionCallExpression":
      return callName(node);
    default:
      return undefined;
  }
}

const named = (node: KqlNode | undefined): string | undefined => node && resultName(node);

function pathName(node: KqlNode): string | undefined {
  const [base, selector] = [childAt(node, "Expression"), childAt(node, "Selector")];
  if (base?.text.startsWith("$") === true) return selector && simpleName(selector);
  const outer = named(base);
  return outer === undefined || selector === undefined
    ? undefined
    : `${outer}_${simpleName(selector)}`;
}

function elementName(node: KqlNode): string | undefined {
  const outer = named(childAt(node, "Expression"));
  const key = childAt(node, "Selector") ?? node.children.at(-1);
  const token = key?.children.find(({ kind }) => kind.endsWith("LiteralExpression"))?.children[0];
  return outer === undefined || token === undefined
    ? undefined
    : `${outer}_${token.value ?? token.text}`;
}

function callName(node: KqlNode): string | undefined {
  const name = childAt(node, "Name")?.text ?? "";
  const first = argumentsOf(node)[0];
  if (firstArgument.has(name)) return named(first);
  const prefix = prefixes[name];
  return prefix === undefined ? undefined : `${prefix}_${named(first) ?? ""}`;
}

/** Arguments of a call, in order. */
export function argumentsOf(call: KqlNode): readonly KqlNode[] {
  const list = childAt(call, "ArgumentList");
  return list ? elements(childAt(list, "Expressions")) : [];
}

/** A name that is not among those taken: `x`, `x1`, `x2` … */
export function freeName(taken: readonly HuntColumn[], wanted: string): string {
  let name = wanted;
  for (let count = 1; taken.some((column) => column.name === name); count += 1)
    name = `${wanted}${count}`;
  return name;
}

/** Tests a name against `Prefix*` and the like. */
export function wildcard(pattern: string): (name: string) => boolean {
  if (!pattern.includes("*")) return (name) => name === pattern;
  const parts = pattern
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  const form = new RegExp(`^${parts.join(".*")}$`, "i");
  return (name) => form.test(name);
}
