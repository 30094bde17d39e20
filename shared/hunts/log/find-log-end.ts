/**
 * Finds the end of a hunt's log. With a cached head it probes one record after the other from
 * there; without one it lists the newest version, newest date first. A closing record leads to the
 * next version.
 */
import type { VersionStart, HuntHead } from "../../contracts/hunt-state.ts";
import { formatInstant, parseInstant } from "../../runtime/time.ts";
import type { ExportRecord, ExportStore, HuntContext } from "../ports.ts";
import { followRecords, type FollowedLog } from "./follow-log.ts";
import { advanceLogEnd, type LogEnd } from "./log-end.ts";
import { computeChainHash, spanOf } from "./metadata.ts";
import { formatOf, huntPrefix, locateWindowLog, logPrefix, placeOf, versionOf } from "./paths.ts";
import type { HuntPlace } from "./paths.ts";
import { findLatestVersion, findOrCreateVersionStart, proposeVersionStart } from "./state.ts";

/** The log end, and the records that were found past the cached head, oldest first. */
export interface LogTail extends FollowedLog {
  /** True when `records` holds every record between the cached head and the log end. */
  readonly isFromCache: boolean;
}

export async function findLogEnd(
  context: HuntContext,
  cachedHead: HuntHead | undefined,
): Promise<LogTail> {
  const { exports } = context.deps;
  const cachedRecord =
    cachedHead?.head === undefined ? undefined : await exports.find(cachedHead.head);
  const start = cachedRecord ?? (await findNewestExport(exports, placeOf(context)));
  const logEnd = start ? await resolveLogEnd(context, start) : await findEmptyLogEnd(context);
  // A log that was empty when the cache was written misses no record either.
  const isFromCache =
    cachedRecord !== undefined ||
    (cachedHead !== undefined && cachedHead.head === undefined && start === undefined);
  return { ...(await followLog(context, logEnd)), isFromCache };
}

/** Follows the hunt's own log, over closing records into the next version. */
export const followLog = (context: HuntContext, start: LogEnd): Promise<FollowedLog> =>
  followRecords(context.deps.exports, start, (logEnd, record) =>
    record.metadata.complete === "closed"
      ? startNextVersion(context, logEnd.version, record)
      : advanceLogEnd(logEnd, record),
  );

async function resolveLogEnd(context: HuntContext, record: ExportRecord): Promise<LogEnd> {
  const version = versionOf(record.path);
  const format = formatOf(record.path);
  if (version === undefined || format === undefined)
    throw new Error(`${record.path} is not an export of ${context.hunt.name}`);
  if (record.metadata.complete === "closed") return startNextVersion(context, version, record);
  const { queryhash: queryHash } = record.metadata;
  const location = locateWindowLog({ ...placeOf(context), version }, format);
  return advanceLogEnd(
    { location, format, queryHash, version, seq: 0, from: 0n, prev: "", last: undefined },
    record,
  );
}

/** Returns the start of the version that a closing record names; creates it if no instance has. */
async function startNextVersion(
  context: HuntContext,
  closedVersion: number,
  closingRecord: ExportRecord,
): Promise<LogEnd> {
  const { metadata } = closingRecord;
  const version = closedVersion + 1;
  const { from } = spanOf(metadata);
  const proposal = proposeVersionStart(context, from, metadata.queryhash);
  const versionStart = await findOrCreateVersionStart(context, version, proposal);
  // The closing record decides where the version starts; its start record, which query it belongs
  // to.
  const start = { ...versionStart, from: formatInstant(from) };
  return toLogEnd(context, version, start, computeChainHash(metadata));
}

async function findEmptyLogEnd(context: HuntContext): Promise<LogEnd> {
  const version = (await findLatestVersion(context)) ?? 1;
  const proposal = proposeVersionStart(context, undefined);
  const versionStart = await findOrCreateVersionStart(context, version, proposal);
  return toLogEnd(context, version, versionStart, "");
}

function toLogEnd(
  context: HuntContext,
  version: number,
  versionStart: VersionStart,
  prev: string,
): LogEnd {
  const { format, queryHash } = versionStart;
  const from = parseInstant(versionStart.from) ?? 0n;
  const location = locateWindowLog({ ...placeOf(context), version }, format);
  return { location, format, queryHash, version, seq: 0, from, prev, last: undefined };
}

/** Lists the newest version that has exports, then its newest day; returns the highest number. */
async function findNewestExport(
  exports: ExportStore,
  place: HuntPlace,
): Promise<ExportRecord | undefined> {
  const versions = await listFolderValues(exports, huntPrefix(place), "hl_version");
  for (const version of versions.map(Number).toSorted((a, b) => b - a)) {
    const prefix = logPrefix({ ...place, version }, "main");
    // A version that has only a backfill yet has no day.
    const newestDay = (await listFolderValues(exports, prefix, "hl_date")).toSorted().at(-1);
    let newest: ExportRecord | undefined;
    if (newestDay !== undefined)
      for await (const record of exports.list(`${prefix}hl_date=${newestDay}/`)) newest = record;
    if (newest) return newest;
  }
  return undefined;
}

/** Returns the values of one partition key under a prefix. */
async function listFolderValues(
  exports: ExportStore,
  prefix: string,
  key: "hl_version" | "hl_date",
): Promise<string[]> {
  const values = (await exports.listFolders(prefix)).filter((name) => name.startsWith(`${key}=`));
  return values.map((name) => name.slice(key.length + 1)).filter((value) => /^[\d-]+$/.test(value));
}
