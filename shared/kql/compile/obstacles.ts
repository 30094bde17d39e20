/** What keeps a query from being cut into windows, in words for people. */
import type { KqlNode } from "../language/parser.ts";
import { lineColumn } from "../language/position.ts";

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
  readonly unstable: boolean;
  /** True when `mode: window` in the file is allowed to overrule it: each window is then judged at its own end. */
  readonly overridable: boolean;
}

/** Makes an obstacle at a node of the query. */
export const obstacle = (
  query: string,
  node: KqlNode,
  cause: Obstacle["cause"],
  text: string,
  more: { readonly unstable?: boolean; readonly overridable?: boolean } = {},
): Obstacle => ({
  cause,
  text,
  start: node.start,
  line: lineColumn(query, node.start).line,
  unstable: more.unstable ?? false,
  overridable: more.overridable ?? false,
});

/** `it summarizes (line 4)`. */
export const inWords = ({ text, line }: Obstacle): string => `${text} (line ${line})`;

/** The one to name when only one is: the first that a file may not overrule, else the first. */
export const foremost = (obstacles: readonly Obstacle[]): Obstacle | undefined =>
  obstacles.find(({ overridable }) => !overridable) ?? obstacles[0];
