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
import { formatOf, locateWindowLog, versionOf, versionPrefix } from "./paths.ts";
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
  const start = cachedRecord ?? (await findNewestExport(exports, context.hunt.name));
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
  const location = locateWindowLog(context.hunt.name, version, format);
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
  return toLogEnd(context.hunt.name, version, start, computeChainHash(metadata));
}

async function findEmptyLogEnd(context: HuntContext): Promise<LogEnd> {
  const version = (await findLatestVersion(context)) ?? 1;
  const proposal = proposeVersionStart(context, undefined);
  const versionStart = await findOrCreateVersionStart(context, version, proposal);
  return toLogEnd(context.hunt.name, version, versionStart, "");
}

function toLogEnd(hunt: string, version: number, versionStart: VersionStart, prev: string): LogEnd {
  const { format, queryHash } = versionStart;
  const from = parseInstant(versionStart.from) ?? 0n;
  const location = locateWindowLog(hunt, version, format);
  return { location, format, queryHash, version, seq: 0, from, prev, last: undefined };
}

/**
 * Lists the newest version, then the newest year, month and day, and returns the highest number.
 */
async function findNewestExport(
  exports: ExportStore,
  hunt: string,
): Promise<ExportRecord | undefined> {
  const versions = await listMatchingFolders(exports, `${hunt}/`, /^v\d+$/);
  const version = Math.max(0, ...versions.map((name) => Number(name.slice(1))));
  if (version === 0) return undefined;
  let prefix = versionPrefix(hunt, version);
  for (const digits of [/^\d{4}$/, /^\d\d$/, /^\d\d$/]) {
    const newest = (await listMatchingFolders(exports, prefix, digits)).toSorted().at(-1);
    if (newest === undefined) return undefined;
    prefix = `${prefix}${newest}/`;
  }
  let newest: ExportRecord | undefined;
  for await (const record of exports.list(prefix)) newest = record;
  return newest;
}

const listMatchingFolders = async (
  exports: ExportStore,
  prefix: string,
  pattern: RegExp,
): Promise<string[]> =>
  (await exports.listFolders(prefix)).filter((folder) => pattern.test(folder));
