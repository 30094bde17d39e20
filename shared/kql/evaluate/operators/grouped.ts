/** Operators that run something for each group: partition, top-nested, pivot, sample-distinct. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { argumentsOf, inferResultName, readName } from "../names.ts";
import { withColumns, type Row, type Scalar, type Scope, type Table } from "../plan.ts";
import { createSemanticError, createUnsupportedError } from "../query-error.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { compareValues, toKey, toText } from "../values.ts";
import { compileAggregate, type RowAggregate } from "./summarize.ts";
import type { Operator } from "./rows.ts";

interface Group {
  readonly value: unknown;
  readonly rows: Row[];
}

/** Groups rows by the value of an expression, in order of appearance. */
function groupRows(rows: Iterable<Row>, by: Scalar): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const value = by.run(row) ?? null;
    const key = toKey([value]);
    const group = groups.get(key) ?? { value, rows: [] };
    groups.set(key, group);
    group.rows.push(row);
  }
  return [...groups.values()];
}

/** `partition by X (…)`: the subquery over each group's rows in turn. */
export const evaluatePartition: Operator = (node, input, scope) => {
  const by = scope.compile.scalar(
    requireChild(node, "ByExpression"),
    withColumns(scope, input.columns),
  );
  const operand = requireChild(node, "Operand");
  const subquery = childAt(operand, "Subquery");
  if (subquery === undefined)
    throw createUnsupportedError("The operator 'partition' with a query of its own");
  let current: readonly Row[] = [];
  const subqueryTable = scope.compile.table(subquery, {
    ...scope,
    columns: [],
    piped: { columns: input.columns, isSerialized: input.isSerialized, rows: () => current },
  });
  return {
    columns: subqueryTable.columns,
    *rows() {
      for (const group of groupRows(input.rows(), by)) {
        current = group.rows;
        yield* Array.from(subqueryTable.rows());
      }
    },
  };
};

/** One level of `top-nested`. */
interface NestedLevel {
  /** Absent for all of them. */
  readonly maxGroups: number | undefined;
  readonly name: string;
  readonly groupScalar: Scalar;
  readonly aggregate: RowAggregate;
  readonly isAscending: boolean;
}

export const evaluateTopNested: Operator = (node, input, scope) => {
  const inner = withColumns(scope, input.columns);
  const levels = listChildren(node, "Clauses").map((clause) => compileLevel(clause, inner));
  const columns = levels.flatMap(({ name, groupScalar, aggregate }): readonly HuntColumn[] => [
    { name, type: groupScalar.type },
    aggregate.column,
  ]);
  return { columns, rows: () => listNestedRows(Array.from(input.rows()), levels) };
};

function compileLevel(clause: KqlNode, scope: Scope): NestedLevel {
  if (childAt(clause, "WithOthersClause") !== undefined)
    throw createUnsupportedError("The operator 'top-nested' with others");
  const limit = childAt(clause, "Expression");
  const by = requireChild(clause, "ByExpression");
  const orderedNode = by.kind === "OrderedExpression" ? requireChild(by, "Expression") : by;
  const ofNode = requireChild(clause, "OfExpression");
  const name = inferResultName(ofNode) ?? "Column1";
  return {
    maxGroups: limit && Number(scope.compile.scalar(limit, scope).run([])),
    name,
    groupScalar: scope.compile.scalar(ofNode, scope),
    aggregate: compileAggregate(
      orderedNode,
      scope,
      orderedNode.kind === "SimpleNamedExpression" ? undefined : `aggregated_${name}`,
    ),
    isAscending: by !== orderedNode && /\basc\b/.test(childAt(by, "Ordering")?.text ?? ""),
  };
}

function* listNestedRows(
  rows: readonly Row[],
  [level, ...further]: readonly NestedLevel[],
): Generator<Row> {
  if (level === undefined) {
    yield [];
    return;
  }
  const { groupScalar, aggregate, isAscending, maxGroups } = level;
  const groups = groupRows(rows, groupScalar).map((group) => ({
    ...group,
    tally: aggregate.compute(group.rows),
  }));
  groups.sort((one, other) => compareValues(one.tally, other.tally) * (isAscending ? 1 : -1));
  for (const group of groups.slice(0, maxGroups))
    for (const rest of listNestedRows(group.rows, further))
      yield [group.value, group.tally, ...rest];
}

/**
 * `pivot(column, aggregate, keys …)`: the column's values become columns. They are known only when
 * the input has been read.
 */
export function evaluatePivot(
  [column, aggregate, ...keyNodes]: readonly KqlNode[],
  input: Table,
  scope: Scope,
): Table {
  if (column === undefined) throw createSemanticError("pivot: a column is expected.");
  const pivotScalar = scope.compile.scalar(column, scope);
  const valueName =
    aggregate === undefined ? undefined : inferResultName(argumentsOf(aggregate)[0] ?? aggregate);
  const names =
    keyNodes.length > 0
      ? keyNodes.map(readName)
      : input.columns
          .map(({ name }) => name)
          .filter((name) => name !== readName(column) && name !== valueName);
  const keyIndexes = names.map((name) => input.columns.findIndex((one) => one.name === name));
  const pivotAggregate = compileAggregate(aggregate, scope, undefined);
  const rows = Array.from(input.rows());
  const values = groupRows(rows, pivotScalar).toSorted((one, other) =>
    compareValues(one.value ?? "", other.value ?? ""),
  );
  const rowGroups = groupRows(rows, {
    type: "dynamic",
    isConstant: false,
    run: (row) => keyIndexes.map((columnIndex) => row[columnIndex] ?? null),
  });
  const columns: readonly HuntColumn[] = [
    ...keyIndexes.flatMap((columnIndex) => input.columns[columnIndex] ?? []),
    ...values.map(({ value }) => ({
      name: toText(value, pivotScalar.type),
      type: pivotAggregate.column.type,
    })),
  ];
  const computeCell = (group: Group, value: unknown): unknown =>
    pivotAggregate.compute(
      group.rows.filter((row) => toKey([pivotScalar.run(row) ?? null]) === toKey([value])),
    );
  return {
    columns,
    rows: () =>
      rowGroups.map((group) => [
        ...(group.value as Row),
        ...values.map(({ value }) => computeCell(group, value)),
      ]),
  };
}

export const evaluateSampleDistinct: Operator = (node, input, scope) => {
  const ofNode = requireChild(node, "OfExpression");
  const by = scope.compile.scalar(ofNode, withColumns(scope, input.columns));
  const maxValues = Number(scope.compile.scalar(requireChild(node, "Expression"), scope).run([]));
  return {
    columns: [{ name: inferResultName(ofNode) ?? "Column1", type: by.type }],
    rows: () =>
      groupRows(input.rows(), by)
        .slice(0, maxValues)
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
export const evaluateGetSchema: Operator = (_, input) => ({
  columns: [
    { name: "ColumnName", type: "string" },
    { name: "ColumnOrdinal", type: "long" },
    { name: "DataType", type: "string" },
    { name: "ColumnType", type: "string" },
  ],
  rows: () =>
    input.columns.map(({ name, type }, index) => [name, BigInt(index), netTypes[type], type]),
});
