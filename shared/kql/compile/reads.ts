/** Which tables a query reads, where, and how each place can be restricted in time. */
import { argumentsOf, calledName, operatorParameter } from "../language/statements.ts";
import { walk, type KqlNode } from "../language/parser.ts";
import { declaredNames } from "../language/scope.ts";
import { tables } from "../language/schema.ts";

/** One place where a table is read. */
export interface TableRead {
  readonly table: string;
  /** The expression that stands for the table. */
  readonly node: KqlNode;
  /**
   * `shadow`: a `let` of the table's name reaches it. `in-place`: only a restriction where it stands does, because the
   * query uses the name for something of its own or asks by `table("…")`. `never`: neither, see `why`.
   */
  readonly restrict: "shadow" | "in-place" | "never";
  readonly why: string;
}

/** Every read of a table of the service, in the order of the text. */
export function tableReads(root: KqlNode): readonly TableRead[] {
  const own = declaredNames(root);
  return [...walk(root)].flatMap((node) => readsAt(node, own));
}

function readsAt(node: KqlNode, own: ReadonlySet<string>): readonly TableRead[] {
  if (node.kind === "FindOperator" || node.kind === "SearchOperator") return everyTable(node);
  if (node.kind === "FunctionCallExpression" && calledName(node) === "table") return byCall(node);
  if (node.kind !== "NameReference" || node.role === "Name") return [];
  if (node.symbol?.kind === "Group") return byWildcard(node);
  if (node.symbol?.kind !== "Table" || !node.symbol.ofService) return [];
  const never = reachedByName(node);
  if (never !== undefined)
    return [{ table: node.symbol.name, node, restrict: "never", why: never }];
  return [byName(node, node.symbol.name, own)];
}

function byName(node: KqlNode, table: string, own: ReadonlySet<string>): TableRead {
  const path = node.parent?.kind === "PathExpression" ? node.parent : undefined;
  const inPlace = own.has(table) || path !== undefined;
  return { table, node: path ?? node, restrict: inPlace ? "in-place" : "shadow", why: "" };
}

const byCall = (node: KqlNode): readonly TableRead[] => {
  const table = argumentsOf(node)[0]?.children.find((child) => child.isToken)?.value ?? "";
  return table in tables ? [{ table, node, restrict: "in-place", why: "" }] : [];
};

/** Only tables and views answer to a wildcard, so a plain `let` of the same name is passed over. */
const byWildcard = (node: KqlNode): readonly TableRead[] =>
  (node.symbol?.members ?? [])
    .filter((member) => member in tables)
    .map((table) => ({
      table,
      node,
      restrict: "never",
      why: `it names tables by the wildcard ${node.text}`,
    }));

function everyTable(node: KqlNode): readonly TableRead[] {
  const isPiped = node.role === "Operator";
  if (isPiped || node.children.some((child) => child.role === "InClause")) return [];
  const why = `${node.kind === "FindOperator" ? "find" : "search"} without a list reads every table`;
  return Object.keys(tables).map((table) => ({ table, node, restrict: "never", why }));
}

/** `find in (…)`, `search in (…)` and `union withsource=…` need the table itself: its name becomes a value of the rows. */
function reachedByName(node: KqlNode): string | undefined {
  for (let above = node.parent; above; above = above.parent) {
    if (above.kind === "FindInClause") return "find and search name their tables in the result";
    if (above.kind === "UnionOperator")
      return withSource(above) ? "union withsource= names its tables in the result" : undefined;
    if (!["List", "SeparatedElement", "ParenthesizedExpression"].includes(above.kind))
      return undefined;
  }
  return undefined;
}

const withSource = (union: KqlNode): boolean =>
  operatorParameter(union, "withsource") !== undefined ||
  operatorParameter(union, "with_source") !== undefined;

/** The tables read, each once, in the order they appear. */
export const tableNames = (reads: readonly TableRead[]): readonly string[] => [
  ...new Set(reads.map(({ table }) => table)),
];
