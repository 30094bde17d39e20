/**
 * Finds late rows: rows that arrived after their window was exported. Each run counts the unsettled
 * span again. Where the count has grown, it reads the windows that grew and commits their new rows
 * as the next late export of the day on which their window starts. Windows themselves never
 * change.
 *
 * Two instances that find the same late rows compete for one sequence number of that day. The one
 * that loses compares again with the winner's rows and finds nothing new.
 */
import type { HuntHead } from "../../contracts/hunt-state.ts";
import {
  dayMs,
  listDaysBetween,
  parseInstant,
  startOfDay,
  ticksFromMs,
  type Ticks,
} from "../../runtime/time.ts";
import type { LogEnd } from "../log/log-end.ts";
import { computeChainHash, spanOf } from "../log/metadata.ts";
import { dayPrefix, formatDay, locateLateLog, placeOf } from "../log/paths.ts";
import type { ExportRecord } from "../ports.ts";
import type { RunStop } from "../query/hunt-querier.ts";
import { exportLateRows, type UnclearRows } from "./export-late-rows.ts";
import { findGrownWindows } from "./grown-windows.ts";
import type { RunContext } from "./run-context.ts";
import { attachLateExports, listWatchedWindows } from "./watched-windows.ts";

export interface RecountResult {
  /** Every late export of `days` in order, those of this run included. */
  readonly records: readonly ExportRecord[];
  /** The start of the first day whose windows may still gain late rows. */
  readonly firstDay: Ticks;
  readonly result: { readonly kind: "done" } | RunStop | UnclearRows;
}

/** What to recount: the version at the log end, back to its oldest unsettled window. */
export interface RecountTask {
  readonly run: RunContext;
  readonly logEnd: LogEnd;
  /** Windows that end after this are watched. */
  readonly settledTo: Ticks;
  /** The newest announced late export by day; undefined after a lost cache. */
  readonly lateNotified: HuntHead["lateNotified"];
}

export async function recountLateRows(task: RecountTask): Promise<RecountResult> {
  const { run, logEnd, settledTo } = task;
  const windows = await listWatchedWindows(run, logEnd, settledTo);
  const [oldest] = windows;
  const firstDay = startOfDay(oldest ? spanOf(oldest.metadata).from : logEnd.from);
  const lateRecords = await listLateExports(task, firstDay);
  const records = [...lateRecords];
  for await (const growth of findGrownWindows(run, attachLateExports(windows, lateRecords))) {
    if (growth.kind !== "grown") return { records, firstDay, result: growth };
    const day = startOfDay(growth.watchedWindow.span.from);
    const outcome = await exportLateRows(run, createLateLogEnd(run, logEnd, day, records), growth);
    if (outcome.kind !== "done") return { records, firstDay, result: outcome };
    records.push(...outcome.records);
    await run.deps.failpoint("R1 recount half done");
  }
  return { records, firstDay, result: { kind: "done" } };
}

/** How far back late exports are looked for after a lost cache, to announce them. */
const lostCacheMs = 7 * dayMs;

/**
 * Lists the late exports of the watched days and of the days whose late exports a former run may
 * have committed without announcing them.
 */
async function listLateExports(
  { run, logEnd, lateNotified }: RecountTask,
  firstDay: Ticks,
): Promise<ExportRecord[]> {
  const knownDays = lateNotified && Object.keys(lateNotified).map(parseDay);
  const oldestDays = knownDays ?? [logEnd.from - ticksFromMs(lostCacheMs)];
  const from = oldestDays.reduce((oldest, day) => (day < oldest ? day : oldest), firstDay);
  const place = { ...placeOf(run), version: logEnd.version };
  const records: ExportRecord[] = [];
  for (const day of listDaysBetween(from, logEnd.from)) {
    for await (const record of run.deps.exports.list(dayPrefix(place, "late", day)))
      records.push(record);
  }
  return records;
}

const parseDay = (day: string): Ticks => parseInstant(`${day}T00:00:00Z`) ?? 0n;

function createLateLogEnd(
  run: RunContext,
  logEnd: LogEnd,
  day: Ticks,
  lateRecords: readonly ExportRecord[],
): LogEnd {
  const place = { ...placeOf(run), version: logEnd.version };
  const location = locateLateLog(place, day, logEnd.format);
  const last = lateRecords.findLast(({ path }) => path.startsWith(dayPrefix(place, "late", day)));
  const position = last
    ? { seq: last.metadata.seq + 1, prev: computeChainHash(last.metadata) }
    : { seq: 0, prev: "" };
  return { ...logEnd, ...position, location, last };
}

/** The newest late export of each day that a later run must look at again; -1 for none. */
export function findNewestLateExports(
  { firstDay, records }: Pick<RecountResult, "firstDay" | "records">,
  logEnd: Pick<LogEnd, "from">,
): NonNullable<HuntHead["lateNotified"]> {
  const newest = Object.fromEntries(
    listDaysBetween(firstDay, logEnd.from).map((day) => [formatDay(day), -1]),
  );
  for (const { metadata } of records) {
    const day = formatDay(spanOf(metadata).from);
    if (day in newest) newest[day] = Math.max(newest[day] ?? -1, metadata.seq);
  }
  return newest;
}
