/** Announces every new export with rows on the queue `hunt-results`, at least once. */
import type { HuntHead } from "../../contracts/hunt-state.ts";
import type { HuntResult } from "../../contracts/hunt-result.ts";
import {
  dayMs,
  formatInstant,
  listDaysBetween,
  parseInstant,
  ticksFromMs,
} from "../../runtime/time.ts";
import type { LogEnd } from "../log/log-end.ts";
import { spanOf } from "../log/metadata.ts";
import { dayPrefix, formatDay, versionOf } from "../log/paths.ts";
import type { ExportRecord, HuntContext, HuntDeps } from "../ports.ts";
import { buildRowsQuery, type QuerySpan } from "../query/query-text.ts";

type NotifiedPosition = HuntHead["notified"];

/** Sends one message for an export with rows. */
async function announceExport(
  { deps, hunt }: HuntContext,
  kind: HuntResult["kind"],
  record: ExportRecord,
): Promise<void> {
  const { seq, from, to, rows, complete } = record.metadata;
  if (rows === 0 || complete !== "yes") return;
  const query = buildRowsQuery(hunt, "prelude", toQuerySpan(hunt, record));
  const portalLink = deps.createPortalLink(query);
  const blob = record.path;
  const message: HuntResult = { hunt: hunt.name, kind, seq, from, to, rows, blob, portalLink };
  await deps.queues.send("hunt-results", message);
  await deps.failpoint("E14 result message sent");
}

/** Returns the span that the export's query read. */
function toQuerySpan(hunt: HuntContext["hunt"], record: ExportRecord): QuerySpan {
  const span = spanOf(record.metadata);
  const from = hunt.mode === "snapshot" ? span.to - ticksFromMs(hunt.lookBackMs) : span.from;
  return { from, to: span.to, clock: span.to };
}

/** Records that a run found or committed past the cached head, and the log end after them. */
interface NewExports {
  readonly records: readonly ExportRecord[];
  readonly isFromCache: boolean;
  readonly logEnd: LogEnd;
}

/**
 * Announces the records past the cached head. If the cache was lost or does not cover everything
 * before them, announces every export after the last announced one.
 *
 * @returns the newest announced position
 */
export async function announceRun(
  context: HuntContext,
  cachedHead: HuntHead | undefined,
  { records, isFromCache, logEnd }: NewExports,
): Promise<NotifiedPosition> {
  const { deps, hunt } = context;
  const notified = cachedHead?.notified ?? createNotifiedPosition(logEnd);
  const isComplete =
    isFromLogStart(records, logEnd) || (isFromCache && isAnnouncedUpTo(notified, cachedHead?.head));
  const unannounced = isComplete
    ? records
    : await listExportsAfter(deps, hunt.name, notified, logEnd);
  for (const record of unannounced) await announceExport(context, "window", record);
  const last = unannounced.at(-1);
  const version = last && versionOf(last.path);
  return last && version !== undefined
    ? { version, seq: last.metadata.seq, from: last.metadata.from }
    : notified;
}

/** Returns true when the records start with the log's first one, or the log has none. */
const isFromLogStart = (records: readonly ExportRecord[], logEnd: LogEnd): boolean =>
  records[0] === undefined
    ? logEnd.last === undefined && logEnd.version === 1
    : versionOf(records[0].path) === 1 && records[0].metadata.seq === 0;

/** Returns true when everything up to the cached head was announced. */
const isAnnouncedUpTo = (notified: NotifiedPosition, head: string | undefined): boolean =>
  head === undefined
    ? notified.seq === -1
    : versionOf(head) === notified.version &&
      head.includes(`/${String(notified.seq).padStart(12, "0")}.`);

/**
 * Announces late exports after the announced ones; after a lost cache only those of the last seven
 * days.
 *
 * @param lastNotified - the newest announced late export by day
 */
export async function announceLateExports(
  context: HuntContext,
  lastNotified: HuntHead["lateNotified"],
  records: readonly ExportRecord[],
  logEnd: LogEnd,
): Promise<void> {
  const oldest = logEnd.from - ticksFromMs(reannounceMs);
  for (const record of records) {
    const { from, to } = spanOf(record.metadata);
    const isAnnounced = record.metadata.seq <= (lastNotified?.[formatDay(from)] ?? -1);
    if (!isAnnounced && to > oldest) await announceExport(context, "late", record);
  }
}

/** Lists the exports after a position day by day up to the log end, over all versions between. */
export async function listExportsAfter(
  { exports, tenant }: Pick<HuntDeps, "exports" | "tenant">,
  hunt: string,
  after: NotifiedPosition,
  logEnd: Pick<LogEnd, "version" | "from">,
): Promise<ExportRecord[]> {
  const records: ExportRecord[] = [];
  for (let version = after.version; version <= logEnd.version; version += 1) {
    for (const day of listDaysBetween(parseInstant(after.from) ?? 0n, logEnd.from)) {
      for await (const record of exports.list(dayPrefix({ tenant, hunt, version }, "main", day)))
        if (version > after.version || record.metadata.seq > after.seq) records.push(record);
    }
  }
  return records;
}

/**
 * How far back exports are announced again after a lost cache: messages on the queue expire after
 * seven days.
 */
const reannounceMs = 7 * dayMs;

/** Returns where announcing starts after a lost cache. */
function createNotifiedPosition(logEnd: LogEnd): NotifiedPosition {
  const start = logEnd.from - ticksFromMs(reannounceMs);
  return { version: 1, seq: -1, from: formatInstant(start) };
}
