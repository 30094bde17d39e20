/** Obstacles: what prevents cutting a query into windows, in words for people. */
import type { KqlNode } from "../language/parser.ts";
import { toLineColumn } from "../language/position.ts";

/** One reason against windows. */
export interface Obstacle {
  readonly cause:
    | "operator"
    | "join"
    | "subquery"
    | "noTimestamp"
    | "byName"
    | "constant"
    | "clock"
    | "random"
    | "neighbors"
    | "outside"
    | "unclear";
  /** Such as `it summarizes`. */
  readonly text: string;
  readonly start: number;
  /** Line in the query, from 1. */
  readonly line: number;
  /** True if two runs over the same rows may differ: such a result cannot be sharded. */
  readonly isUnstable: boolean;
  /** True if `mode: window` in the file overrules it: each window then uses its own end as now. */
  readonly isOverridable: boolean;
}

/** Makes an obstacle at a node of the query. */
export const createObstacle = (query: string, node: KqlNode, reason: ObstacleReason): Obstacle => ({
  cause: reason.cause,
  text: reason.text,
  start: node.start,
  line: toLineColumn(query, node.start).line,
  isUnstable: reason.isUnstable ?? false,
  isOverridable: reason.isOverridable ?? false,
});

/** An obstacle without its position. */
export interface ObstacleReason extends Pick<Obstacle, "cause" | "text"> {
  readonly isUnstable?: boolean;
  readonly isOverridable?: boolean;
}

/** Formats an obstacle, such as `it summarizes (line 4)`. */
export const describeObstacle = ({ text, line }: Obstacle): string => `${text} (line ${line})`;

/** Returns the obstacle to report: the first that a file cannot overrule, else the first. */
export const selectMainObstacle = (obstacles: readonly Obstacle[]): Obstacle | undefined =>
  obstacles.find(({ isOverridable }) => !isOverridable) ?? obstacles[0];
