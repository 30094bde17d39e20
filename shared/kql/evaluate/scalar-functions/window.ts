/** Functions over ordered rows: each computes its values for all rows of one reading. */
import { asDynamic, convertScalar } from "../coerce.ts";
import type { Row, Scalar, WindowCalls } from "../plan.ts";
import { createSemanticError } from "../query-error.ts";
import { compareValues, getEmptyValue, toKey } from "../values.ts";
import {
  requireArgument,
  type FunctionCall,
  type FunctionCompiler,
  type FunctionTable,
} from "./function-compiler.ts";

function requireWindows({ scope, name }: FunctionCall): WindowCalls {
  if (scope.windows === undefined)
    throw createSemanticError(`Function '${name}' cannot be invoked in the current context.`);
  return scope.windows;
}

/** `prev(column, offset, otherwise)` and `next`. */
const createNeighbor =
  (direction: 1 | -1): FunctionCompiler =>
  (args, call) => {
    const value = requireArgument(args, 0);
    const offset = args[1] === undefined ? 1 : Number(args[1].run([]));
    const otherwise = args[2] && convertScalar(args[2], value.type);
    return requireWindows(call).add(value.type, (rows) =>
      rows.map((row, index) => {
        const other = rows[index + direction * offset];
        if (other !== undefined) return value.run(other);
        return otherwise ? otherwise.run(row) : getEmptyValue(value.type);
      }),
    );
  };

/** Computes values from a state that starts at the first row and again where `restart` is true. */
function carryState<S>(
  rows: readonly Row[],
  restart: Scalar | undefined,
  start: () => S,
  step: (state: S, row: Row) => S,
): readonly S[] {
  let state = start();
  return rows.map((row) => {
    if (restart?.run(row) === true) state = start();
    return (state = step(state, row));
  });
}

const evaluateRowNumber: FunctionCompiler = (args, call) => {
  const first = args[0] === undefined ? 1n : BigInt(args[0].run([]) as bigint | number);
  return requireWindows(call).add("long", (rows) =>
    carryState(
      rows,
      args[1],
      () => first - 1n,
      (number) => number + 1n,
    ),
  );
};

const evaluateRowCumsum: FunctionCompiler = (args, call) => {
  const value = requireArgument(args, 0);
  const isWhole = value.type === "long" || value.type === "int" || value.type === "timespan";
  const read = convertScalar(value, isWhole && value.type === "int" ? "long" : value.type);
  const addToTotal = (total: bigint | number, row: Row): bigint | number => {
    const next = read.run(row) as bigint | number | null;
    if (next === null) return total;
    return typeof total === "bigint" ? total + BigInt(next) : total + Number(next);
  };
  const sum = requireWindows(call).add(read.type, (rows) =>
    carryState<bigint | number>(rows, args[1], () => (isWhole ? 0n : 0), addToTotal),
  );
  return convertScalar(sum, value.type);
};

interface Rank {
  readonly rank: bigint;
  readonly key: string | undefined;
  readonly count: bigint;
}

/** `row_rank_dense` counts distinct values, `row_rank_min` rows. */
const createRowRank =
  (isDense: boolean): FunctionCompiler =>
  (args, call) => {
    const term = asDynamic(requireArgument(args, 0));
    const nextState = ({ rank, key, count }: Rank, row: Row): Rank => {
      const next = toKey([term.run(row)]);
      if (next === key) return { rank, key, count: count + 1n };
      return { rank: isDense ? rank + 1n : count + 1n, key: next, count: count + 1n };
    };
    return requireWindows(call).add("long", (rows) =>
      carryState<Rank>(
        rows,
        args[1],
        () => ({ rank: 0n, key: undefined, count: 0n }),
        nextState,
      ).map(({ rank }) => rank),
    );
  };

interface Session {
  readonly start: unknown;
  readonly last: unknown;
}

/**
 * `row_window_session(time, maxDuration, maxGap, restart)`: the start of the row's session. A new
 * session starts when a distance equals or exceeds its limit.
 */
const evaluateRowSession: FunctionCompiler = (args, call) => {
  const [time, maxDuration, maxGap] = [
    requireArgument(args, 0),
    requireArgument(args, 1),
    requireArgument(args, 2),
  ];
  const nextState = ({ start, last }: Session, row: Row): Session => {
    const now = time.run(row) as bigint | null;
    if (now === null) return { start, last };
    const isSameSession =
      typeof start === "bigint" &&
      typeof last === "bigint" &&
      compareValues(now - start, maxDuration.run(row)) < 0 &&
      compareValues(now - last, maxGap.run(row)) < 0;
    return { start: isSameSession ? start : now, last: now };
  };
  return requireWindows(call).add("datetime", (rows) =>
    carryState<Session>(rows, args[3], () => ({ start: null, last: null }), nextState).map(
      ({ start }) => start,
    ),
  );
};

export const windowFunctions: FunctionTable = {
  prev: createNeighbor(-1),
  next: createNeighbor(1),
  row_number: evaluateRowNumber,
  row_cumsum: evaluateRowCumsum,
  row_rank_dense: createRowRank(true),
  row_rank_min: createRowRank(false),
  row_window_session: evaluateRowSession,
};
