/** Functions inside expressions that make a row depend on more than itself, wherever they stand. */
import { walk, type KqlNode } from "../language/parser.ts";
import { obstacle, type Obstacle } from "./obstacles.ts";
import { declaredNames } from "../language/scope.ts";
import { calledName } from "../language/statements.ts";

const random = new Set(["rand", "new_guid"]);
const neighbours = new Set([
  "prev",
  "next",
  "row_number",
  "row_cumsum",
  "row_rank_dense",
  "row_rank_min",
  "row_window_session",
]);
const storage = new Set([
  "extent_id",
  "extent_tags",
  "cursor_after",
  "cursor_before_or_at",
  "cursor_current",
  "current_cursor",
]);

/** What the functions of a query have against windows. */
export function scalarObstacles(query: string, root: KqlNode): readonly Obstacle[] {
  const own = declaredNames(root);
  return [...walk(root)].flatMap((node) => {
    if (node.kind === "ToScalarExpression")
      return [obstacle(query, node, "subquery", "it reads a value from a second query (toscalar)")];
    if (node.kind !== "FunctionCallExpression" || own.has(calledName(node))) return [];
    return ofFunction(query, node, calledName(node));
  });
}

function ofFunction(query: string, call: KqlNode, name: string): readonly Obstacle[] {
  if (random.has(name))
    return [
      obstacle(query, call, "random", `${name}() gives another value each time`, {
        unstable: true,
      }),
    ];
  if (neighbours.has(name))
    return [
      obstacle(query, call, "neighbours", `${name}() looks at neighbouring rows`, {
        unstable: true,
      }),
    ];
  if (storage.has(name))
    return [
      obstacle(query, call, "outside", `${name}() depends on how rows are stored`, {
        unstable: true,
      }),
    ];
  return [];
}
