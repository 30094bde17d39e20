/** Aggregates with several results: arg_max, arg_min, take_any of columns, percentiles. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { aggregates, type Aggregate } from "../aggregates.ts";
import { createQuantileSketch, findWeightedPercentile } from "../sketches.ts";
import { argumentsOf, inferResultName, readName } from "../names.ts";
import { createColumnScalar, type Row, type Scalar, type Scope } from "../plan.ts";
import { listChildren, requireChild } from "../scalar.ts";
import { compareValues, toReal } from "../values.ts";

export interface NamedAggregate {
  readonly name: string;
  readonly aggregate: Aggregate;
}

interface Cell {
  readonly name: string;
  readonly scalar: Scalar;
}

/** The results of such a call with their names, or `undefined` for any other expression. */
export function compileMultiAggregate(
  node: KqlNode,
  scope: Scope,
  keys: readonly HuntColumn[],
): readonly NamedAggregate[] | undefined {
  const call =
    node.kind === "SimpleNamedExpression" || node.kind === "CompoundNamedExpression"
      ? requireChild(node, "Expression")
      : node;
  if (call.kind !== "FunctionCallExpression") return undefined;
  const make = multiAggregates[readName(requireChild(call, "Name"))];
  const results = make?.(argumentsOf(call), scope, keys);
  const names = readResultNames(node);
  return results?.map((result, index) => ({ ...result, name: names[index] ?? result.name }));
}

function readResultNames(node: KqlNode): readonly string[] {
  if (node.kind === "SimpleNamedExpression") return [readName(node)];
  const list = node.kind === "CompoundNamedExpression" ? childAt(node, "Names") : undefined;
  return list ? listChildren(list, "Names").map(readName) : [];
}

type MultiAggregateFactory = (
  args: readonly KqlNode[],
  scope: Scope,
  keys: readonly HuntColumn[],
) => readonly NamedAggregate[] | undefined;

/** Returns an argument's columns; `*` is every column that is neither a key nor named already. */
function compileArgumentCells(
  args: readonly KqlNode[],
  scope: Scope,
  keys: readonly HuntColumn[],
  usedNames: readonly string[],
): readonly Cell[] {
  const excludedNames = new Set([...keys.map(({ name }) => name), ...usedNames]);
  return args.flatMap((arg) =>
    arg.kind === "StarExpression"
      ? scope.columns.flatMap(({ name, type }, columnIndex) =>
          excludedNames.has(name) ? [] : [{ name, scalar: createColumnScalar(type, columnIndex) }],
        )
      : [{ name: inferResultName(arg) ?? "Column1", scalar: scope.compile.scalar(arg, scope) }],
  );
}

/**
 * The row where the first argument is largest (or smallest): that value, then what else is asked
 * for.
 */
const createArgExtreme =
  (sign: 1 | -1): MultiAggregateFactory =>
  ([by, ...rest], scope, keys) => {
    if (by === undefined) return undefined;
    const [first] = compileArgumentCells([by], scope, [], []);
    if (first === undefined) return undefined;
    const cells = [first, ...compileArgumentCells(rest, scope, keys, [first.name])];
    return cells.map(({ name, scalar }) => ({
      name,
      aggregate: { type: scalar.type, start: () => createExtremeTally(first.scalar, scalar, sign) },
    }));
  };

function createExtremeTally(
  by: Scalar,
  output: Scalar,
  sign: 1 | -1,
): ReturnType<Aggregate["start"]> {
  let top: unknown = null;
  let row: Row | undefined;
  return {
    add: (next) => {
      const value = by.run(next) ?? null;
      if (
        row !== undefined &&
        (value === null || (top !== null && compareValues(value, top) * sign <= 0))
      )
        return;
      top = value;
      row = next;
    },
    value: () => (row === undefined ? null : output.run(row)),
  };
}

/** Returns columns of one row, the first. */
const createOneRow: MultiAggregateFactory = (args, scope, keys) => {
  if (args.length === 1 && args[0]?.kind !== "StarExpression") return undefined;
  return compileArgumentCells(args, scope, keys, []).map(({ name, scalar }) => ({
    name,
    aggregate: { type: scalar.type, start: () => createFirstTally(scalar) },
  }));
};

function createFirstTally(scalar: Scalar): ReturnType<Aggregate["start"]> {
  let row: Row | undefined;
  return {
    add: (next) => (row ??= next),
    value: () => (row === undefined ? null : scalar.run(row)),
  };
}

/** `take_any(X)` is called X, `any(X)` any_X. */
const createTakeAny: MultiAggregateFactory = (args, scope, keys) => {
  const [only] = args;
  const make = aggregates["take_any"];
  if (only === undefined || make === undefined || args.length > 1 || only.kind === "StarExpression")
    return createOneRow(args, scope, keys);
  return compileArgumentCells([only], scope, [], []).map(({ name, scalar }) => ({
    name,
    aggregate: make([scalar]),
  }));
};

/** `percentiles(value, …)`; `percentilesw` has a weight after the value. */
const createPercentiles =
  (isWeighted: boolean): MultiAggregateFactory =>
  ([by, ...rest], scope) => {
    if (by === undefined) return undefined;
    const [cell] = compileArgumentCells([by], scope, [], []);
    const weightNode = isWeighted ? rest[0] : undefined;
    if (cell === undefined) return undefined;
    const weight = weightNode && scope.compile.scalar(weightNode, scope);
    return rest.slice(isWeighted ? 1 : 0).map((share) => ({
      name: `percentile_${inferResultName(by) ?? ""}_${share.text.replace(".", "_")}`,
      aggregate: {
        type: cell.scalar.type,
        start: () =>
          createPercentileTally(
            cell.scalar,
            weight,
            toReal(scope.compile.scalar(share, scope).run([])) ?? 50,
          ),
      },
    }));
  };

function createPercentileTally(
  { run }: Scalar,
  weight: Scalar | undefined,
  share: number,
): ReturnType<Aggregate["start"]> {
  const values: (readonly [unknown, number])[] = [];
  return {
    add: (row) => {
      const value = run(row) ?? null;
      const size = weight === undefined ? 1 : (toReal(weight.run(row)) ?? 0);
      if (value !== null && size > 0) values.push([value, size]);
    },
    value: () => findWeightedPercentile(createQuantileSketch(values).tdigest, share),
  };
}

const multiAggregates: Readonly<Record<string, MultiAggregateFactory>> = {
  arg_max: createArgExtreme(1),
  argmax: createArgExtreme(1),
  arg_min: createArgExtreme(-1),
  argmin: createArgExtreme(-1),
  any: createOneRow,
  take_any: createTakeAny,
  percentiles: createPercentiles(false),
  percentile: createPercentiles(false),
  percentilesw: createPercentiles(true),
  percentilew: createPercentiles(true),
};
