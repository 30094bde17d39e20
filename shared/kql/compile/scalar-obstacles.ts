/** Finds functions in expressions that make a row depend on more than itself. */
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

/** Returns the obstacles that functions cause. */
export function findScalarObstacles(query: string, root: KqlNode): readonly Obstacle[] {
  const declaredNames = findDeclaredNames(root);
  return [...walkTree(root)].flatMap((node) => {
    if (node.kind === "ToScalarExpression")
      return [
        createObstacle(query, node, {
          cause: "subquery",
          text: "it reads a value from a second query (toscalar)",
        }),
      ];
    if (node.kind !== "FunctionCallExpression" || declaredNames.has(calleeNameOf(node))) return [];
    return findCallObstacles(query, node, calleeNameOf(node));
  });
}

function findCallObstacles(query: string, call: KqlNode, name: string): readonly Obstacle[] {
  const reportCall = (cause: Obstacle["cause"], text: string): readonly Obstacle[] => [
    createObstacle(query, call, { cause, text: `${name}() ${text}`, isUnstable: true }),
  ];
  if (randomFunctions.has(name)) return reportCall("random", "gives another value each time");
  if (neighborFunctions.has(name)) return reportCall("neighbors", "reads neighboring rows");
  return storageFunctions.has(name) ? reportCall("outside", "depends on how rows are stored") : [];
}
