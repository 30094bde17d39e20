/** Aggregates with several results: arg_max, arg_min, take_any of columns, percentiles. */
import { childAt, type KqlNode } from "../../language/parser.ts";
import type { HuntColumn } from "../../../contracts/compiled-hunt.ts";
import { aggregates, percentileOf, type Aggregate } from "../aggregates.ts";
import { argumentsOf, resultName, simpleName } from "../names.ts";
import { columnAt, type Row, type Scalar, type Scope } from "../plan.ts";
import { listOf, part } from "../scalar.ts";
import { compareValues, toReal } from "../values.ts";

export interface Named {
  readonly name: string;
  readonly aggregate: Aggregate;
}

interface Cell {
  readonly name: string;
  readonly scalar: Scalar;
}

/** The results of such a call with their names, or `undefined` for any other expression. */
export function severalOf(
  node: KqlNode,
  scope: Scope,
  keys: readonly HuntColumn[],
): readonly Named[] | undefined {
  const call =
    node.kind === "SimpleNamedExpression" || node.kind === "CompoundNamedExpression"
      ? part(node, "Expression")
      : node;
  if (call.kind !== "FunctionCallExpression") return undefined;
  const make = makers[simpleName(part(call, "Name"))];
  const results = make?.(argumentsOf(call), scope, keys);
  const names = namesOf(node);
  return results?.map((result, index) => ({ ...result, name: names[index] ?? result.name }));
}

function namesOf(node: KqlNode): readonly string[] {
  if (node.kind === "SimpleNamedExpression") return [simpleName(node)];
  const list = node.kind === "CompoundNamedExpression" ? childAt(node, "Names") : undefined;
  return list ? listOf(list, "Names").map(simpleName) : [];
}

type Maker = (
  args: readonly KqlNode[],
  scope: Scope,
  keys: readonly HuntColumn[],
) => readonly Named[] | undefined;

/** Columns an argument stands for; `*` is every column that is neither a key nor named already. */
function cellsFor(
  args: readonly KqlNode[],
  scope: Scope,
  keys: readonly HuntColumn[],
  named: readonly string[],
): readonly Cell[] {
  const taken = new Set([...keys.map(({ name }) => name), ...named]);
  return args.flatMap((arg) =>
    arg.kind === "StarExpression"
      ? scope.columns.flatMap(({ name, type }, place) =>
          taken.has(name) ? [] : [{ name, scalar: columnAt(type, place) }],
        )
      : [{ name: resultName(arg) ?? "Column1", scalar: scope.compile.scalar(arg, scope) }],
  );
}

/** The row where the first argument is largest (or smallest): that value, then what else is asked for. */
const extremeRow =
  (sign: 1 | -1): Maker =>
  ([by, ...rest], scope, keys) => {
    if (by === undefined) return undefined;
    const [first] = cellsFor([by], scope, [], []);
    if (first === undefined) return undefined;
    const cells = [first, ...cellsFor(rest, scope, keys, [first.name])];
    return cells.map(({ name, scalar }) => ({
      name,
      aggregate: { type: scalar.type, start: () => best(first.scalar, scalar, sign) },
    }));
  };

function best(by: Scalar, wanted: Scalar, sign: 1 | -1): ReturnType<Aggregate["start"]> {
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
    value: () => (row === undefined ? null : wanted.run(row)),
  };
}

/** Each column of one and the same row: the first. */
const oneRow: Maker = (args, scope, keys) => {
  if (args.length === 1 && args[0]?.kind !== "StarExpression") return undefined;
  return cellsFor(args, scope, keys, []).map(({ name, scalar }) => ({
    name,
    aggregate: { type: scalar.type, start: () => firstOf(scalar) },
  }));
};

function firstOf(scalar: Scalar): ReturnType<Aggregate["start"]> {
  let row: Row | undefined;
  return {
    add: (next) => (row ??= next),
    value: () => (row === undefined ? null : scalar.run(row)),
  };
}

/** `take_any(X)` is called X, `any(X)` any_X. */
const takeAny: Maker = (args, scope, keys) => {
  const [only] = args;
  const make = aggregates["take_any"];
  if (only === undefined || make === undefined || args.length > 1 || only.kind === "StarExpression")
    return oneRow(args, scope, keys);
  return cellsFor([only], scope, [], []).map(({ name, scalar }) => ({
    name,
    aggregate: make([scalar]),
  }));
};

const percentiles: Maker = ([by, ...shares], scope) => {
  if (by === undefined) return undefined;
  const [cell] = cellsFor([by], scope, [], []);
  if (cell === undefined) return undefined;
  return shares.map((share) => ({
    name: `percentile_${resultName(by) ?? ""}_${share.text.replace(".", "_")}`,
    aggregate: {
      type: cell.scalar.type,
      start: () => gathered(cell.scalar, toReal(scope.compile.scalar(share, scope).run([])) ?? 50),
    },
  }));
};

function gathered({ run }: Scalar, share: number): ReturnType<Aggregate["start"]> {
  const values: unknown[] = [];
  return {
    add: (row) => {
      const value = run(row) ?? null;
      if (value !== null) values.push(value);
    },
    value: () => percentileOf(values, share),
  };
}

const makers: Readonly<Record<string, Maker>> = {
  arg_max: extremeRow(1),
  argmax: extremeRow(1),
  arg_min: extremeRow(-1),
  argmin: extremeRow(-1),
  any: oneRow,
  take_any: takeAny,
  percentiles,
  percentile: percentiles,
};
