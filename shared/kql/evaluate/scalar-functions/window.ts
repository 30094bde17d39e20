/** Functions over ordered rows. They need the operator's cursor; rows are those of its input. */
import { asDynamic, convertScalar } from "../coerce.ts";
import type { RowCursor, Row, Scalar } from "../plan.ts";
import { createSemanticError } from "../query-error.ts";
import { compareValues, toKey } from "../values.ts";
import {
  requireArgument,
  type FunctionCall,
  type FunctionTable,
  type FunctionCompiler,
} from "./function-compiler.ts";

function requireCursor({ scope, name }: FunctionCall): RowCursor {
  if (scope.cursor === undefined) throw createSemanticError(`'${name}' needs serialized rows.`);
  return scope.cursor;
}

const createRowScalar = (type: Scalar["type"], run: (row: Row) => unknown): Scalar => ({
  type,
  isConstant: false,
  run,
});

/** `prev(column, offset, otherwise)` and `next`. */
const createNeighbor =
  (direction: 1 | -1): FunctionCompiler =>
  (args, call) => {
    const cursor = requireCursor(call);
    const value = requireArgument(args, 0);
    const offset = args[1] === undefined ? 1 : Number(args[1].run([]));
    const defaultScalar = args[2] && convertScalar(args[2], value.type);
    return createRowScalar(value.type, (row) => {
      const other = cursor.rows[cursor.index + direction * offset];
      return other === undefined
        ? (defaultScalar?.run(row) ?? (value.type === "string" ? "" : null))
        : value.run(other);
    });
  };

/**
 * A value carried from row to row; it begins anew at the first row, and where `restart` is true.
 */
function carryState<S>(
  cursor: RowCursor,
  restart: Scalar | undefined,
  begin: () => S,
  step: (state: S, row: Row) => S,
): (row: Row) => S {
  let state = begin();
  let lastIndex = -1;
  return (row) => {
    if (cursor.index === lastIndex) return state;
    if (cursor.index === 0 || restart?.run(row) === true) state = begin();
    lastIndex = cursor.index;
    return (state = step(state, row));
  };
}

const evaluateRowNumber: FunctionCompiler = (args, call) => {
  const start = args[0] === undefined ? 1n : BigInt(args[0].run([]) as bigint | number);
  return createRowScalar(
    "long",
    carryState(
      requireCursor(call),
      args[1],
      () => start - 1n,
      (number) => number + 1n,
    ),
  );
};

const evaluateRowCumsum: FunctionCompiler = (args, call) => {
  const value = requireArgument(args, 0);
  const isWhole = value.type === "long" || value.type === "int" || value.type === "timespan";
  const read = convertScalar(
    value,
    value.type === "timespan" ? "timespan" : isWhole ? "long" : "real",
  );
  const addToTotal = (total: bigint | number, row: Row): bigint | number => {
    const next = read.run(row) as bigint | number | null;
    if (next === null) return total;
    return typeof total === "bigint" ? total + BigInt(next) : total + Number(next);
  };
  return createRowScalar(
    read.type,
    carryState<bigint | number>(requireCursor(call), args[1], () => (isWhole ? 0n : 0), addToTotal),
  );
};

interface Rank {
  readonly rank: bigint;
  readonly key: string | undefined;
}

const evaluateRowRankDense: FunctionCompiler = (args, call) => {
  const term = asDynamic(requireArgument(args, 0));
  const rankOf = carryState<Rank>(
    requireCursor(call),
    args[1],
    () => ({ rank: 0n, key: undefined }),
    ({ rank, key }, row) => {
      const next = toKey([term.run(row)]);
      return next === key ? { rank, key } : { rank: rank + 1n, key: next };
    },
  );
  return createRowScalar("long", (row) => rankOf(row).rank);
};

interface Session {
  readonly start: unknown;
  readonly last: unknown;
}

/** `row_window_session(time, longest, gap, restart)`: the start of the row's session. */
const evaluateRowSession: FunctionCompiler = (args, call) => {
  const [time, maxDuration, gap] = [
    requireArgument(args, 0),
    requireArgument(args, 1),
    requireArgument(args, 2),
  ];
  const sessionOf = carryState<Session>(
    requireCursor(call),
    args[3],
    () => ({ start: null, last: null }),
    ({ start, last }, row) => {
      const now = time.run(row) as bigint | null;
      if (now === null) return { start, last };
      const isSameSession =
        typeof start === "bigint" &&
        typeof last === "bigint" &&
        compareValues(now - start, maxDuration.run(row)) <= 0 &&
        compareValues(now - last, gap.run(row)) <= 0;
      return { start: isSameSession ? start : now, last: now };
    },
  );
  return createRowScalar("datetime", (row) => sessionOf(row).start);
};

export const windowFunctions: FunctionTable = {
  prev: createNeighbor(-1),
  next: createNeighbor(1),
  row_number: evaluateRowNumber,
  row_cumsum: evaluateRowCumsum,
  row_rank_dense: evaluateRowRankDense,
  row_window_session: evaluateRowSession,
};
