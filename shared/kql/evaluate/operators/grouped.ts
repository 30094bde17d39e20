/** Operators that run something for each group: partition, top-nested, pivot, sample-distinct. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { argumentsOf, resultName, simpleName } from "../names.ts";
import { withColumns, type Row, type Scalar, type Scope, type Table } from "../plan.ts";
import { QueryError, unsupported } from "../query-error.ts";
import { listOf, part } from "../scalar.ts";
import { compareValues, keyOf, textOf } from "../values.ts";
import { aggregateOver, type Aggregated } from "./summarize.ts";
import type { Operator } from "./rows.ts";

interface Group {
  readonly value: unknown;
  readonly rows: Row[];
}

/** Rows by the value of an expression, groups in the order they first appear. */
function groupsOf(rows: Iterable<Row>, by: Scalar): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const value = by.run(row) ?? null;
    const key = keyOf([value]);
    const group = groups.get(key) ?? { value, rows: [] };
    groups.set(key, group);
    group.rows.push(row);
  }
  return [...groups.values()];
}

/** `partition by X (…)`: the subquery over each group's rows in turn. */
export const partition: Operator = (node, input, scope) => {
  const by = scope.compile.scalar(part(node, "ByExpression"), withColumns(scope, input.columns));
  const operand = part(node, "Operand");
  const subquery = childAt(operand, "Subquery");
  if (subquery === undefined) throw unsupported("The operator 'partition' with a query of its own");
  let current: readonly Row[] = [];
  const below = scope.compile.table(subquery, {
    ...scope,
    columns: [],
    piped: { columns: input.columns, rows: () => current },
  });
  return {
    columns: below.columns,
    *rows() {
      for (const group of groupsOf(input.rows(), by)) {
        current = group.rows;
        yield* below.rows();
      }
    },
  };
};

/** One level of `top-nested`. */
interface Level {
  /** Absent for all of them. */
  readonly most: number | undefined;
  readonly name: string;
  readonly of: Scalar;
  readonly aggregate: Aggregated;
  readonly ascending: boolean;
}

export const topNested: Operator = (node, input, scope) => {
  const inner = withColumns(scope, input.columns);
  const levels = listOf(node, "Clauses").map((clause) => levelOf(clause, inner));
  const columns = levels.flatMap(({ name, of, aggregate }): readonly HuntColumn[] => [
    { name, type: of.type },
    aggregate.column,
  ]);
  return { columns, rows: () => nested(Array.from(input.rows()), levels) };
};

function levelOf(clause: KqlNode, scope: Scope): Level {
  if (childAt(clause, "WithOthersClause") !== undefined)
    throw unsupported("The operator 'top-nested' with others");
  const limit = childAt(clause, "Expression");
  const by = part(clause, "ByExpression");
  const ordered = by.kind === "OrderedExpression" ? part(by, "Expression") : by;
  const of = part(clause, "OfExpression");
  const name = resultName(of) ?? "Column1";
  return {
    most: limit && Number(scope.compile.scalar(limit, scope).run([])),
    name,
    of: scope.compile.scalar(of, scope),
    aggregate: aggregateOver(
      ordered,
      scope,
      ordered.kind === "SimpleNamedExpression" ? undefined : `aggregated_${name}`,
    ),
    ascending: by !== ordered && /\basc\b/.test(childAt(by, "Ordering")?.text ?? ""),
  };
}

function* nested(rows: readonly Row[], [level, ...further]: readonly Level[]): Generator<Row> {
  if (level === undefined) {
    yield [];
    return;
  }
  const { of, aggregate, ascending, most } = level;
  const groups = groupsOf(rows, of).map((group) => ({ ...group, tally: aggregate.of(group.rows) }));
  groups.sort((one, other) => compareValues(one.tally, other.tally) * (ascending ? 1 : -1));
  for (const group of groups.slice(0, most))
    for (const rest of nested(group.rows, further)) yield [group.value, group.tally, ...rest];
}

/** `pivot(column, aggregate, keys …)`: the column's values become columns. They are known only when the input has been read. */
export function pivot(
  [column, aggregate, ...keyNodes]: readonly KqlNode[],
  input: Table,
  scope: Scope,
): Table {
  if (column === undefined)
    throw new QueryError(
      "semantic",
      "The query has a semantic error: pivot: a column is expected. Fix semantic errors in your query.",
    );
  const spread = scope.compile.scalar(column, scope);
  const rest =
    aggregate === undefined ? undefined : resultName(argumentsOf(aggregate)[0] ?? aggregate);
  const names =
    keyNodes.length > 0
      ? keyNodes.map(simpleName)
      : input.columns
          .map(({ name }) => name)
          .filter((name) => name !== simpleName(column) && name !== rest);
  const places = names.map((name) => input.columns.findIndex((one) => one.name === name));
  const tally = aggregateOver(aggregate, scope, undefined);
  const rows = Array.from(input.rows());
  const values = groupsOf(rows, spread).toSorted((one, other) =>
    compareValues(one.value ?? "", other.value ?? ""),
  );
  const made = groupsOf(rows, {
    type: "dynamic",
    constant: false,
    run: (row) => places.map((place) => row[place] ?? null),
  });
  const columns: readonly HuntColumn[] = [
    ...places.flatMap((place) => input.columns[place] ?? []),
    ...values.map(({ value }) => ({ name: textOf(value, spread.type), type: tally.column.type })),
  ];
  const cell = (group: Group, value: unknown): unknown =>
    tally.of(group.rows.filter((row) => keyOf([spread.run(row) ?? null]) === keyOf([value])));
  return {
    columns,
    rows: () =>
      made.map((group) => [
        ...(group.value as Row),
        ...values.map(({ value }) => cell(group, value)),
      ]),
  };
}

export const sampleDistinct: Operator = (node, input, scope) => {
  const of = part(node, "OfExpression");
  const by = scope.compile.scalar(of, withColumns(scope, input.columns));
  const most = Number(scope.compile.scalar(part(node, "Expression"), scope).run([]));
  return {
    columns: [{ name: resultName(of) ?? "Column1", type: by.type }],
    rows: () =>
      groupsOf(input.rows(), by)
        .slice(0, most)
        .map(({ value }) => [value]),
  };
};

const netTypes: Readonly<Record<HuntColumn["type"], string>> = {
  string: "System.String",
  long: "System.Int64",
  int: "System.Int32",
  real: "System.Double",
  bool: "System.SByte",
  datetime: "System.DateTime",
  timespan: "System.TimeSpan",
  guid: "System.Guid",
  decimal: "System.Data.SqlTypes.SqlDecimal",
  dynamic: "System.Object",
};

/** The input's columns as rows. */
export const getSchema: Operator = (_, input) => ({
  columns: [
    { name: "ColumnName", type: "string" },
    { name: "ColumnOrdinal", type: "long" },
    { name: "DataType", type: "string" },
    { name: "ColumnType", type: "string" },
  ],
  rows: () =>
    input.columns.map(({ name, type }, index) => [name, BigInt(index), netTypes[type], type]),
});
