/**
 * Paths of a hunt's exports and records.
 *
 * A sequence number has exactly one path. The path of record `k + 1` depends on record `k` alone:
 * its version, `to`, number and file extension. The path of the first record depends on the version
 * start. Two instances that know record `k` therefore compete for one path, also when one of them
 * plans before midnight and the other after: the date in the path is the window's start (`to` of
 * record `k`), never the clock.
 */
import { formatInstant, type Ticks } from "../../runtime/time.ts";
import type { HuntFormat } from "../ports.ts";

const fileExtensions = {
  ndjson: "ndjson.gz",
  csv: "csv.gz",
  parquet: "parquet",
} as const satisfies Record<HuntFormat, string>;

const formatSeq = (seq: number): string => String(seq).padStart(12, "0");

/** Formats the UTC date of an instant as `2026/01/05`. */
const formatDatePath = (at: Ticks): string => formatInstant(at).slice(0, 10).replaceAll("-", "/");

/** One log of exports: a version of the hunt's own log, its late rows, or a backfill. */
export interface LogLocation {
  /** Returns a path in the container `exports`. */
  readonly pathOf: (seq: number, from: Ticks) => string;
}

/** Locates version `n` of a hunt's log: `{hunt}/v{n}/{yyyy}/{MM}/{dd}/{seq:012}.ndjson.gz`. */
export const locateWindowLog = (
  hunt: string,
  version: number,
  format: HuntFormat,
): LogLocation => ({
  pathOf: (seq, from) =>
    `${dayPrefix(hunt, version, from)}${formatSeq(seq)}.${fileExtensions[format]}`,
});

/** Locates the late rows of version `n`: `{hunt}/v{n}/late/{seq:012}.ndjson.gz`. */
export const locateLateLog = (hunt: string, version: number, format: HuntFormat): LogLocation => ({
  pathOf: (seq) => `${latePrefix(hunt, version)}${formatSeq(seq)}.${fileExtensions[format]}`,
});

/**
 * Locates a backfill: `{hunt}/backfill/{from}-{to}/{seq:012}.ndjson.gz`, instants as
 * `20260105T063835Z`.
 */
export const locateBackfillLog = (
  hunt: string,
  from: Ticks,
  to: Ticks,
  format: HuntFormat,
): LogLocation => ({
  pathOf: (seq) => `${backfillPrefix(hunt, from, to)}${formatSeq(seq)}.${fileExtensions[format]}`,
});

/** Returns the prefix of a version's exports. */
export const versionPrefix = (hunt: string, version: number): string => `${hunt}/v${version}/`;
/** Returns the prefix of a version's late exports. */
export const latePrefix = (hunt: string, version: number): string =>
  `${versionPrefix(hunt, version)}late/`;
/** Returns the prefix of one backfill's exports. */
export const backfillPrefix = (hunt: string, from: Ticks, to: Ticks): string =>
  `${hunt}/backfill/${formatCompactInstant(from)}-${formatCompactInstant(to)}/`;

/** Returns the prefix of a version's exports of one day. */
export const dayPrefix = (hunt: string, version: number, day: Ticks): string =>
  `${versionPrefix(hunt, version)}${formatDatePath(day)}/`;

const formatCompactInstant = (at: Ticks): string =>
  formatInstant(at).replaceAll(/[-:]/g, "").replace(".0000000", "");

/** Returns the format that a path's file extension names; undefined for another extension. */
export function formatOf(path: string): HuntFormat | undefined {
  const formats = Object.keys(fileExtensions) as HuntFormat[];
  return formats.find((format) => path.endsWith(`.${fileExtensions[format]}`));
}

/** Returns the version of a path in the hunt's own log, late rows included. */
export function versionOf(path: string): number | undefined {
  const match = /^[^/]+\/v(\d+)\//.exec(path);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/** Returns a path's position in the hunt's own log; undefined for late rows and backfills. */
export function parseExportPath(
  path: string,
): { readonly version: number; readonly seq: number } | undefined {
  const match = /^[^/]+\/v(\d{1,9})\/\d{4}\/\d\d\/\d\d\/(\d{12})\.[^/]+$/.exec(path);
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
