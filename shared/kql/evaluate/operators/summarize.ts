/** summarize: groups in the order they first appear. */
import { childAt, elements, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { aggregates, type Aggregate, type Tally } from "../aggregates.ts";
import { argumentsOf, freeName, resultName, simpleName } from "../names.ts";
import { columnAt, withColumns, type Row, type Scalar, type Scope, type Table } from "../plan.ts";
import { QueryError } from "../query-error.ts";
import { listOf, part } from "../scalar.ts";
import { keyOf } from "../values.ts";
import { severalOf } from "./several.ts";
import { cellsOf, type Operator } from "./rows.ts";

/** What the aggregates of one `summarize` compile to: tallies by place, and expressions over their values. */
export interface Plan {
  readonly tallies: Aggregate[];
  readonly outputs: Output[];
}

export interface Output {
  readonly column: HuntColumn;
  /** Over a row of the tallies' values. */
  readonly scalar: Scalar;
}

export const summarize: Operator = (node, input, scope) => {
  const inner = withColumns(scope, input.columns);
  const clause = childAt(node, "ByClause");
  const keys = clause ? cellsOf(elements(childAt(clause, "Expressions")), inner) : [];
  const keyColumns = keys.map(({ column }) => column);
  const plan = planOf(listOf(node, "Aggregates"), inner, keyColumns);
  const scalars = keys.map(({ scalar }) => scalar);
  return {
    columns: [...keyColumns, ...plan.outputs.map(({ column }) => column)],
    rows: () => groups(input, scalars, plan),
  };
};

function planOf(nodes: readonly KqlNode[], scope: Scope, keys: readonly HuntColumn[]): Plan {
  const plan: Plan = { tallies: [], outputs: [] };
  for (const node of nodes)
    for (const output of outputsOf(node, scope, keys, plan))
      plan.outputs.push(named(output, [...keys, ...plan.outputs.map(({ column }) => column)]));
  return plan;
}

const named = (output: Output, taken: readonly HuntColumn[]): Output => ({
  ...output,
  column: { ...output.column, name: freeName(taken, output.column.name) },
});

function outputsOf(
  node: KqlNode,
  scope: Scope,
  keys: readonly HuntColumn[],
  plan: Plan,
): readonly Output[] {
  const several = severalOf(node, scope, keys);
  if (several !== undefined)
    return several.map(({ name, aggregate }) => tallied(plan, name, aggregate));
  const scalar = scope.compile.scalar(node, {
    ...scope,
    columns: [],
    aggregate: (call) => placed(call, scope, plan),
  });
  const number = 1 + plan.outputs.filter(({ column }) => column.name.startsWith("Column")).length;
  return [{ column: { name: resultName(node) ?? `Column${number}`, type: scalar.type }, scalar }];
}

function tallied(plan: Plan, name: string, aggregate: Aggregate): Output {
  plan.tallies.push(aggregate);
  return {
    column: { name, type: aggregate.type },
    scalar: columnAt(aggregate.type, plan.tallies.length - 1),
  };
}

/** A call of an aggregate inside an expression becomes the place of its value; any other call is none of ours. */
function placed(call: KqlNode, scope: Scope, plan: Plan): Scalar | undefined {
  const name = simpleName(part(call, "Name"));
  const several = severalOf(call, scope, []);
  const [first] = several ?? [];
  if (first !== undefined) return tallied(plan, "", first.aggregate).scalar;
  const maker = Object.hasOwn(aggregates, name) ? aggregates[name] : undefined;
  if (maker === undefined) return undefined;
  return tallied(plan, "", maker(argumentsOf(call).map((one) => scope.compile.scalar(one, scope))))
    .scalar;
}

interface Group {
  readonly key: Row;
  readonly tallies: readonly Tally[];
}

function* groups(
  input: Table,
  keys: readonly Scalar[],
  { tallies, outputs }: Plan,
): Generator<Row> {
  const found = new Map<string, Group>();
  const begin = (key: Row): Group => ({ key, tallies: tallies.map(({ start }) => start()) });
  for (const row of input.rows()) {
    const values = keys.map(({ run }) => run(row) ?? null);
    const text = keyOf(values);
    const group = found.get(text) ?? begin(values);
    if (group.key === values) found.set(text, group);
    for (const tally of group.tallies) tally.add(row);
  }
  // Without keys there is one group even over no rows.
  if (keys.length === 0 && found.size === 0) found.set("", begin([]));
  for (const group of found.values()) {
    const values = group.tallies.map((tally) => tally.value());
    yield [...group.key, ...outputs.map(({ scalar }) => scalar.run(values))];
  }
}

/** One aggregate on its own, over rows at hand. */
export interface Aggregated {
  readonly column: HuntColumn;
  readonly of: (rows: readonly Row[]) => unknown;
}

/** Compiles an aggregate expression by itself; `count()` when there is none. */
export function aggregateOver(
  node: KqlNode | undefined,
  scope: Scope,
  name: string | undefined,
): Aggregated {
  if (node === undefined)
    return { column: { name: "count_", type: "long" }, of: (rows) => BigInt(rows.length) };
  const plan: Plan = { tallies: [], outputs: [] };
  const [output] = outputsOf(node, scope, [], plan);
  if (output === undefined)
    throw new QueryError(
      "semantic",
      "The query has a semantic error: an aggregate is expected. Fix semantic errors in your query.",
    );
  return {
    column: { ...output.column, name: name ?? output.column.name },
    of: (rows) => {
      const tallies = plan.tallies.map(({ start }) => start());
      for (const row of rows) for (const tally of tallies) tally.add(row);
      return output.scalar.run(tallies.map((tally) => tally.value()));
    },
  };
}
