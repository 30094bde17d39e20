/** Follows a log from one end past every record that is already there. */
import type { ExportRecord, ExportStore } from "../ports.ts";
import { nextPath, type LogEnd } from "./log-end.ts";

/** A log end and the records between it and the end where following began, oldest first. */
export interface FollowedLog {
  readonly logEnd: LogEnd;
  readonly records: readonly ExportRecord[];
}

/**
 * Probes one record after the other until a path is free.
 *
 * @param advance - returns the log end after one more record
 */
export async function followRecords(
  exports: Pick<ExportStore, "find">,
  start: LogEnd,
  advance: (logEnd: LogEnd, record: ExportRecord) => LogEnd | Promise<LogEnd>,
): Promise<FollowedLog> {
  const records: ExportRecord[] = [];
  let logEnd = start;
  for (;;) {
    const next = await exports.find(nextPath(logEnd));
    if (!next) return { logEnd, records };
    records.push(next);
    logEnd = await advance(logEnd, next);
  }
}
