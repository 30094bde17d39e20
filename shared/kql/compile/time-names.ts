/** The names under which the event's own time runs through a query. */
import { childAt, walkTree, type KqlNode } from "../language/parser.ts";
import { nameOf } from "../language/scope.ts";
import { stripParentheses } from "../language/statements.ts";
import { tables } from "../language/schema.ts";

/**
 * `Timestamp`, unless the query gives that name to something else, and the names it gives to `Timestamp` alone
 * (`project EventTime = Timestamp`), unless they are a column of a table or are given twice.
 */
export function findTimeNames(root: KqlNode, tablesRead: readonly string[]): ReadonlySet<string> {
  const declaredColumns = findDeclaredColumns(root);
  const names = new Set(
    declaredColumns.every(({ name, from }) => name !== "Timestamp" || from === "Timestamp")
      ? ["Timestamp"]
      : [],
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

/** Every column name the query gives, with the column it stands for when it is a mere renaming. */
function findDeclaredColumns(
  root: KqlNode,
): readonly { readonly name: string; readonly from: string | undefined }[] {
  return [...walkTree(root)].flatMap((node) => {
    if (node.kind !== "NameDeclaration" || node.symbol?.kind !== "Column") return [];
    if (node.parent?.parent?.parent?.parent?.kind === "SchemaTypeExpression") return []; // what a parameter asks for
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
