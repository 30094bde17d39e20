/** Functions inside expressions that make a row depend on more than itself, wherever they stand. */
import { walkTree, type KqlNode } from "../language/parser.ts";
import { createObstacle, type Obstacle } from "./obstacles.ts";
import { findDeclaredNames } from "../language/scope.ts";
import { calleeNameOf } from "../language/statements.ts";

const randomFunctions = new Set(["rand", "new_guid"]);
const neighborFunctions = new Set([
  "prev",
  "next",
  "row_number",
  "row_cumsum",
  "row_rank_dense",
  "row_rank_min",
  "row_window_session",
]);
const storageFunctions = new Set([
  "extent_id",
  "extent_tags",
  "cursor_after",
  "cursor_before_or_at",
  "cursor_current",
  "current_cursor",
]);

/** What the functions of a query have against windows. */
export function findScalarObstacles(query: string, root: KqlNode): readonly Obstacle[] {
  const declaredNames = findDeclaredNames(root);
  return [...walkTree(root)].flatMap((node) => {
    if (node.kind === "ToScalarExpression")
      return [
        createObstacle(query, node, "subquery", "it reads a value from a second query (toscalar)"),
      ];
    if (node.kind !== "FunctionCallExpression" || declaredNames.has(calleeNameOf(node))) return [];
    return findCallObstacles(query, node, calleeNameOf(node));
  });
}

function findCallObstacles(query: string, call: KqlNode, name: string): readonly Obstacle[] {
  if (randomFunctions.has(name))
    return [
      createObstacle(query, call, "random", `${name}() gives another value each time`, {
        isUnstable: true,
      }),
    ];
  if (neighborFunctions.has(name))
    return [
      createObstacle(query, call, "neighbours", `${name}() looks at neighbouring rows`, {
        isUnstable: true,
      }),
    ];
  if (storageFunctions.has(name))
    return [
      createObstacle(query, call, "outside", `${name}() depends on how rows are stored`, {
        isUnstable: true,
      }),
    ];
  return [];
}
