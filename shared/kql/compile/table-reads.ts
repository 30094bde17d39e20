/** Finds which tables a query reads, where, and how each read can be restricted in time. */
import { argumentsOf, calleeNameOf, readOperatorParameter } from "../language/statements.ts";
import { walkTree, type KqlNode } from "../language/parser.ts";
import { findDeclaredNames } from "../language/scope.ts";
import type { QuerySchema } from "../language/schema.ts";

/** One read of a table. */
export interface TableRead {
  readonly table: string;
  /** The expression that names the table. */
  readonly node: KqlNode;
  /**
   * `shadow`: a `let` with the table's name restricts it. `inPlace`: only a restriction at the read
   * itself does, because the query declares the name or reads by `table("…")`. `never`: neither,
   * see `reason`.
   */
  readonly restrict: "shadow" | "inPlace" | "never";
  readonly reason: string;
}

/** Returns every read of a service table, in the order of the text. */
export function findTableReads(root: KqlNode, schema: QuerySchema): readonly TableRead[] {
  const declaredNames = findDeclaredNames(root);
  return [...walkTree(root)].flatMap((node) => findReadsAt(node, declaredNames, schema));
}

function findReadsAt(
  node: KqlNode,
  declaredNames: ReadonlySet<string>,
  schema: QuerySchema,
): readonly TableRead[] {
  if (node.kind === "FindOperator" || node.kind === "SearchOperator")
    return listAllTableReads(node, schema);
  if (node.kind === "FunctionCallExpression" && calleeNameOf(node) === "table")
    return findCallReads(node, schema);
  return node.kind === "NameReference" && node.role !== "Name"
    ? findNameReads(node, declaredNames, schema)
    : [];
}

function findNameReads(
  node: KqlNode,
  declaredNames: ReadonlySet<string>,
  schema: QuerySchema,
): readonly TableRead[] {
  if (node.symbol?.kind === "Group") return findWildcardReads(node, schema);
  if (node.symbol?.kind !== "Table" || !node.symbol.isServiceSymbol) return [];
  const neverReason = findByNameReason(node);
  if (neverReason !== undefined)
    return [{ table: node.symbol.name, node, restrict: "never", reason: neverReason }];
  return [createNameRead(node, node.symbol.name, declaredNames)];
}

function createNameRead(
  node: KqlNode,
  table: string,
  declaredNames: ReadonlySet<string>,
): TableRead {
  const path = node.parent?.kind === "PathExpression" ? node.parent : undefined;
  const isInPlace = declaredNames.has(table) || path !== undefined;
  return { table, node: path ?? node, restrict: isInPlace ? "inPlace" : "shadow", reason: "" };
}

const findCallReads = (node: KqlNode, { tables }: QuerySchema): readonly TableRead[] => {
  const table = argumentsOf(node)[0]?.children.find((child) => child.isToken)?.value ?? "";
  return table in tables ? [{ table, node, restrict: "inPlace", reason: "" }] : [];
};

/** A wildcard matches tables and views only, not a plain `let` of the same name. */
const findWildcardReads = (node: KqlNode, { tables }: QuerySchema): readonly TableRead[] =>
  (node.symbol?.members ?? [])
    .filter((member) => member in tables)
    .map((table) => ({
      table,
      node,
      restrict: "never",
      reason: `it names tables by the wildcard ${node.text}`,
    }));

function listAllTableReads(node: KqlNode, { tables }: QuerySchema): readonly TableRead[] {
  const isPiped = node.role === "Operator";
  if (isPiped || node.children.some((child) => child.role === "InClause")) return [];
  const operator = node.kind === "FindOperator" ? "find" : "search";
  const reason = `${operator} without a list reads every table`;
  return Object.keys(tables).map((table) => ({ table, node, restrict: "never", reason }));
}

/** `find in (…)`, `search in (…)` and `union withsource=…` write the table's name into the rows. */
function findByNameReason(node: KqlNode): string | undefined {
  for (let above = node.parent; above; above = above.parent) {
    if (above.kind === "FindInClause") return "find and search name their tables in the result";
    if (above.kind === "UnionOperator")
      return hasSourceColumn(above)
        ? "union withsource= names its tables in the result"
        : undefined;
    if (!["List", "SeparatedElement", "ParenthesizedExpression"].includes(above.kind))
      return undefined;
  }
  return undefined;
}

const hasSourceColumn = (union: KqlNode): boolean =>
  readOperatorParameter(union, "withsource") !== undefined ||
  readOperatorParameter(union, "with_source") !== undefined;

/** Returns the tables read, each once, in the order of the text. */
export const listTableNames = (reads: readonly TableRead[]): readonly string[] => [
  ...new Set(reads.map(({ table }) => table)),
];
