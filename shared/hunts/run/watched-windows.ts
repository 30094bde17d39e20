/** The windows that may still gain late rows. */
import { serviceRetentionMs } from "../../contracts/hunting-retention.ts";
import {
  dayMs,
  listDaysBetween,
  startOfDay,
  ticksFromMs,
  type Span,
  type Ticks,
} from "../../runtime/time.ts";
import type { LogEnd } from "../log/log-end.ts";
import { spanOf } from "../log/metadata.ts";
import { dayPrefix, placeOf } from "../log/paths.ts";
import type { ExportRecord } from "../ports.ts";
import type { RunContext } from "./run-context.ts";

/** One window, and the late exports that belong to it. */
export interface WatchedWindow {
  readonly window: ExportRecord;
  readonly span: Span;
  readonly late: readonly ExportRecord[];
}

/** Lists the windows of this version that are watched, oldest first. */
export async function listWatchedWindows(
  run: RunContext,
  logEnd: LogEnd,
  settledTo: Ticks,
): Promise<ExportRecord[]> {
  const windows = await listUnsettledDays(run, logEnd, settledTo);
  return windows.filter(
    ({ metadata }) => metadata.complete === "yes" && isUnsettled(spanOf(metadata), settledTo),
  );
}

/** Returns each window with its own late exports. */
export const attachLateExports = (
  windows: readonly ExportRecord[],
  lateRecords: readonly ExportRecord[],
): WatchedWindow[] =>
  windows.map((window) => ({
    window,
    span: spanOf(window.metadata),
    late: lateRecords.filter((record) => isOfWindow(record, window)),
  }));

/** Returns true when a late export belongs to this window. */
export const isOfWindow = (late: ExportRecord, window: ExportRecord): boolean =>
  late.metadata.from === window.metadata.from && late.metadata.to === window.metadata.to;

const isUnsettled = (span: Span, settledTo: Ticks): boolean => span.to > settledTo;

/**
 * No window that can still gain rows starts earlier than the service keeps rows, plus a day for
 * rounding.
 */
const maxAgeTicks = ticksFromMs(serviceRetentionMs + dayMs);

/** Lists records day by day, back to the version's first record or its first settled one. */
async function listUnsettledDays(
  run: RunContext,
  logEnd: LogEnd,
  settledTo: Ticks,
): Promise<ExportRecord[]> {
  if (!logEnd.last) return [];
  const place = { ...placeOf(run), version: logEnd.version };
  const newestDay = dayOf(logEnd.last);
  const records: ExportRecord[] = [];
  for (const day of listDaysBetween(newestDay - maxAgeTicks, newestDay).toReversed()) {
    const dayRecords: ExportRecord[] = [];
    for await (const record of run.deps.exports.list(dayPrefix(place, "main", day)))
      dayRecords.push(record);
    records.unshift(...dayRecords);
    // A day without a record is inside a window that started before it.
    const [first] = dayRecords;
    if (first && (first.metadata.seq === 0 || !isUnsettled(spanOf(first.metadata), settledTo)))
      break;
  }
  return records;
}

const dayOf = (record: ExportRecord): Ticks => startOfDay(spanOf(record.metadata).from);
