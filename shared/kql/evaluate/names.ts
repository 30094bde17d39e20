/** Column names: as written, and those that the service derives from expressions. */
import { childAt, listElements, type KqlNode } from "../language/parser.ts";
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";

/**
 * The name in a `NameReference`, a `NameDeclaration` or a part of one; brackets and quotes taken
 * off.
 */
export function readName(node: KqlNode): string {
  if (node.isToken) return node.value ?? node.text;
  if (node.kind === "BracketedName")
    return childAt(node, "Name")?.children.map(readName).join("") ?? node.text;
  const inner = childAt(node, "Name") ?? childAt(node, "Pattern") ?? childAt(node, "Token");
  return inner === undefined ? node.text : readName(inner);
}

/** Functions whose result column has the name of their first argument. */
const firstArgumentFunctions = new Set(
  `split tostring tohex todynamic toobject tolong toint toreal todouble todatetime totimespan
    totime tobool toboolean todecimal toguid parse_csv parsejson parse_json parse_xml
    format_datetime format_timespan startofday bin floor bin_at bin_auto binary_and binary_or
    binary_xor binary_not binary_shift_right binary_shift_left bitset_count_ones round ceiling
    pow sqrt log log2 log10 exp exp2 exp10 cos sin tan acos asin atan atan2 abs rand gamma
    format_bytes column_ifexists columnifexists take_anyif binary_all_or binary_all_and
    make_datetime make_timespan`.split(/\s+/),
);

/**
 * Functions whose result is called by a word of their own and their first argument: `count_`,
 * `dcount_X`.
 */
const namePrefixes: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    `sum sumif cnt count countif dcount dcountif min minif max maxif avg avgif stdev stdevif
    stdevp variance varianceif variancep any anyif count_distinct count_distinctif repeat`
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

/** Returns the name of an expression's column; `undefined` if the service numbers it. */
export function inferResultName(node: KqlNode): string | undefined {
  switch (node.kind) {
    case "SimpleNamedExpression":
    case "NameReference":
      return readName(node);
    case "ParenthesizedExpression":
    case "OrderedExpression":
    case "MvExpandExpression":
    case "MvApplyExpression":
      return inferOptionalName(childAt(node, "Expression"));
    case "PathExpression":
      return inferPathName(node);
    case "ElementExpression":
      return inferElementName(node);
    case "FunctionCallExpression":
      return inferCallName(node);
    default:
      return undefined;
  }
}

const inferOptionalName = (node: KqlNode | undefined): string | undefined =>
  node && inferResultName(node);

function inferPathName(node: KqlNode): string | undefined {
  const [base, selector] = [childAt(node, "Expression"), childAt(node, "Selector")];
  if (base?.text.startsWith("$") === true) return selector && readName(selector);
  const outer = inferOptionalName(base);
  return outer === undefined || selector === undefined
    ? undefined
    : `${outer}_${readName(selector)}`;
}

function inferElementName(node: KqlNode): string | undefined {
  const outer = inferOptionalName(childAt(node, "Expression"));
  const key = childAt(node, "Selector") ?? node.children.at(-1);
  const token = key?.children.find(({ kind }) => kind.endsWith("LiteralExpression"))?.children[0];
  return outer === undefined || token === undefined
    ? undefined
    : `${outer}_${token.value ?? token.text}`;
}

function inferCallName(node: KqlNode): string | undefined {
  const name = childAt(node, "Name")?.text ?? "";
  const first = argumentsOf(node)[0];
  if (firstArgumentFunctions.has(name)) return inferOptionalName(first);
  const prefix = namePrefixes[name];
  return prefix === undefined ? undefined : `${prefix}_${inferOptionalName(first) ?? ""}`;
}

/** Arguments of a call, in order. */
export function argumentsOf(call: KqlNode): readonly KqlNode[] {
  const list = childAt(call, "ArgumentList");
  return list ? listElements(childAt(list, "Expressions")) : [];
}

/** Returns a name that no column has: `x`, `x1`, `x2` … */
export function chooseFreeName(
  existingColumns: readonly HuntColumn[],
  requestedName: string,
): string {
  let name = requestedName;
  for (let count = 1; existingColumns.some((column) => column.name === name); count += 1)
    name = `${requestedName}${count}`;
  return name;
}

/** Tests a name against `Prefix*` and the like. */
export function createNameMatcher(pattern: string): (name: string) => boolean {
  if (!pattern.includes("*")) return (name) => name === pattern;
  const parts = pattern
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  const regex = new RegExp(`^${parts.join(".*")}$`, "i");
  return (name) => regex.test(name);
}
