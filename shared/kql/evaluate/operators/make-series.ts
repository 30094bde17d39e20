/** `make-series`: aggregates in bins of an axis, as one array for each group. */
import { childAt, listElements, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn, KqlType } from "../../../contracts/compiled-hunt.ts";
import { convertScalar } from "../coerce.ts";
import { inferResultName } from "../names.ts";
import { withColumns, type Row, type Scalar, type Scope } from "../plan.ts";
import { createSemanticError } from "../query-error.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { compareValues, toDynamic, toKey } from "../values.ts";
import { readParameter } from "./parameters.ts";
import { compileCells, type Operator } from "./rows.ts";
import { compileAggregate, type RowAggregate } from "./summarize.ts";

/** One series of the result. */
interface SeriesColumn {
  readonly aggregate: RowAggregate;
  /** Value of a bin without rows. */
  readonly defaultValue: unknown;
}

type AxisNumber = bigint | number;

/** The bins of the axis: a bound that is not given follows the rows of each group. */
interface Axis {
  readonly scalar: Scalar;
  readonly from: AxisNumber | undefined;
  readonly to: AxisNumber | undefined;
  readonly step: AxisNumber;
  readonly includesEnd: boolean;
}

interface Group {
  readonly key: Row;
  readonly rows: Row[];
}

export const evaluateMakeSeries: Operator = (node, input, scope) => {
  const inner = withColumns(scope, input.columns);
  const clause = childAt(node, "ByClause");
  const keys = clause ? compileCells(listElements(childAt(clause, "Expressions")), inner) : [];
  const series = listChildren(node, "Aggregates").map((one) => compileSeries(one, inner));
  const onNode = requireChild(requireChild(node, "OnClause"), "Expression");
  const axis = compileAxis(requireChild(node, "RangeClause"), onNode, inner);
  const columns: readonly HuntColumn[] = [
    ...keys.map(({ column }) => column),
    ...series.map(({ aggregate: { column } }): HuntColumn => ({ ...column, type: "dynamic" })),
    { name: inferResultName(onNode) ?? "Column1", type: "dynamic" },
  ];
  const isNonEmpty = readParameter(node, "kind")?.toLowerCase() === "nonempty";
  return {
    columns,
    rows: () => {
      const groups = groupRows(
        input.rows(),
        keys.map(({ scalar }) => scalar),
        axis,
      );
      if (groups.length === 0 && isNonEmpty) groups.push({ key: [], rows: [] });
      return groups.map((group) => [...group.key, ...createSeries(group.rows, series, axis)]);
    },
  };
};

function compileSeries(node: KqlNode, scope: Scope): SeriesColumn {
  const expression = requireChild(node, "Expression");
  const clause = childAt(node, "DefaultExpression");
  const fallback = clause && scope.compile.scalar(requireChild(clause, "Expression"), scope);
  return {
    aggregate: compileAggregate(expression, scope, undefined),
    defaultValue: fallback ? toDynamic(fallback.run([]) ?? null, fallback.type) : 0,
  };
}

function compileAxis(clause: KqlNode, onNode: KqlNode, scope: Scope): Axis {
  const on = scope.compile.scalar(onNode, scope);
  const isTime = on.type === "datetime" || on.type === "timespan";
  const type: KqlType = isTime || on.type === "long" ? on.type : "real";
  const read = (node: KqlNode | undefined, as: KqlType): AxisNumber | undefined => {
    if (node === undefined) return undefined;
    return (convertScalar(scope.compile.scalar(node, scope), as).run([]) ?? undefined) as
      | AxisNumber
      | undefined;
  };
  const stepType = isTime ? "timespan" : type;
  const isInRange = clause.kind === "MakeSeriesInRangeClause";
  const [fromNode, toNode, stepNode] = isInRange
    ? listElements(childAt(requireChild(clause, "Arguments"), "Expressions"))
    : ["From", "To", "Step"].map((part) => {
        const bound = childAt(clause, `MakeSeries${part}Clause`);
        return bound && childAt(bound, "Expression");
      });
  const step = read(stepNode, stepType);
  if (step === undefined || step <= 0)
    throw createSemanticError("make-series: the step must be greater than 0.");
  return {
    scalar: convertScalar(on, type),
    from: read(fromNode, type),
    to: read(toNode, type),
    step,
    includesEnd: isInRange,
  };
}

