/** Describes what each tabular operator does to rows, in words for people. */
import type { KqlNode } from "../language/parser.ts";
import type { Obstacle, ObstacleReason } from "./obstacles.ts";

/** Operators that read one row at a time. `sort` counts, because order does not change a row. */
export const rowWiseOperators: ReadonlySet<string> = new Set([
  "FilterOperator",
  "ExtendOperator",
  "ProjectOperator",
  "ProjectAwayOperator",
  "ProjectByNamesOperator",
  "ProjectKeepOperator",
  "ProjectRenameOperator",
  "ProjectReorderOperator",
  "ParseOperator",
  "ParseWhereOperator",
  "ParseKvOperator",
  "MvExpandOperator",
  "SortOperator",
  "SerializeOperator",
  "AsOperator",
]);

const createReason = (
  text: string,
  cause: Obstacle["cause"] = "operator",
  isUnstable = false,
): ObstacleReason => ({
  cause,
  text,
  isUnstable,
});

/**
 * Reasons for operators that read many rows. `isUnstable`: two runs over the same rows may differ.
 */
const operatorReasons: Readonly<Record<string, ObstacleReason>> = {
  SummarizeOperator: createReason("it summarizes"),
  JoinOperator: createReason("it joins", "join"),
  LookupOperator: createReason("it looks values up in a second table (lookup)", "join"),
  DistinctOperator: createReason("it keeps distinct rows (distinct)"),
  CountOperator: createReason("it counts"),
  MakeSeriesOperator: createReason("it makes a time series (make-series)"),
  TakeOperator: createReason("it takes some rows (take)", "operator", true),
  TopOperator: createReason("it takes the first rows (top)", "operator", true),
  TopNestedOperator: createReason("it takes the first groups (top-nested)", "operator", true),
  TopHittersOperator: createReason(
    "it estimates the most frequent values (top-hitters)",
    "operator",
    true,
  ),
  SampleOperator: createReason("it samples rows (sample)", "random", true),
  SampleDistinctOperator: createReason("it samples values (sample-distinct)", "random", true),
  ReduceByOperator: createReason("it groups rows by pattern (reduce)", "operator", true),
  EvaluateOperator: createReason("it runs a plug-in over all rows (evaluate)", "operator", true),
  InvokeOperator: createReason("it invokes a function over all rows", "outside", true),
  PartitionOperator: createReason("it processes rows in partitions (partition)", "operator", true),
  PartitionByOperator: createReason(
    "it processes rows in partitions (partition)",
    "operator",
    true,
  ),
  ScanOperator: createReason("it matches sequences of rows (scan)", "neighbors", true),
  ForkOperator: createReason("it gives several results (fork)", "operator", true),
  FacetOperator: createReason("it gives several results (facet)", "operator", true),
  FindOperator: createReason(
    "find names its tables in the result and reads them by name",
    "byName",
  ),
  SearchOperator: createReason(
    "search names its tables in the result and reads them by name",
    "byName",
  ),
  GetSchemaOperator: createReason("it asks for the schema (getschema)"),
  ConsumeOperator: createReason("it gives no rows (consume)"),
  MakeGraphOperator: createReason("it makes a graph (make-graph)", "operator", true),
  RenderOperator: createReason("it draws a chart before its end (render)"),
};

const nameSource = (node: KqlNode): string => node.children[0]?.text.slice(0, 40) ?? node.kind;

/** Returns why an operator, or an unknown kind of source, prevents windows. */
export const findObstacleReason = (node: KqlNode): ObstacleReason =>
  operatorReasons[node.kind] ??
  createReason(
    `it uses ${nameSource(node)}, which is not known to work row by row`,
    "unclear",
    true,
  );
