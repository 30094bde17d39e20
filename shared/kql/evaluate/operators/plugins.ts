/** Plug-ins of `evaluate`, by name. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { argumentsOf, readName } from "../names.ts";
import { withColumns, type Row, type Scope, type Table } from "../plan.ts";
import { createSemanticError, createUnsupportedError } from "../query-error.ts";
import { requireChild } from "../scalar.ts";
import { readDistinctSketch } from "../sketches.ts";
import { toReal } from "../values.ts";
import {
  evaluateActivityCounts,
  evaluateRollingPercentile,
  evaluateSlidingCounts,
} from "./activity-plugins.ts";
import { evaluateBagUnpack } from "./bag-unpack.ts";
import { evaluatePivot } from "./grouped.ts";
import { evaluateNetworkLookup } from "./network-lookup.ts";
import type { Operator } from "./rows.ts";

/** Compiles a plug-in from its call. */
type Plugin = (call: KqlNode, input: Table, scope: Scope) => Table;

/** `rows_near(condition, before, after)`: rows where the condition holds, and their neighbors. */
const evaluateRowsNear: Plugin = (call, input, scope) => {
  const [testNode, beforeNode, afterNode, ...rest] = argumentsOf(call);
  if (testNode === undefined || beforeNode === undefined)
    throw createSemanticError("rows_near: a condition and a number of rows are expected.");
  if (rest[0] !== undefined)
    throw createUnsupportedError(`The argument '${rest[0].text}' of the plugin`);
  if (input.isSerialized !== true)
    throw createSemanticError("rows_near: the rows must be serialized.");
  const test = scope.compile.scalar(testNode, withColumns(scope, input.columns));
  const [before, after] = [beforeNode, afterNode ?? beforeNode].map(
    (node) => toReal(scope.compile.scalar(node, scope).run([])) ?? 0,
  );
  return {
    columns: input.columns,
    isSerialized: true,
    rows: () => {
      const rows = Array.from(input.rows());
      const hits = rows.map((row) => test.run(row) === true);
      return rows.filter((_, index) =>
        hits
          .slice(Math.max(0, index - (after ?? 0)), index + (before ?? 0) + 1)
          .some((isHit) => isHit),
      );
    },
  };
};

/** `dcount_intersect(sketch, …)`: how many values the first ones have in common. */
const evaluateIntersection: Plugin = (call, input, scope) => {
  const sketches = argumentsOf(call).map((node) =>
    scope.compile.scalar(node, withColumns(scope, input.columns)),
  );
  const added = sketches.map((_, index): HuntColumn => ({ name: `s${index}`, type: "long" }));
  const countCommon = (row: Row): readonly bigint[] => {
    let common: readonly string[] | undefined;
    return sketches.map(({ run }) => {
      const keys = new Set(readDistinctSketch(run(row)) ?? []);
      common = (common ?? [...keys]).filter((key) => keys.has(key));
      return BigInt(common.length);
    });
  };
  return {
    columns: [...input.columns, ...added],
    rows: () => Iterator.from(input.rows()).map((row) => [...row, ...countCommon(row)]),
  };
};

const plugins: Readonly<Record<string, Plugin>> = {
  activity_counts_metrics: evaluateActivityCounts,
  dcount_intersect: evaluateIntersection,
  ipv4_lookup: evaluateNetworkLookup("ipv4_lookup"),
  ipv6_lookup: evaluateNetworkLookup("ipv6_lookup"),
  pivot: (call, input, scope) =>
    evaluatePivot(argumentsOf(call), input, withColumns(scope, input.columns)),
  rolling_percentile: evaluateRollingPercentile,
  rows_near: evaluateRowsNear,
  sliding_window_counts: evaluateSlidingCounts,
};

export const evaluatePlugin: Operator = (node, input, scope) => {
  const call = requireChild(node, "FunctionCall");
  const name = readName(requireChild(call, "Name"));
  if (name === "bag_unpack") return evaluateBagUnpack(node, input, scope);
  const plugin = Object.hasOwn(plugins, name) ? plugins[name] : undefined;
  if (plugin === undefined) throw createUnsupportedError(`The plugin '${name}'`);
  const schema = childAt(node, "Schema");
  if (schema !== undefined) throw createUnsupportedError(`The schema '${schema.text}'`);
  return plugin(call, input, scope);
};
