/** The names under which the event's own time runs through a query. */
import { childAt, walk, type KqlNode } from "../language/parser.ts";
import { nameOf } from "../language/scope.ts";
import { bare } from "../language/statements.ts";
import { tables } from "../language/schema.ts";

/**
 * `Timestamp`, unless the query gives that name to something else, and the names it gives to `Timestamp` alone
 * (`project EventTime = Timestamp`), unless they are a column of a table or are given twice.
 */
export function timeNames(root: KqlNode, tablesRead: readonly string[]): ReadonlySet<string> {
  const given = namesGiven(root);
  const names = new Set(
    given.every(({ name, from }) => name !== "Timestamp" || from === "Timestamp")
      ? ["Timestamp"]
      : [],
  );
  for (const { name, from } of given) {
    const isColumn = tablesRead.some((table) => tables[table]?.[name] !== undefined);
    const onlyOnce = given.every((other) => other.name !== name || other.from === from);
    if (from !== undefined && names.has(from) && !isColumn && onlyOnce) names.add(name);
  }
  return names;
}

/** Every column name the query gives, with the column it stands for when it is a mere renaming. */
function namesGiven(
  root: KqlNode,
): readonly { readonly name: string; readonly from: string | undefined }[] {
  return [...walk(root)].flatMap((node) => {
    if (node.kind !== "NameDeclaration" || node.symbol?.kind !== "Column") return [];
    if (node.parent?.parent?.parent?.parent?.kind === "SchemaTypeExpression") return []; // what a parameter asks for
    const value =
      node.parent?.kind === "SimpleNamedExpression"
        ? childAt(node.parent, "Expression")
        : undefined;
    const source = value && bare(value);
    return [
      { name: nameOf(node), from: source?.kind === "NameReference" ? nameOf(source) : undefined },
    ];
  });
}
