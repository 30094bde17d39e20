/** Counts the known rows that a run has left out, by one query. */
import type { SuppressedRows } from "../../contracts/hunt-state.ts";
import { formatInstant, parseInstant, ticksFromMs } from "../../runtime/time.ts";
import type { ExportRecord } from "../ports.ts";
import type { QuerySpan } from "../query/query-text.ts";
import type { RunContext } from "./run-context.ts";

/**
 * Returns the count for the span of a run's new exports; undefined when there is none or when the
 * count failed: it informs people and is not worth another call.
 */
export async function countSuppressedRows(
  run: RunContext,
  records: readonly ExportRecord[],
): Promise<SuppressedRows | undefined> {
  const span = findSpan(run, records);
  if (span === undefined || run.hunt.known.length === 0) return undefined;
  const answer = await run.querier.countSuppressed(span);
  return answer?.kind === "count"
    ? { rows: answer.count, from: formatInstant(span.from), to: formatInstant(span.to) }
    : undefined;
}

/** A query with time predicates of its own is counted over the newest span that they allow. */
function findSpan({ hunt }: RunContext, records: readonly ExportRecord[]): QuerySpan | undefined {
  const from = parseInstant(records[0]?.metadata.from ?? "");
  const to = parseInstant(records.at(-1)?.metadata.to ?? "");
  if (from === undefined || to === undefined) return undefined;
  if (hunt.mode === "snapshot") return { from: to - ticksFromMs(hunt.lookBackMs), to, clock: to };
  const earliest = hunt.widestMs === undefined ? from : to - ticksFromMs(hunt.widestMs);
  return { from: earliest > from ? earliest : from, to, clock: to };
}