/** Groups the rows within the axis, in order of appearance. */
function groupRows(rows: Iterable<Row>, keys: readonly Scalar[], axis: Axis): Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const value = axis.scalar.run(row) as AxisNumber | null;
    if (value === null || !isOnAxis(value, axis)) continue;
    const values = keys.map(({ run }) => run(row) ?? null);
    const key = toKey(values);
    const group = groups.get(key) ?? { key: values, rows: [] };
    groups.set(key, group);
    group.rows.push(row);
  }
  return [...groups.values()];
}

const isOnAxis = (value: AxisNumber, { from, to, includesEnd }: Axis): boolean =>
  (from === undefined || value >= from) &&
  (to === undefined || value < to || (includesEnd && value === to));

/** Subtracts or adds numbers of one kind. */
const add = (one: AxisNumber, other: AxisNumber, sign: 1 | -1): AxisNumber =>
  typeof one === "bigint" && typeof other === "bigint"
    ? one + other * BigInt(sign)
    : Number(one) + Number(other) * sign;

/** Returns the index of a value's bin. */
function findBin(value: AxisNumber, from: AxisNumber, step: AxisNumber): number {
  const distance = add(value, from, -1);
  if (typeof distance === "bigint" && typeof step === "bigint") {
    const rest = distance % step;
    return Number((rest < 0n ? distance - rest - step : distance - rest) / step);
  }
  return Math.floor(Number(distance) / Number(step));
}

const startOfBin = (from: AxisNumber, step: AxisNumber, index: number): AxisNumber =>
  typeof from === "bigint" && typeof step === "bigint"
    ? from + step * BigInt(index)
    : Number(from) + Number(step) * index;

/** The service returns no longer series. */
const maxBins = 1_048_576;

/** Returns the arrays of one group: each series, then the starts of the bins. */
function createSeries(
  rows: readonly Row[],
  series: readonly SeriesColumn[],
  axis: Axis,
): readonly unknown[] {
  const { scalar, step } = axis;
  const values = rows.map((row) => scalar.run(row) as AxisNumber);
  const { from, length } = findBins(values, axis);
  const bins = Array.from({ length }, (): Row[] => []);
  for (const [index, value] of values.entries())
    bins[findBin(value, from, step)]?.push(rows[index] ?? []);
  return [
    ...series.map(({ aggregate: { column, compute }, defaultValue }) =>
      bins.map((bin) => (bin.length === 0 ? defaultValue : toDynamic(compute(bin), column.type))),
    ),
    bins.map((_, index) => toDynamic(startOfBin(from, step, index), scalar.type)),
  ];
}

function findBins(
  values: readonly AxisNumber[],
  { from, to, step, includesEnd }: Axis,
): { readonly from: AxisNumber; readonly length: number } {
  const sorted = values.toSorted(compareValues);
  const zero = typeof step === "bigint" ? 0n : 0;
  const first = sorted[0] ?? zero;
  const start = from ?? startOfBin(zero, step, findBin(first, zero, step));
  const last = sorted.at(-1);
  const length =
    to === undefined
      ? last === undefined
        ? 0
        : findBin(last, start, step) + 1
      : countBins(start, to, step, includesEnd);
  if (length > maxBins) throw createSemanticError("make-series: the series is too long.");
  return { from: start, length: Math.max(0, length) };
}

function countBins(
  from: AxisNumber,
  to: AxisNumber,
  step: AxisNumber,
  includesEnd: boolean,
): number {
  const whole = findBin(to, from, step);
  return includesEnd || startOfBin(from, step, whole) < to ? whole + 1 : whole;
}
