/**
 * Paths of a hunt's exports and records. Exports lie in Hive-style partitions, so that DuckDB, Spark
 * and Data Explorer read the parts as columns:
 * `hl_tenant={tenant}/hl_hunt={hunt}/hl_version={n}/hl_log={log}/hl_date={yyyy-MM-dd}/{seq:012}.ndjson.gz`.
 *
 * A sequence number has exactly one path. The path of record `k + 1` depends on record `k` alone:
 * its version, `to`, number and file extension. The path of the first record depends on the version
 * start. Two instances that know record `k` therefore compete for one path, also when one of them
 * plans before midnight and the other after: the date in the path is the window's start (`to` of
 * record `k`), never the clock.
 */
import { formatInstant, type Span, type Ticks } from "../../runtime/time.ts";
import type { HuntContext, HuntFormat } from "../ports.ts";

const fileExtensions = {
  ndjson: "ndjson.gz",
  csv: "csv.gz",
  parquet: "parquet",
} as const satisfies Record<HuntFormat, string>;

const formatSeq = (seq: number): string => String(seq).padStart(12, "0");

/** Formats the UTC date of an instant as `2026-01-05`. */
export const formatDay = (at: Ticks): string => formatInstant(at).slice(0, 10);

/** A hunt of one tenant. */
export interface HuntPlace {
  readonly tenant: string;
  readonly hunt: string;
}

export const placeOf = ({ deps, hunt }: HuntContext): HuntPlace => ({
  tenant: deps.tenant,
  hunt: hunt.name,
});

/** One version of a hunt's log. */
export interface VersionPlace extends HuntPlace {
  readonly version: number;
}

/** The logs of a version: windows, rows that arrived after their window, and backfills. */
type LogName = "main" | "late" | "backfill";

/** One log of exports: a version of the hunt's own log, its late rows of one day, or a backfill. */
export interface LogLocation {
  /** Returns a path in the container `exports`. */
  readonly pathOf: (seq: number, from: Ticks) => string;
}

/** Locates a version's own log: `…/hl_log=main/hl_date={yyyy-MM-dd}/{seq:012}.ndjson.gz`. */
export const locateWindowLog = (place: VersionPlace, format: HuntFormat): LogLocation => ({
  pathOf: (seq, from) =>
    `${dayPrefix(place, "main", from)}${formatSeq(seq)}.${fileExtensions[format]}`,
});

/**
 * Locates the late rows of windows that start on one day. Each day has a numbering of its own: with
 * one numbering for all days two instances could commit the same number under two dates.
 */
export const locateLateLog = (
  place: VersionPlace,
  day: Ticks,
  format: HuntFormat,
): LogLocation => ({
  pathOf: (seq) => `${dayPrefix(place, "late", day)}${formatSeq(seq)}.${fileExtensions[format]}`,
});

/**
 * Locates a backfill. Its span begins the file name, instants as `20260105T063835Z`:
 * `…/hl_log=backfill/hl_date={yyyy-MM-dd}/{from}-{to}-{seq:012}.ndjson.gz`.
 */
export const locateBackfillLog = (
  place: VersionPlace,
  span: Span,
  format: HuntFormat,
): LogLocation => ({
  pathOf: (seq, from) =>
    `${backfillDayPrefix(place, span, from)}${formatSeq(seq)}.${fileExtensions[format]}`,
});

/** Returns the prefix of everything that belongs to a tenant. */
export const tenantPrefix = (tenant: string): string => `hl_tenant=${tenant}/`;
/** Returns the prefix of a hunt's exports. */
export const huntPrefix = ({ tenant, hunt }: HuntPlace): string =>
  `${tenantPrefix(tenant)}hl_hunt=${hunt}/`;
/** Returns the prefix of one log of a version. */
export const logPrefix = (place: VersionPlace, log: LogName): string =>
  `${huntPrefix(place)}hl_version=${place.version}/hl_log=${log}/`;
/** Returns the prefix of one log's exports of one day. */
export const dayPrefix = (place: VersionPlace, log: LogName, day: Ticks): string =>
  `${logPrefix(place, log)}hl_date=${formatDay(day)}/`;
/** Returns the prefix of one backfill's exports of one day. */
export const backfillDayPrefix = (place: VersionPlace, { from, to }: Span, day: Ticks): string =>
  `${dayPrefix(place, "backfill", day)}${formatCompactInstant(from)}-${formatCompactInstant(to)}-`;

const formatCompactInstant = (at: Ticks): string =>
  formatInstant(at).replaceAll(/[-:]/g, "").replace(".0000000", "");

/** Returns the format that a path's file extension names; undefined for another extension. */
export function formatOf(path: string): HuntFormat | undefined {
  const formats = Object.keys(fileExtensions) as HuntFormat[];
  return formats.find((format) => path.endsWith(`.${fileExtensions[format]}`));
}

/** Returns true for the path of an export of this hunt. */
export const isExportOf = (path: string, hunt: string): boolean =>
  path.includes(`/hl_hunt=${hunt}/`);

/** Returns the version of an export's path. */
export function versionOf(path: string): number | undefined {
  const match = /\/hl_version=(\d+)\//.exec(path);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

const exportPathPattern =
  /\/hl_version=(\d{1,9})\/hl_log=main\/hl_date=[\d-]{10}\/(\d{12})\.[^/]+$/;

/** Returns a path's position in the hunt's own log; undefined for late rows and backfills. */
export function parseExportPath(
  path: string,
): { readonly version: number; readonly seq: number } | undefined {
  const match = exportPathPattern.exec(path);
  return match ? { version: Number(match[1]), seq: Number(match[2]) } : undefined;
}

/** Paths of a hunt's records, container first. Only the version starts must not be lost. */
export const statePaths = {
  head: (hunt: string): string => `state/hunts/${hunt}/head.json`,
  lease: (hunt: string): string => `state/hunts/${hunt}/lease.json`,
  waiting: (hunt: string): string => `state/hunts/${hunt}/waiting.json`,
  status: (hunt: string): string => `state/hunts/${hunt}/status.json`,
  versionStarts: (hunt: string): string => `state/hunts/${hunt}/versions/`,
  versionStart: (hunt: string, version: number): string =>
    `state/hunts/${hunt}/versions/v${version}.json`,
  schema: (hunt: string, hash: string): string => `state/hunts/${hunt}/schemas/${hash}.json`,
} as const;
