/** summarize: groups in the order they first appear. */
import { childAt, listElements, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import type { Aggregate, Tally } from "../aggregates.ts";
import { findAggregate } from "../find-aggregate.ts";
import { argumentsOf, chooseFreeName, inferResultName, readName } from "../names.ts";
import {
  createColumnScalar,
  withColumns,
  type Row,
  type Scalar,
  type Scope,
  type Table,
} from "../plan.ts";
import { createSemanticError } from "../query-error.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { toKey } from "../values.ts";
import { compileMultiAggregate } from "./multi-aggregates.ts";
import { compileCells, type Operator } from "./rows.ts";

/**
 * What the aggregates of one `summarize` compile to: tallies by place, and expressions over their
 * values.
 */
interface SummarizePlan {
  readonly tallies: Aggregate[];
  readonly outputs: SummarizeOutput[];
}

interface SummarizeOutput {
  readonly column: HuntColumn;
  /** Reads a row of the tallies' values. */
  readonly scalar: Scalar;
}

export const evaluateSummarize: Operator = (node, input, scope) => {
  const inner = withColumns(scope, input.columns);
  const clause = childAt(node, "ByClause");
  const keys = clause ? compileCells(listElements(childAt(clause, "Expressions")), inner) : [];
  const keyColumns = keys.map(({ column }) => column);
  const plan = compilePlan(listChildren(node, "Aggregates"), inner, keyColumns);
  const scalars = keys.map(({ scalar }) => scalar);
  return {
    columns: [...keyColumns, ...plan.outputs.map(({ column }) => column)],
    rows: () => summarizeGroups(input, scalars, plan),
  };
};

function compilePlan(
  nodes: readonly KqlNode[],
  scope: Scope,
  keys: readonly HuntColumn[],
): SummarizePlan {
  const plan: SummarizePlan = { tallies: [], outputs: [] };
  for (const node of nodes)
    for (const output of compileOutputs(node, scope, keys, plan))
      plan.outputs.push(
        ensureFreeName(output, [...keys, ...plan.outputs.map(({ column }) => column)]),
      );
  return plan;
}

const ensureFreeName = (
  output: SummarizeOutput,
  existingColumns: readonly HuntColumn[],
): SummarizeOutput => ({
  ...output,
  column: { ...output.column, name: chooseFreeName(existingColumns, output.column.name) },
});

function compileOutputs(
  node: KqlNode,
  scope: Scope,
  keys: readonly HuntColumn[],
  plan: SummarizePlan,
): readonly SummarizeOutput[] {
  const multiple = compileMultiAggregate(node, scope, keys);
  if (multiple !== undefined)
    return multiple.map(({ name, aggregate }) => addTally(plan, name, aggregate));
  const scalar = scope.compile.scalar(node, {
    ...scope,
    columns: [],
    compileAggregateCall: (call) => placeAggregate(call, scope, plan),
  });
  const number = 1 + plan.outputs.filter(({ column }) => column.name.startsWith("Column")).length;
  return [
    { column: { name: inferResultName(node) ?? `Column${number}`, type: scalar.type }, scalar },
  ];
}

function addTally(plan: SummarizePlan, name: string, aggregate: Aggregate): SummarizeOutput {
  plan.tallies.push(aggregate);
  return {
    column: { name, type: aggregate.type },
    scalar: createColumnScalar(aggregate.type, plan.tallies.length - 1),
  };
}

/**
 * A call of an aggregate inside an expression becomes the place of its value; any other call is
 * none of ours.
 */
function placeAggregate(call: KqlNode, scope: Scope, plan: SummarizePlan): Scalar | undefined {
  const name = readName(requireChild(call, "Name"));
  const multiple = compileMultiAggregate(call, scope, []);
  const [first] = multiple ?? [];
  if (first !== undefined) return addTally(plan, "", first.aggregate).scalar;
  const factory = findAggregate(name);
  if (factory === undefined) return undefined;
  return addTally(
    plan,
    "",
    factory(argumentsOf(call).map((one) => scope.compile.scalar(one, scope))),
  ).scalar;
}

interface Group {
  readonly key: Row;
  readonly tallies: readonly Tally[];
}

function* summarizeGroups(
  input: Table,
  keys: readonly Scalar[],
  { tallies, outputs }: SummarizePlan,
): Generator<Row> {
  const groupsByKey = new Map<string, Group>();
  const startGroup = (key: Row): Group => ({ key, tallies: tallies.map(({ start }) => start()) });
  for (const row of input.rows()) {
    const values = keys.map(({ run }) => run(row) ?? null);
    const key = toKey(values);
    const group = groupsByKey.get(key) ?? startGroup(values);
    if (group.key === values) groupsByKey.set(key, group);
    for (const tally of group.tallies) tally.add(row);
  }
  // Without keys there is one group even over no rows.
  if (keys.length === 0 && groupsByKey.size === 0) groupsByKey.set("", startGroup([]));
  for (const group of groupsByKey.values()) {
    const values = group.tallies.map((tally) => tally.value());
    yield [...group.key, ...outputs.map(({ scalar }) => scalar.run(values))];
  }
}

/** One aggregate over given rows. */
export interface RowAggregate {
  readonly column: HuntColumn;
  readonly compute: (rows: readonly Row[]) => unknown;
}

/** Compiles an aggregate expression by itself; `count()` when there is none. */
export function compileAggregate(
  node: KqlNode | undefined,
  scope: Scope,
  name: string | undefined,
): RowAggregate {
  if (node === undefined)
    return { column: { name: "count_", type: "long" }, compute: (rows) => BigInt(rows.length) };
  const plan: SummarizePlan = { tallies: [], outputs: [] };
  const [output] = compileOutputs(node, scope, [], plan);
  if (output === undefined) throw createSemanticError("an aggregate is expected.");
  return {
    column: { ...output.column, name: name ?? output.column.name },
    compute: (rows) => {
      const tallies = plan.tallies.map(({ start }) => start());
      for (const row of rows) for (const tally of tallies) tally.add(row);
      return output.scalar.run(tallies.map((tally) => tally.value()));
    },
  };
}
