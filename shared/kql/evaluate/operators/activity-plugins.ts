/** Plug-ins over time windows: activity counts, sliding counts, rolling percentiles. */
import type { KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { argumentsOf, inferResultName } from "../names.ts";
import { withColumns, type Row, type Scalar, type Scope, type Table } from "../plan.ts";
import { createSemanticError, createUnsupportedError } from "../query-error.ts";
import { floorTo } from "../scalar-functions/bin.ts";
import { createQuantileSketch, findWeightedPercentile } from "../sketches.ts";
import { compareValues, toKey, toReal } from "../values.ts";

/** A column that a plug-in reads. */
interface NamedScalar {
  readonly name: string;
  readonly scalar: Scalar;
}

/** Values of one row: what is counted, when, and the dimensions. */
interface Activity {
  readonly key: string;
  readonly at: bigint;
}

/** Activities of one combination of dimensions, in order of time. */
interface Slice {
  readonly dimensions: Row;
  readonly activities: Activity[];
}

interface ActivityInput {
  readonly id: NamedScalar;
  readonly time: NamedScalar;
  readonly start: bigint;
  readonly end: bigint;
  /** Spans after start and end: windows and bins. */
  readonly spans: readonly bigint[];
  readonly dimensions: readonly NamedScalar[];
}

/** Reads `(id, time, start, end, span …, dimension …)`. */
function readActivityInput(
  call: KqlNode,
  spanCount: number,
  input: Table,
  scope: Scope,
): ActivityInput {
  const args = argumentsOf(call);
  const [id, time] = args.slice(0, 2).map((node) => compileColumn(node, input, scope));
  const [start, end, ...spans] = args.slice(2, 4 + spanCount).map((node) => {
    const value = scope.compile.scalar(node, scope).run([]);
    if (typeof value !== "bigint")
      throw createUnsupportedError(`The bin '${node.text}' of the plugin`);
    return value;
  });
  if (!id || !time || start === undefined || end === undefined || spans.length < spanCount)
    throw createSemanticError("the plugin: arguments are missing.");
  const dimensions = args.slice(4 + spanCount).map((node) => compileColumn(node, input, scope));
  return { id, time, start, end, spans, dimensions };
}

const compileColumn = (node: KqlNode, input: Table, scope: Scope): NamedScalar => ({
  name: inferResultName(node) ?? "Column1",
  scalar: scope.compile.scalar(node, withColumns(scope, input.columns)),
});

const listColumns = (
  { time, dimensions }: ActivityInput,
  names: readonly string[],
): readonly HuntColumn[] => [
  { name: time.name, type: time.scalar.type },
  ...dimensions.map(({ name, scalar }) => ({ name, type: scalar.type })),
  ...names.map((name): HuntColumn => ({ name, type: "long" })),
];

function groupActivities(
  rows: Iterable<Row>,
  { id, time, dimensions }: ActivityInput,
): readonly Slice[] {
  const slices = new Map<string, Slice>();
  for (const row of rows) {
    const at = time.scalar.run(row);
    if (typeof at !== "bigint") continue;
    const values = dimensions.map(({ scalar }) => scalar.run(row) ?? null);
    const key = toKey(values);
    const slice = slices.get(key) ?? { dimensions: values, activities: [] };
    slices.set(key, slice);
    slice.activities.push({ key: toKey([id.scalar.run(row)]), at });
  }
  return [...slices.values()];
}

const countDistinct = (activities: readonly Activity[]): bigint =>
  BigInt(new Set(activities.map(({ key }) => key)).size);

/** Starts of the windows from `start` to `end`, both included. */
function* listStarts({ start, end }: ActivityInput, step: bigint): Generator<bigint> {
  if (step <= 0n) throw createSemanticError("the plugin: the window must be greater than 0.");
  for (let at = start; at <= end; at += step) yield at;
}

const selectSpan = ({ activities }: Slice, from: bigint, to: bigint): readonly Activity[] =>
  activities.filter(({ at }) => at >= from && at < to);

/** `activity_counts_metrics`: counts per window, and values not seen in the windows before. */
export function evaluateActivityCounts(call: KqlNode, input: Table, scope: Scope): Table {
  const request = readActivityInput(call, 1, input, scope);
  const window = request.spans[0] ?? 0n;
  return {
    columns: listColumns(request, ["count", "dcount", "new_dcount", "aggregated_dcount"]),
    *rows() {
      const slices = groupActivities(input.rows(), request);
      for (const from of listStarts(request, window))
        for (const slice of slices) {
          const current = selectSpan(slice, from, from + window);
          if (current.length === 0) continue;
          const all = countDistinct(selectSpan(slice, request.start, from + window));
          const former = countDistinct(selectSpan(slice, request.start, from));
          yield [
            from,
            ...slice.dimensions,
            BigInt(current.length),
            countDistinct(current),
            all - former,
            all,
          ];
        }
    },
  };
}

/** `sliding_window_counts`: counts of a look-back that ends with each bin. */
export function evaluateSlidingCounts(call: KqlNode, input: Table, scope: Scope): Table {
  const request = readActivityInput(call, 2, input, scope);
  const [lookBack = 0n, bin = 0n] = request.spans;
  return {
    columns: listColumns(request, ["Count", "Dcount"]),
    *rows() {
      const slices = groupActivities(input.rows(), request);
      for (const from of listStarts(request, bin))
        for (const slice of slices) {
          const current = selectSpan(slice, from + bin - lookBack, from + bin);
          if (current.length > 0)
            yield [from, ...slice.dimensions, BigInt(current.length), countDistinct(current)];
        }
    },
  };
}

/** `rolling_percentile(value, percent, index, bin, bins, dimension …)`. */
export function evaluateRollingPercentile(call: KqlNode, input: Table, scope: Scope): Table {
  const [valueNode, percentNode, indexNode, binNode, binsNode, ...rest] = argumentsOf(call);
  if (!valueNode || !percentNode || !indexNode || !binNode || !binsNode)
    throw createSemanticError("rolling_percentile: arguments are missing.");
  const [value, index, ...dimensions] = [valueNode, indexNode, ...rest].map((node) =>
    compileColumn(node, input, scope),
  );
  const [percent, bin, bins] = [percentNode, binNode, binsNode].map((node) =>
    scope.compile.scalar(node, scope).run([]),
  );
  if (!value || !index || typeof bin !== "bigint" || bin <= 0n)
    throw createUnsupportedError("The bin of the plugin 'rolling_percentile'");
  const share = toReal(percent) ?? 50;
  const width = bin * BigInt(toReal(bins) ?? 1);
  const columns: readonly HuntColumn[] = [
    { name: index.name, type: index.scalar.type },
    ...dimensions.map(({ name, scalar }) => ({ name, type: scalar.type })),
    {
      name: `rolling_${String(bins)}_percentile_${value.name}_${String(percent)}`,
      type: value.scalar.type,
    },
  ];
  return {
    columns,
    *rows() {
      for (const { key, members } of groupValues(input.rows(), value, index, dimensions)) {
        const starts = new Set(members.map(({ at }) => floorTo(at, bin)));
        for (const from of [...starts].sort(compareValues)) {
          const values = members
            .filter(({ at }) => at >= from + bin - width && at < from + bin)
            .map((member) => [member.value, 1] as const);
          yield [from, ...key, findWeightedPercentile(createQuantileSketch(values).tdigest, share)];
        }
      }
    },
  };
}

interface ValueGroup {
  readonly key: Row;
  readonly members: { readonly at: bigint; readonly value: unknown }[];
}

/** Groups values by dimensions, in the dimensions' order. */
function groupValues(
  rows: Iterable<Row>,
  value: NamedScalar,
  index: NamedScalar,
  dimensions: readonly NamedScalar[],
): readonly ValueGroup[] {
  const groups = new Map<string, ValueGroup>();
  for (const row of rows) {
    const at = index.scalar.run(row);
    const one = value.scalar.run(row) ?? null;
    if (typeof at !== "bigint" || one === null) continue;
    const values = dimensions.map(({ scalar }) => scalar.run(row) ?? null);
    const key = toKey(values);
    const group = groups.get(key) ?? { key: values, members: [] };
    groups.set(key, group);
    group.members.push({ at, value: one });
  }
  return [...groups].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, group]) => group);
}
