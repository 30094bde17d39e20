/**
 * Where a hunt's exports and records lie.
 *
 * One sequence number can never have two paths: the path of record `k + 1` is made of record `k` alone (its version, its
 * `to`, its number and its file ending), and the path of a log's first record of the log's birth record. Two runners
 * that know record `k` therefore meet on one path whatever they think of the time, also when one plans its window before
 * midnight and the other after: the date is that of the window's start, which is `to` of record `k`, never of the clock.
 */
import { formatInstant, type Ticks } from "../../runtime/time.ts";
import type { HuntFormat } from "../ports.ts";

const fileExtensions = {
  ndjson: "ndjson.gz",
  csv: "csv.gz",
  parquet: "parquet",
} as const satisfies Record<HuntFormat, string>;

const formatSeq = (seq: number): string => String(seq).padStart(12, "0");

/** `2026/01/05` of an instant, UTC. */
const formatDatePath = (at: Ticks): string => formatInstant(at).slice(0, 10).replaceAll("-", "/");

/** One log of exports: the hunt's own, in versions, its late rows, or one backfill. Paths are relative to `exports`. */
export interface LogLocation {
  readonly pathOf: (seq: number, from: Ticks) => string;
}

/** Version `n` of a hunt's log: `{hunt}/v{n}/{yyyy}/{MM}/{dd}/{seq:012}.ndjson.gz`. */
export const locateWindowLog = (
  hunt: string,
  version: number,
  format: HuntFormat,
): LogLocation => ({
  pathOf: (seq, from) =>
    `${versionPrefix(hunt, version)}${formatDatePath(from)}/${formatSeq(seq)}.${fileExtensions[format]}`,
});

/** Late rows of version `n`: `{hunt}/v{n}/late/{seq:012}.ndjson.gz`. */
export const locateLateLog = (hunt: string, version: number, format: HuntFormat): LogLocation => ({
  pathOf: (seq) => `${latePrefix(hunt, version)}${formatSeq(seq)}.${fileExtensions[format]}`,
});

/** A backfill: `{hunt}/backfill/{from}-{to}/{seq:012}.ndjson.gz`, instants as `20260105T063835Z`. */
export const locateBackfillLog = (
  hunt: string,
  from: Ticks,
  to: Ticks,
  format: HuntFormat,
): LogLocation => ({
  pathOf: (seq) => `${backfillPrefix(hunt, from, to)}${formatSeq(seq)}.${fileExtensions[format]}`,
});

export const versionPrefix = (hunt: string, version: number): string => `${hunt}/v${version}/`;
export const latePrefix = (hunt: string, version: number): string =>
  `${versionPrefix(hunt, version)}late/`;
export const backfillPrefix = (hunt: string, from: Ticks, to: Ticks): string =>
  `${hunt}/backfill/${formatCompactInstant(from)}-${formatCompactInstant(to)}/`;

/** Every export of one day of a version. */
export const dayPrefix = (hunt: string, version: number, day: Ticks): string =>
  `${versionPrefix(hunt, version)}${formatDatePath(day)}/`;

const formatCompactInstant = (at: Ticks): string =>
  formatInstant(at).replaceAll(/[-:]/g, "").replace(".0000000", "");

/** The format that a path's ending names, or `undefined`. */
export function formatOf(path: string): HuntFormat | undefined {
  const formats = Object.keys(fileExtensions) as HuntFormat[];
  return formats.find((format) => path.endsWith(`.${fileExtensions[format]}`));
}

/** The version that a path of the hunt's own log names, or `undefined`. */
export function versionOf(path: string): number | undefined {
  const match = /^[^/]+\/v(\d+)\//.exec(path);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

/** Where in the hunt's own log a path lies; `undefined` for late rows, backfills and what is no path of a log. */
export function parseExportPath(
  path: string,
): { readonly version: number; readonly seq: number } | undefined {
  const match = /^[^/]+\/v(\d{1,9})\/\d{4}\/\d\d\/\d\d\/(\d{12})\.[^/]+$/.exec(path);
  return match ? { version: Number(match[1]), seq: Number(match[2]) } : undefined;
}

/** The records of a hunt, container first. All but the births are caches or notes. */
export const statePaths = {
  head: (hunt: string): string => `state/hunts/${hunt}/head.json`,
  lease: (hunt: string): string => `state/hunts/${hunt}/claim.json`,
  waiting: (hunt: string): string => `state/hunts/${hunt}/waiting.json`,
  status: (hunt: string): string => `state/hunts/${hunt}/status.json`,
  versionStarts: (hunt: string): string => `state/hunts/${hunt}/versions/`,
  versionStart: (hunt: string, version: number): string =>
    `state/hunts/${hunt}/versions/v${version}.json`,
  schema: (hunt: string, hash: string): string => `state/hunts/${hunt}/schemas/${hash}.json`,
} as const;
