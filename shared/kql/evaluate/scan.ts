/** Reads a table of the service. */
import type { Span } from "../../runtime/time.ts";
import type { EvaluationContext, SourceTable } from "./context.ts";
import type { Table } from "./plan.ts";
import { unboundedSpan, intersectSpans } from "./time-bounds.ts";

/** Returns the rows of a table, limited to the request's `Timespan`. */
export function createScan(
  source: SourceTable,
  context: EvaluationContext,
  span = context.timespan ?? unboundedSpan,
): Table {
  return {
    columns: source.columns,
    rows: () => source.rows(span),
    narrow: (further: Span) => createScan(source, context, intersectSpans(span, further)),
  };
}
