/** Every operator and every source of rows, by the kind of its node. */
import type { KqlNode } from "../../../../shared/hunts/kql/parser.ts";
import type { Scope, Table } from "../plan.ts";
import { count, sort, take, top } from "./order.ts";
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

export const operators: Readonly<Record<string, Operator>> = {
  FilterOperator: where,
  ProjectOperator: project,
  ProjectAwayOperator: projectAway,
  ProjectKeepOperator: projectKeep,
  ProjectRenameOperator: projectRename,
  ProjectReorderOperator: projectReorder,
  ExtendOperator: extend,
  TakeOperator: take,
  CountOperator: count,
  SortOperator: sort,
  TopOperator: top,
};

/** What can stand at the head of a pipe besides a name. */
export const sources: Readonly<Record<string, (node: KqlNode, scope: Scope) => Table>> = {};
