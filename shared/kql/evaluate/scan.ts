/** A table of the world as the query sees it. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import type { Span } from "../../runtime/time.ts";
import type { QueryContext, Table } from "./plan.ts";
import { always, overlap } from "./time-bounds.ts";

/** Rows by `Timestamp`, then as they came in; cut to the request's `Timespan` and to what had arrived. */
export function scanOf(
  name: string,
  columns: readonly HuntColumn[],
  context: QueryContext,
  span = context.timespan ?? always,
): Table {
  return {
    columns,
    rows: () => context.world.rows(name, span, context.visibleAt),
    narrow: (further: Span) => scanOf(name, columns, context, overlap(span, further)),
  };
}
