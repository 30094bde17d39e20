/** Finds the column names that hold the event's own time in a query. */
import { childAt, walkTree, type KqlNode } from "../language/parser.ts";
import { nameOf } from "../language/scope.ts";
import { stripParentheses } from "../language/statements.ts";
import { findTableTime, type QuerySchema } from "../language/schema.ts";

/**
 * Returns the time column of the tables read (`Timestamp`, `TimeGenerated`), unless the query gives
 * that name to another value, and the names that it gives to that column (`project EventTime =
 * Timestamp`), unless a table has such a column or the query declares the name twice. Tables with
 * different time columns have no common one.
 */
export function findTimeNames(
  root: KqlNode,
  tablesRead: readonly string[],
  schema: QuerySchema,
): ReadonlySet<string> {
  const { tables } = schema;
  const declaredColumns = findDeclaredColumns(root);
  const names = new Set(
    listCommonTimes(tablesRead, schema).filter((time) =>
      declaredColumns.every(({ name, from }) => name !== time || from === time),
    ),
  );
  for (const { name, from } of declaredColumns) {
    const isColumn = tablesRead.some((table) => tables[table]?.[name] !== undefined);
    const isDeclaredOnce = declaredColumns.every(
      (other) => other.name !== name || other.from === from,
    );
    if (from !== undefined && names.has(from) && !isColumn && isDeclaredOnce) names.add(name);
  }
  return names;
}

/** Returns the one time column of the tables that have one; none if they differ. */
function listCommonTimes(tablesRead: readonly string[], schema: QuerySchema): readonly string[] {
  const times = new Set(tablesRead.flatMap((table) => findTableTime(table, schema) ?? []));
  return times.size === 1 ? [...times] : [];
}

/** Returns true for a column in the schema of a function parameter. */
const isInParameterSchema = (declaration: KqlNode): boolean => {
  let node: KqlNode | undefined = declaration;
  for (let depth = 0; depth < 4; depth += 1) node = node?.parent;
  return node?.kind === "SchemaTypeExpression";
};

/** Returns every column name that the query declares, with its source if it only renames one. */
function findDeclaredColumns(
  root: KqlNode,
): readonly { readonly name: string; readonly from: string | undefined }[] {
  return [...walkTree(root)].flatMap((node) => {
    if (node.kind !== "NameDeclaration" || node.symbol?.kind !== "Column") return [];
    if (isInParameterSchema(node)) return [];
    const value =
      node.parent?.kind === "SimpleNamedExpression"
        ? childAt(node.parent, "Expression")
        : undefined;
    const source = value && stripParentheses(value);
    return [
      { name: nameOf(node), from: source?.kind === "NameReference" ? nameOf(source) : undefined },
    ];
  });
}
