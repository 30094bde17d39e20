/** Functions over ordered rows. They need the operator's cursor; rows are those of its input. */
import { asDynamic, convert } from "../coerce.ts";
import type { Cursor, Row, Scalar } from "../plan.ts";
import { QueryError } from "../query-error.ts";
import { compareValues, keyOf } from "../values.ts";
import { argument, type Call, type Family, type Maker } from "./maker.ts";

function cursorOf({ scope, name }: Call): Cursor {
  if (scope.cursor === undefined)
    throw new QueryError(
      "semantic",
      `The query has a semantic error: '${name}' needs serialized rows. Fix semantic errors in your query.`,
    );
  return scope.cursor;
}

const perRow = (type: Scalar["type"], run: (row: Row) => unknown): Scalar => ({
  type,
  constant: false,
  run,
});

/** `prev(column, offset, otherwise)` and `next`. */
const neighbour =
  (direction: 1 | -1): Maker =>
  (args, call) => {
    const cursor = cursorOf(call);
    const value = argument(args, 0);
    const offset = args[1] === undefined ? 1 : Number(args[1].run([]));
    const otherwise = args[2] && convert(args[2], value.type);
    return perRow(value.type, (row) => {
      const other = cursor.rows[cursor.index + direction * offset];
      return other === undefined
        ? (otherwise?.run(row) ?? (value.type === "string" ? "" : null))
        : value.run(other);
    });
  };

/** A value carried from row to row; it begins anew at the first row, and where `restart` is true. */
function carried<S>(
  cursor: Cursor,
  restart: Scalar | undefined,
  begin: () => S,
  step: (state: S, row: Row) => S,
): (row: Row) => S {
  let state = begin();
  let at = -1;
  return (row) => {
    if (cursor.index === at) return state;
    if (cursor.index === 0 || restart?.run(row) === true) state = begin();
    at = cursor.index;
    return (state = step(state, row));
  };
}

const rowNumber: Maker = (args, call) => {
  const start = args[0] === undefined ? 1n : BigInt(args[0].run([]) as bigint | number);
  return perRow(
    "long",
    carried(
      cursorOf(call),
      args[1],
      () => start - 1n,
      (number) => number + 1n,
    ),
  );
};

const runningSum: Maker = (args, call) => {
  const value = argument(args, 0);
  const whole = value.type === "long" || value.type === "int" || value.type === "timespan";
  const read = convert(value, value.type === "timespan" ? "timespan" : whole ? "long" : "real");
  const add = (total: bigint | number, row: Row): bigint | number => {
    const next = read.run(row) as bigint | number | null;
    if (next === null) return total;
    return typeof total === "bigint" ? total + BigInt(next) : total + Number(next);
  };
  return perRow(
    read.type,
    carried<bigint | number>(cursorOf(call), args[1], () => (whole ? 0n : 0), add),
  );
};

interface Rank {
  readonly rank: bigint;
  readonly key: string | undefined;
}

const denseRank: Maker = (args, call) => {
  const term = asDynamic(argument(args, 0));
  const rank = carried<Rank>(
    cursorOf(call),
    args[1],
    () => ({ rank: 0n, key: undefined }),
    ({ rank, key }, row) => {
      const next = keyOf([term.run(row)]);
      return next === key ? { rank, key } : { rank: rank + 1n, key: next };
    },
  );
  return perRow("long", (row) => rank(row).rank);
};

interface Session {
  readonly start: unknown;
  readonly last: unknown;
}

/** `row_window_session(time, longest, gap, restart)`: the start of the row's session. */
const session: Maker = (args, call) => {
  const [time, longest, gap] = [argument(args, 0), argument(args, 1), argument(args, 2)];
  const found = carried<Session>(
    cursorOf(call),
    args[3],
    () => ({ start: null, last: null }),
    ({ start, last }, row) => {
      const now = time.run(row) as bigint | null;
      if (now === null) return { start, last };
      const fits =
        typeof start === "bigint" &&
        typeof last === "bigint" &&
        compareValues(now - start, longest.run(row)) <= 0 &&
        compareValues(now - last, gap.run(row)) <= 0;
      return { start: fits ? start : now, last: now };
    },
  );
  return perRow("datetime", (row) => found(row).start);
};

export const windowFunctions: Family = {
  prev: neighbour(-1),
  next: neighbour(1),
  row_number: rowNumber,
  row_cumsum: runningSum,
  row_rank_dense: denseRank,
  row_window_session: session,
};
