/** A table of the world as the query sees it. */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import type { Span } from "../../runtime/time.ts";
import type { QueryContext, Table } from "./plan.ts";
import { unboundedSpan, intersectSpans } from "./time-bounds.ts";

/** Rows by `Timestamp`, then as they came in; cut to the request's `Timespan` and to what had arrived. */
export function createScan(
  name: string,
  columns: readonly HuntColumn[],
  context: QueryContext,
  span = context.timespan ?? unboundedSpan,
): Table {
  return {
    columns,
    rows: () => context.dataset.readRows(name, span, context.visibleAt),
    narrow: (further: Span) => createScan(name, columns, context, intersectSpans(span, further)),
  };
}
