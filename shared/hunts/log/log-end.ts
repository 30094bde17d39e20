/**
 * Finds where a hunt's log goes on. From the cached head it probes one record after the other; without a cache it lists
 * the newest version, newest date first. Closing records lead on to the next version.
 */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { VersionStart, HuntHead } from "../../contracts/hunt-state.ts";
import { formatInstant, parseInstant, type Ticks } from "../../runtime/time.ts";
import { computeChainHash, spanOf } from "./metadata.ts";
import { formatOf, versionOf, versionPrefix, locateWindowLog, type LogLocation } from "./paths.ts";
import type { ExportRecord, HuntFormat, HuntDeps } from "../ports.ts";
import { createVersionStart, latestVersion, readVersionStart } from "./state.ts";

/** Where the next record of a log goes. */
export interface LogEnd {
  readonly location: LogLocation;
  readonly format: HuntFormat;
  readonly queryHash: string;
  readonly version: number;
  readonly seq: number;
  readonly from: Ticks;
  readonly prev: string;
  /** The newest record of this version; absent while it has none. */
  readonly last: ExportRecord | undefined;
}

/** The tip, and the records that were found past the cached head, oldest first. */
export interface LogTail {
  readonly logEnd: LogEnd;
  readonly records: readonly ExportRecord[];
  /** True when the cached head was there: nothing between it and the tip is missing from `records`. */
  readonly isFromCache: boolean;
}

/** Where a version begins that nobody has begun yet. */
export type VersionStartProposer = (
  version: number,
  from: Ticks | undefined,
  former?: string,
) => VersionStart;

/** The path of the tip's next record. */
export const nextPath = (logEnd: LogEnd): string => logEnd.location.pathOf(logEnd.seq, logEnd.from);

/** The tip after one more record of the same version. */
export const advanceLogEnd = (logEnd: LogEnd, record: ExportRecord): LogEnd => ({
  ...logEnd,
  seq: record.metadata.seq + 1,
  from: spanOf(record.metadata).to,
  prev: computeChainHash(record.metadata),
  last: record,
});

export async function findLogEnd(
  ports: HuntDeps,
  hunt: CompiledHunt,
  cachedHead: HuntHead | undefined,
  proposeStart: VersionStartProposer,
): Promise<LogTail> {
  const cachedRecord =
    cachedHead?.head === undefined ? undefined : await ports.exports.find(cachedHead.head);
  const start = cachedRecord ?? (await findNewestExport(ports, hunt.name));
  const logEnd = start
    ? await resolveLogEnd(ports, hunt, start, proposeStart)
    : await findEmptyLogEnd(ports, hunt, proposeStart);
  // A log that was empty when the cache was written misses nothing either.
  const isFromCache =
    cachedRecord !== undefined ||
    (cachedHead !== undefined && cachedHead.head === undefined && start === undefined);
  return { ...(await followLog(ports, hunt, logEnd, proposeStart)), isFromCache };
}

/** Goes on from a tip past every record that is there. */
export async function followLog(
  ports: HuntDeps,
  hunt: CompiledHunt,
  start: LogEnd,
  proposeStart: VersionStartProposer,
): Promise<{ readonly logEnd: LogEnd; readonly records: readonly ExportRecord[] }> {
  const records: ExportRecord[] = [];
  let logEnd = start;
  for (
    let next = await ports.exports.find(nextPath(logEnd));
    next;
    next = await ports.exports.find(nextPath(logEnd))
  ) {
    records.push(next);
    logEnd =
      next.metadata.complete === "closed"
        ? await startNextVersion(ports, hunt, logEnd.version, next, proposeStart)
        : advanceLogEnd(logEnd, next);
  }
  return { logEnd, records };
}

async function resolveLogEnd(
  ports: HuntDeps,
  hunt: CompiledHunt,
  record: ExportRecord,
  proposeStart: VersionStartProposer,
): Promise<LogEnd> {
  const version = versionOf(record.path);
  const format = formatOf(record.path);
  if (version === undefined || format === undefined)
    throw new Error(`${record.path} is no export of ${hunt.name}`);
  if (record.metadata.complete === "closed")
    return startNextVersion(ports, hunt, version, record, proposeStart);
  const { queryhash: queryHash } = record.metadata;
  const location = locateWindowLog(hunt.name, version, format);
  return advanceLogEnd(
    { location, format, queryHash, version, seq: 0, from: 0n, prev: "", last: undefined },
    record,
  );
}

/** The beginning of the version that a closing record names; begins it where nobody has. */
async function startNextVersion(
  ports: HuntDeps,
  hunt: CompiledHunt,
  closedVersion: number,
  closingRecord: ExportRecord,
  proposeStart: VersionStartProposer,
): Promise<LogEnd> {
  const version = closedVersion + 1;
  const { from } = spanOf(closingRecord.metadata);
  const proposal = proposeStart(version, from, closingRecord.metadata.queryhash);
  const versionStart =
    (await readVersionStart(ports, hunt.name, version)) ??
    (await createVersionStart(ports, hunt.name, version, proposal));
  // The closing record binds the start; the birth says whose version it is.
  return toLogEnd(
    hunt.name,
    version,
    { ...versionStart, from: formatInstant(from) },
    computeChainHash(closingRecord.metadata),
  );
}

async function findEmptyLogEnd(
  ports: HuntDeps,
  hunt: CompiledHunt,
  proposeStart: VersionStartProposer,
): Promise<LogEnd> {
  const version = (await latestVersion(ports, hunt.name)) ?? 1;
  const versionStart =
    (await readVersionStart(ports, hunt.name, version)) ??
    (await createVersionStart(ports, hunt.name, version, proposeStart(version, undefined)));
  return toLogEnd(hunt.name, version, versionStart, "");
}

function toLogEnd(hunt: string, version: number, versionStart: VersionStart, prev: string): LogEnd {
  const { format, queryHash } = versionStart;
  const from = parseInstant(versionStart.from) ?? 0n;
  return {
    location: locateWindowLog(hunt, version, format),
    format,
    queryHash,
    version,
    seq: 0,
    from,
    prev,
    last: undefined,
  };
}

/** The newest export by listing: the newest version, then the newest year, month and day, then the highest number. */
async function findNewestExport(
  { exports }: Pick<HuntDeps, "exports">,
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
  exports: HuntDeps["exports"],
  prefix: string,
  pattern: RegExp,
): Promise<string[]> =>
  (await exports.listFolders(prefix)).filter((folder) => pattern.test(folder));
