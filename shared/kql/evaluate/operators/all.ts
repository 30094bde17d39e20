/** Every operator and every source of rows, by the kind of its node. */
import { distinct } from "./distinct.ts";
import { mvApply, mvExpand } from "./expand.ts";
import { getSchema, partition, sampleDistinct, topNested } from "./grouped.ts";
import { join, lookup } from "./join.ts";
import {
  as,
  consume,
  evaluatePlugin,
  invoke,
  render,
  sample,
  search,
  serialize,
} from "./others.ts";
import { count, sort, take, top } from "./order.ts";
import { parse, parseWhere } from "./parse.ts";
import {
  extend,
  project,
  projectAway,
  projectKeep,
  projectRename,
  projectReorder,
  where,
  type Operator,
} from "./rows.ts";
import {
  call,
  datatable,
  externalData,
  materialize,
  print,
  range,
  type Source,
} from "./sources.ts";
import { summarize } from "./summarize.ts";
import { union } from "./union.ts";

export const operators: Readonly<Record<string, Operator>> = {
  AsOperator: as,
  ConsumeOperator: consume,
  CountOperator: count,
  DistinctOperator: distinct,
  EvaluateOperator: evaluatePlugin,
  ExtendOperator: extend,
  FilterOperator: where,
  GetSchemaOperator: getSchema,
  InvokeOperator: invoke,
  JoinOperator: join,
  LookupOperator: lookup,
  MvApplyOperator: mvApply,
  MvExpandOperator: mvExpand,
  ParseOperator: parse,
  PartitionOperator: partition,
  ParseWhereOperator: parseWhere,
  ProjectOperator: project,
  ProjectAwayOperator: projectAway,
  ProjectKeepOperator: projectKeep,
  ProjectRenameOperator: projectRename,
  ProjectReorderOperator: projectReorder,
  RenderOperator: render,
  SampleDistinctOperator: sampleDistinct,
  SampleOperator: sample,
  SearchOperator: search,
  SerializeOperator: serialize,
  SortOperator: sort,
  SummarizeOperator: summarize,
  TakeOperator: take,
  TopNestedOperator: topNested,
  TopOperator: top,
  UnionOperator: union,
};

/** What can stand at the head of a pipe besides a name. */
export const sources: Readonly<Record<string, Source>> = {
  DataTableExpression: datatable,
  ExternalDataExpression: externalData,
  FunctionCallExpression: call,
  MaterializeExpression: materialize,
  PrintOperator: print,
  RangeOperator: range,
  SearchOperator: (node, scope) => search(node, undefined, scope),
  UnionOperator: (node, scope) => union(node, undefined, scope),
};
