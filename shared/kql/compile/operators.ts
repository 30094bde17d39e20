/** What each tabular operator does to rows, in words for people. */
import type { KqlNode } from "../language/parser.ts";
import type { Obstacle } from "./obstacles.ts";

/** Operators that look at one row at a time. `sort` is among them: order is no part of what a row is. */
export const rowWise: ReadonlySet<string> = new Set([
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

interface Words {
  readonly cause: Obstacle["cause"];
  readonly text: string;
  readonly unstable: boolean;
}

const because = (text: string, cause: Obstacle["cause"] = "operator", unstable = false): Words => ({
  cause,
  text,
  unstable,
});

/** Words for the operators that look at many rows. `unstable`: asked twice over the same rows, the answers may differ. */
const words: Readonly<Record<string, Words>> = {
  SummarizeOperator: because("it summarizes"),
  JoinOperator: because("it joins", "join"),
  LookupOperator: because("it looks values up in a second table (lookup)", "join"),
  DistinctOperator: because("it keeps distinct rows (distinct)"),
  CountOperator: because("it counts"),
  MakeSeriesOperator: because("it makes a time series (make-series)"),
  TakeOperator: because("it takes some rows (take)", "operator", true),
  TopOperator: because("it takes the first rows (top)", "operator", true),
  TopNestedOperator: because("it takes the first groups (top-nested)", "operator", true),
  TopHittersOperator: because(
    "it estimates the most frequent values (top-hitters)",
    "operator",
    true,
  ),
  SampleOperator: because("it samples rows (sample)", "random", true),
  SampleDistinctOperator: because("it samples values (sample-distinct)", "random", true),
  ReduceByOperator: because("it groups rows by pattern (reduce)", "operator", true),
  EvaluateOperator: because("it runs a plug-in over all rows (evaluate)", "operator", true),
  InvokeOperator: because("it invokes a function over all rows", "outside", true),
  PartitionOperator: because("it treats rows in partitions (partition)", "operator", true),
  PartitionByOperator: because("it treats rows in partitions (partition)", "operator", true),
  ScanOperator: because("it matches sequences of rows (scan)", "neighbours", true),
  ForkOperator: because("it gives several results (fork)", "operator", true),
  FacetOperator: because("it gives several results (facet)", "operator", true),
  FindOperator: because("find names its tables in the result and reads them by name", "by-name"),
  SearchOperator: because(
    "search names its tables in the result and reads them by name",
    "by-name",
  ),
  GetSchemaOperator: because("it asks for the schema (getschema)"),
  ConsumeOperator: because("it gives no rows (consume)"),
  MakeGraphOperator: because("it makes a graph (make-graph)", "operator", true),
  RenderOperator: because("it draws a chart before its end (render)"),
};

/** Why this operator, or this unknown kind of source, stands against windows. */
export const wordsFor = (node: KqlNode): Words =>
  words[node.kind] ??
  because(
    `it uses ${node.children[0]?.text.slice(0, 40) ?? node.kind}, which is not known to work row by row`,
    "unclear",
    true,
  );
