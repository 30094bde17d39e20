/** Checks what a schedule left behind: the exports, the announcements, the calls. */
import { createHash } from "node:crypto";
import { computeChainHash } from "../../shared/hunts/log/metadata.ts";
import { toStoredRows } from "../../shared/hunts/log/stored-rows.ts";
import { minuteMs, parseInstant, secondMs } from "../../shared/runtime/time.ts";
import { toExportLine, type SourceRow } from "../support/hunt-source.ts";
import type { MemoryExport } from "../support/memory-exports.ts";
import { countBusiest } from "../support/server-quotas.ts";
import { toRowForm } from "./exported-rows.ts";

/** Rows that arrive within it are not late. */
export const lagMs = 15 * minuteMs;

/** What a schedule broke. Empty arrays mean success. */
export interface StoreFaults {
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  /** Violated guarantees other than P1, as sentences. */
  readonly violations: readonly string[];
}

/** What a schedule left behind. */
export interface ScheduleEvidence {
  readonly exports: readonly MemoryExport[];
  /** Paths whose export was replaced. */
  readonly overwrittenPaths: readonly string[];
  /** The rows that the service had in the end. */
  readonly rows: readonly SourceRow[];
  readonly announced: readonly string[];
  /** Messages that the platform would have moved to poison. */
  readonly poisoned: number;
  /** By time and id, every form in which a row was sent; undefined to compare no values. */
  readonly sentForms: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  /** When each call was sent. */
  readonly sentMs: readonly number[];
  readonly callLimits: readonly { readonly calls: number; readonly perMs: number }[];
  /** Violations that were seen on the way. */
  readonly violations: readonly string[];
}

/** Checks P1 to P6, P11, P21 and the announcements. */
export function checkStore(evidence: ScheduleEvidence): StoreFaults {
  const { exports: all, rows, announced } = evidence;
  const own = all.filter(({ path }) => !path.includes("/hl_log=late/"));
  const late = all.filter(({ path }) => path.includes("/hl_log=late/"));
  const violations = [
    ...evidence.violations,
    ...evidence.overwrittenPaths.map((path) => `P3 ${path} was overwritten`),
    ...all.flatMap(findIncomplete),
    ...findLogViolations(sortBySequence(own)),
    ...all
      .filter(({ path, metadata }) => metadata.rows > 0 && !announced.includes(path))
      .map(({ path }) => `${path} was never announced`),
    ...findWronglyLate(late, rows),
    ...findChangedRows(all, evidence.sentForms),
    ...findExceededLimits(evidence),
    ...(evidence.poisoned > 0 ? [`P21 ${evidence.poisoned} messages were poisoned`] : []),
  ];
  const first = own
    .map(({ metadata }) => parseInstant(metadata.from) ?? 0n)
    .reduce((a, b) => (a < b ? a : b), 2n ** 63n);
  const end = own
    .map(({ metadata }) => parseInstant(metadata.to) ?? 0n)
    .reduce((a, b) => (a > b ? a : b), 0n);
  const counts = new Map<string, number>();
  for (const row of rows.filter(({ at }) => at >= first && at < end))
    counts.set(toExportLine(row), (counts.get(toExportLine(row)) ?? 0) + 1);
  for (const line of all.flatMap(({ lines }) => lines.map(toIdentityLine)))
    counts.set(line, (counts.get(line) ?? 0) - 1);
  const unread = rows.some(({ at }) => at >= end)
    ? ["rows after the last window were never read"]
    : [];
  return {
    lost: [...counts].filter(([, remaining]) => remaining > 0).map(([line]) => line),
    duplicated: [...counts].filter(([, remaining]) => remaining < 0).map(([line]) => line),
    violations: [...violations, ...unread],
  };
}

function findIncomplete({ path, metadata, lines }: MemoryExport): string[] {
  const text = lines.map((line) => `${line}\n`).join("");
  const digest = createHash("sha256").update(text).digest("hex");
  const isWhole =
    metadata.rows === lines.length &&
    metadata.rawbytes === Buffer.byteLength(text) &&
    metadata.sha256 === digest;
  return isWhole ? [] : [`P2 ${path} is not what its metadata says`];
}

const versionOf = (path: string): number => Number(/\/hl_version=(\d+)\//.exec(path)?.[1]);

const sortBySequence = (own: readonly MemoryExport[]): MemoryExport[] =>
  own.toSorted((a, b) => versionOf(a.path) - versionOf(b.path) || a.metadata.seq - b.metadata.seq);

/**
 * Checks the chain over all versions: no gap in numbers or windows, each record has the hash of the
 * last.
 */
function findLogViolations(own: readonly MemoryExport[]): string[] {
  return own.flatMap((record, index) => {
    const { path, metadata } = record;
    const previous = own[index - 1];
    const isSameVersion = previous && versionOf(previous.path) === versionOf(path);
    const violations: string[] = [];
    if (metadata.seq !== (isSameVersion ? previous.metadata.seq + 1 : 0))
      violations.push(`P3 ${path} is out of sequence`);
    if (previous && metadata.from !== previous.metadata.to)
      violations.push(`P3 ${path} does not begin where the last ends`);
    if (previous && !isSameVersion && previous.metadata.complete !== "closed")
      violations.push(`P3 ${path} follows an open version`);
    if (previous && metadata.prev !== computeChainHash(previous.metadata))
      violations.push(`P3 ${path} does not name the record before`);
    return violations;
  });
}

/** Finds late exports of rows that arrived within the lag: those belong in their window. */
function findWronglyLate(late: readonly MemoryExport[], rows: readonly SourceRow[]): string[] {
  const onTimeLines = new Set(
    rows
      .filter(({ at, arrivesMs }) => arrivesMs - Number(at / 10_000n) < lagMs - secondMs)
      .map(toExportLine),
  );
  return late.flatMap(({ lines }) =>
    lines
      .map(toIdentityLine)
      .filter((line) => onTimeLines.has(line))
      .map((line) => `P5 ${line} was in time`),
  );
}

/** Returns the line that identifies a row, whatever its other columns. */
function toIdentityLine(line: string): string {
  const { Timestamp, Id } = JSON.parse(line) as { readonly Timestamp: string; readonly Id: string };
  return `{"Timestamp":"${Timestamp}","Id":"${Id}"}`;
}

/** Finds rows whose stored values differ from every form in which the service sent them. */
function findChangedRows(
  all: readonly MemoryExport[],
  sentForms: ScheduleEvidence["sentForms"],
): string[] {
  if (!sentForms) return [];
  return all.flatMap(({ path, lines, format, columns }) => {
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
    return toStoredRows(format, columns, bytes)
      .filter((row) => {
        const { Timestamp, Id } = JSON.parse(row) as Readonly<Record<string, string>>;
        return sentForms.get(`${Timestamp} ${Id}`)?.has(toRowForm(row)) !== true;
      })
      .map((row) => `P6 ${path} holds ${row}, which the service never sent`);
  });
}

const findExceededLimits = ({ callLimits, sentMs }: ScheduleEvidence): string[] =>
  callLimits.flatMap(({ calls, perMs }) => {
    const busiest = countBusiest(sentMs, perMs);
    return busiest > calls ? [`P11 ${busiest} calls within ${perMs} ms`] : [];
  });
