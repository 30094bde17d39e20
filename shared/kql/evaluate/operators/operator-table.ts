/** Every operator and every source of rows, by the kind of its node. */
import { evaluateDistinct } from "./distinct.ts";
import { evaluateMvApply, evaluateMvExpand } from "./expand.ts";
import {
  evaluateGetSchema,
  evaluatePartition,
  evaluateSampleDistinct,
  evaluateTopNested,
} from "./grouped.ts";
import { evaluateJoin, evaluateLookup } from "./join.ts";
import {
  evaluateAs,
  evaluateConsume,
  evaluateInvoke,
  evaluateRender,
  evaluateSample,
  evaluateSearch,
  evaluateSerialize,
} from "./miscellaneous.ts";
import { evaluateMakeSeries } from "./make-series.ts";
import { evaluatePlugin } from "./plugins.ts";
import { evaluateScan } from "./scan.ts";
import { evaluateCount, evaluateSort, evaluateTake, evaluateTop } from "./order.ts";
import { evaluateParse, evaluateParseWhere } from "./parse.ts";
import { evaluateParseKv } from "./parse-kv.ts";
import {
  evaluateExtend,
  evaluateProject,
  evaluateProjectAway,
  evaluateProjectByNames,
  evaluateProjectKeep,
  evaluateProjectRename,
  evaluateProjectReorder,
  evaluateWhere,
  type Operator,
} from "./rows.ts";
import {
  evaluateCall,
  evaluateDatatable,
  evaluateExternalData,
  evaluateMaterialize,
  evaluatePrint,
  evaluateRange,
  type Source,
} from "./sources.ts";
import { evaluateSummarize } from "./summarize.ts";
import { evaluateUnion } from "./union.ts";

export const operators: Readonly<Record<string, Operator>> = {
  AsOperator: evaluateAs,
  ConsumeOperator: evaluateConsume,
  CountOperator: evaluateCount,
  DistinctOperator: evaluateDistinct,
  EvaluateOperator: evaluatePlugin,
  ExtendOperator: evaluateExtend,
  FilterOperator: evaluateWhere,
  GetSchemaOperator: evaluateGetSchema,
  InvokeOperator: evaluateInvoke,
  JoinOperator: evaluateJoin,
  LookupOperator: evaluateLookup,
  MakeSeriesOperator: evaluateMakeSeries,
  MvApplyOperator: evaluateMvApply,
  MvExpandOperator: evaluateMvExpand,
  ParseOperator: evaluateParse,
  ParseKvOperator: evaluateParseKv,
  PartitionOperator: evaluatePartition,
  ParseWhereOperator: evaluateParseWhere,
  ProjectOperator: evaluateProject,
  ProjectAwayOperator: evaluateProjectAway,
  ProjectByNamesOperator: evaluateProjectByNames,
  ProjectKeepOperator: evaluateProjectKeep,
  ProjectRenameOperator: evaluateProjectRename,
  ProjectReorderOperator: evaluateProjectReorder,
  RenderOperator: evaluateRender,
  SampleDistinctOperator: evaluateSampleDistinct,
  SampleOperator: evaluateSample,
  ScanOperator: evaluateScan,
  SearchOperator: evaluateSearch,
  SerializeOperator: evaluateSerialize,
  SortOperator: evaluateSort,
  SummarizeOperator: evaluateSummarize,
  TakeOperator: evaluateTake,
  TopNestedOperator: evaluateTopNested,
  TopOperator: evaluateTop,
  UnionOperator: evaluateUnion,
};

/** Sources at the head of a pipe other than a name. */
export const sources: Readonly<Record<string, Source>> = {
  DataTableExpression: evaluateDatatable,
  ExternalDataExpression: evaluateExternalData,
  FunctionCallExpression: evaluateCall,
  MaterializeExpression: evaluateMaterialize,
  PrintOperator: evaluatePrint,
  RangeOperator: evaluateRange,
  SearchOperator: (node, scope) => evaluateSearch(node, undefined, scope),
  UnionOperator: (node, scope) => evaluateUnion(node, undefined, scope),
};
