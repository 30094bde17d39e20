/** What keeps a query from being cut into windows, in words for people. */
import type { KqlNode } from "../language/parser.ts";
import { toLineColumn } from "../language/position.ts";

/** One reason against windows. */
export interface Obstacle {
  readonly cause:
    | "operator"
    | "join"
    | "subquery"
    | "no-timestamp"
    | "by-name"
    | "constant"
    | "clock"
    | "random"
    | "neighbours"
    | "outside"
    | "unclear";
  /** `it summarizes`. */
  readonly text: string;
  readonly start: number;
  /** Line in the query, from 1. */
  readonly line: number;
  /** True when two runs over the same rows may give different rows: such a result cannot be sharded. */
  readonly isUnstable: boolean;
  /** True when `mode: window` in the file is allowed to overrule it: each window is then judged at its own end. */
  readonly isOverridable: boolean;
}

/** Makes an obstacle at a node of the query. */
export const createObstacle = (
  query: string,
  node: KqlNode,
  cause: Obstacle["cause"],
  text: string,
  options: { readonly isUnstable?: boolean; readonly isOverridable?: boolean } = {},
): Obstacle => ({
  cause,
  text,
  start: node.start,
  line: toLineColumn(query, node.start).line,
  isUnstable: options.isUnstable ?? false,
  isOverridable: options.isOverridable ?? false,
});

/** `it summarizes (line 4)`. */
export const describeObstacle = ({ text, line }: Obstacle): string => `${text} (line ${line})`;

/** The one to name when only one is: the first that a file may not overrule, else the first. */
export const selectMainObstacle = (obstacles: readonly Obstacle[]): Obstacle | undefined =>
  obstacles.find(({ isOverridable }) => !isOverridable) ?? obstacles[0];
