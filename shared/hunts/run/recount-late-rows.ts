/**
 * Finds late rows: rows that arrived after their window was exported. Each run counts the unsettled
 * span again. Where the count has grown, it reads the windows that grew and commits their new rows
 * as the next record of the log `late/`. Windows themselves never change.
 *
 * Two instances that find the same late rows compete for one sequence number. The one that loses
 * compares again with the winner's rows and finds nothing new.
 */
import type { Ticks } from "../../runtime/time.ts";
import type { LogEnd } from "../log/log-end.ts";
import { computeChainHash } from "../log/metadata.ts";
import { latePrefix, locateLateLog } from "../log/paths.ts";
import type { ExportRecord } from "../ports.ts";
import type { RunStop } from "../query/hunt-querier.ts";
import { exportLateRows, type UnclearRows } from "./export-late-rows.ts";
import { findGrownWindows } from "./grown-windows.ts";
import type { RunContext } from "./run-context.ts";
import { findWatchedWindows, type WatchedWindow } from "./watched-windows.ts";

export interface RecountResult {
  /** Every late export from `lateFrom` on in order, those of this run included. */
  readonly records: readonly ExportRecord[];
  /** The first late export that may still matter to the next recount. */
  readonly lateFrom: number;
  readonly result: { readonly kind: "done" } | RunStop | UnclearRows;
}

/** What to recount: the version at the log end, back to its oldest unsettled window. */
export interface RecountTask {
  readonly run: RunContext;
  readonly logEnd: LogEnd;
  /** Windows that end after this are watched. */
  readonly settledTo: Ticks;
  /** The first late export that may matter, when known. */
  readonly lateFrom: number | undefined;
}

export async function recountLateRows(task: RecountTask): Promise<RecountResult> {
  const { run, logEnd, settledTo } = task;
  const lateRecords = await readLateExports(task);
  const watchedWindows = await findWatchedWindows(run, logEnd, settledTo, lateRecords);
  const lateLogEnd = createLateLogEnd(run.hunt.name, logEnd, lateRecords);
  const lateFrom = findFirstRelevantSeq(watchedWindows, lateLogEnd);
  const exported = await exportGrownWindows(run, lateLogEnd, watchedWindows);
  return { result: exported.result, records: [...lateRecords, ...exported.records], lateFrom };
}

async function exportGrownWindows(
  run: RunContext,
  start: LogEnd,
  watchedWindows: readonly WatchedWindow[],
): Promise<Pick<RecountResult, "records" | "result">> {
  const records: ExportRecord[] = [];
  let lateLogEnd = start;
  for await (const growth of findGrownWindows(run, watchedWindows)) {
    if (growth.kind !== "grown") return { records, result: growth };
    const outcome = await exportLateRows(run, lateLogEnd, growth);
    if (outcome.kind !== "done") return { records, result: outcome };
    records.push(...outcome.records);
    lateLogEnd = outcome.logEnd;
    await run.deps.failpoint("R1 recount half done");
  }
  return { records, result: { kind: "done" } };
}

/** Reads late exports from `lateFrom` on by probing; lists all of them when it is not known. */
async function readLateExports({ run, logEnd, lateFrom }: RecountTask): Promise<ExportRecord[]> {
  const { exports } = run.deps;
  const records: ExportRecord[] = [];
  if (lateFrom === undefined) {
    for await (const record of exports.list(latePrefix(run.hunt.name, logEnd.version)))
      records.push(record);
    return records;
  }
  const location = locateLateLog(run.hunt.name, logEnd.version, logEnd.format);
  // The export before `lateFrom` is needed for its chain hash.
  for (let seq = Math.max(0, lateFrom - 1); ; seq += 1) {
    const record = await exports.find(location.pathOf(seq, 0n));
    if (!record) return records;
    records.push(record);
  }
}

function createLateLogEnd(
  hunt: string,
  logEnd: LogEnd,
  lateRecords: readonly ExportRecord[],
): LogEnd {
  const location = locateLateLog(hunt, logEnd.version, logEnd.format);
  const last = lateRecords.at(-1);
  const position = last
    ? { seq: last.metadata.seq + 1, prev: computeChainHash(last.metadata) }
    : { seq: 0, prev: "" };
  return { ...logEnd, ...position, location, last };
}

const findFirstRelevantSeq = (
  watchedWindows: readonly WatchedWindow[],
  lateLogEnd: LogEnd,
): number =>
  Math.min(
    lateLogEnd.seq,
    ...watchedWindows.flatMap(({ late }) => late.map(({ metadata }) => metadata.seq)),
  );
