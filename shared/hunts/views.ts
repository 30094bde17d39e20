/** Reads hunts for endpoints and timers: health, new exports, and what is due. Runs no query. */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import type { HuntStatus } from "../contracts/hunt-state.ts";
import {
  dayMs,
  formatInstant,
  msFromTicks,
  parseInstant,
  ticksFromMs,
  type Ticks,
} from "../runtime/time.ts";
import { dayPrefix, latePrefix, parseExportPath, versionPrefix } from "./log/paths.ts";
import type { ExportRecord, HuntDeps } from "./ports.ts";
import { enqueueRun, isWaiting } from "./run/run-queue.ts";
import { readHead } from "./log/state.ts";
import { readStatus } from "./run/status.ts";

/** The health of one hunt. */
export interface HuntHealth {
  readonly state: HuntStatus["state"] | "new" | "overdue";
  readonly reason: string | undefined;
  /** Every row before it is exported; undefined before the first run. */
  readonly watermark: string | undefined;
  readonly watermarkAgeSeconds: number | undefined;
  readonly version: number | undefined;
  /** Path of the newest export. */
  readonly head: string | undefined;
}

/** A hunt is overdue when its watermark is older than its lag and this many intervals. */
const overdueIntervals = 3;

/** Reads the health of a hunt from its records alone. */
export async function readHuntHealth(
  deps: Pick<HuntDeps, "records">,
  hunt: CompiledHunt,
  nowMs: number,
): Promise<HuntHealth> {
  const [storedHead, storedStatus] = await Promise.all([
    readHead(deps, hunt.name),
    readStatus(deps, hunt.name),
  ]);
  const head = storedHead.kind === "found" ? storedHead.value : undefined;
  const status = storedStatus.kind === "found" ? storedStatus.value : undefined;
  const watermark = head && computeWatermark(head.to, head.emptyTo);
  const ageMs = watermark === undefined ? undefined : nowMs - msFromTicks(watermark);
  return {
    ...(findActiveState(hunt, status) ?? computeTimeliness(hunt, ageMs)),
    watermark: watermark === undefined ? undefined : formatInstant(watermark),
    watermarkAgeSeconds: ageMs === undefined ? undefined : Math.round(ageMs / 1_000),
    version: head?.version,
    head: head?.head,
  };
}

type HealthState = Pick<HuntHealth, "state" | "reason">;

/** Returns the stored state when it is about this query and not `ok`. */
const findActiveState = (
  hunt: CompiledHunt,
  status: HuntStatus | undefined,
): HealthState | undefined =>
  status?.queryHash === hunt.queryHash && status.state !== "ok"
    ? { state: status.state, reason: status.reason }
    : undefined;

function computeTimeliness(hunt: CompiledHunt, ageMs: number | undefined): HealthState {
  if (ageMs === undefined) return { state: "new", reason: undefined };
  return ageMs > hunt.lagMs + overdueIntervals * hunt.intervalMs
    ? { state: "overdue", reason: "No run has finished for three intervals." }
    : { state: "ok", reason: undefined };
}

function computeWatermark(to: string, emptyTo: string | undefined): Ticks | undefined {
  const [end, empty] = [
    parseInstant(to),
    emptyTo === undefined ? undefined : parseInstant(emptyTo),
  ];
  return end !== undefined && empty !== undefined && empty > end ? empty : end;
}

/** Enqueues a run unless one is waiting. @returns true when it was enqueued */
export async function enqueueUnlessWaiting(
  deps: Pick<HuntDeps, "records" | "queues">,
  hunt: CompiledHunt,
  reason: "timer" | "tick" | "maintenance",
  nowMs: number,
): Promise<boolean> {
  const now = ticksFromMs(nowMs);
  if (await isWaiting(deps, hunt.name, now)) return false;
  await enqueueRun(deps, { hunt: hunt.name, reason, scheduledFor: formatInstant(now) }, now);
  return true;
}

/**
 * Starts every hunt whose watermark is older than one interval, as when a timer stopped. @returns
 * their names
 */
export async function startOverdueHunts(
  deps: Pick<HuntDeps, "records" | "queues">,
  hunts: readonly CompiledHunt[],
  reason: "tick" | "maintenance",
  nowMs: number,
): Promise<string[]> {
  const startedHunts: string[] = [];
  for (const hunt of hunts) {
    const { watermarkAgeSeconds: age } = await readHuntHealth(deps, hunt, nowMs);
    const isDue = age === undefined || age * 1_000 > hunt.lagMs + hunt.intervalMs;
    if (isDue && (await enqueueUnlessWaiting(deps, hunt, reason, nowMs)))
      startedHunts.push(hunt.name);
  }
  return startedHunts;
}

/** A position in a hunt's exports, over its versions: `v2.17` is export 17 of version 2. */
export interface ExportCursor {
  readonly version: number;
  readonly seq: number;
}

const cursorPattern = /^(?:v(\d{1,9})\.)?(-1|\d{1,12})$/;

/** Parses `v2.17`, or `17` for a number within the newest version; undefined when it is neither. */
export function parseCursor(text: string, newestVersion: number): ExportCursor | undefined {
  const match = cursorPattern.exec(text);
  return match
    ? { version: match[1] === undefined ? newestVersion : Number(match[1]), seq: Number(match[2]) }
    : undefined;
}

export const formatCursor = ({ version, seq }: ExportCursor): string => `v${version}.${seq}`;

/** New exports, oldest first, and the cursor after them. */
interface ExportPage {
  readonly exports: readonly ExportRecord[];
  readonly cursor: ExportCursor;
  /** True when `exports` has the requested length: more may be there. */
  readonly isFull: boolean;
}

/** The answer to a poll, and after how many seconds to poll again. */
export type PollResult =
  | { readonly kind: "page"; readonly page: ExportPage; readonly retryAfterSeconds: number }
  | { readonly kind: "invalid-cursor" }
  /**
   * No export has this cursor, and none had: it belongs to another hunt or to a log that was
   * deleted.
   */
  | { readonly kind: "cursor-beyond-end" };

/**
 * Answers a poll for exports after a cursor; `latest` starts with the next export.
 *
 * @param after - `latest`, a cursor as `formatCursor` writes it, or a number within the newest
 *   version
 */
export async function pollExports(
  deps: Pick<HuntDeps, "exports" | "records">,
  hunt: CompiledHunt,
  { after, top }: { readonly after: string; readonly top: number },
  nowMs: number,
): Promise<PollResult> {
  const { version: newestVersion = 1, head } = await readHuntHealth(deps, hunt, nowMs);
  const logStart = { version: newestVersion, seq: -1 };
  const cursor =
    after === "latest"
      ? (parseExportPath(head ?? "") ?? logStart)
      : parseCursor(after, newestVersion);
  if (!cursor) return { kind: "invalid-cursor" };
  if (await isBeyondEnd(deps, hunt, cursor, { newestVersion, head }))
    return { kind: "cursor-beyond-end" };
  const limits = { newestVersion, maxCount: top };
  const page = await listNewExports(deps, hunt.name, cursor, limits);
  return { kind: "page", page, retryAfterSeconds: computePollDelaySeconds(hunt, page) };
}

/**
 * Returns true for a cursor after the newest export. The cached head may be older than the cursor.
 */
async function isBeyondEnd(
  deps: Pick<HuntDeps, "exports" | "records">,
  hunt: CompiledHunt,
  cursor: ExportCursor,
  log: { readonly newestVersion: number; readonly head: string | undefined },
): Promise<boolean> {
  const head = parseExportPath(log.head ?? "");
  const isAtStart = cursor.seq === -1 && cursor.version <= log.newestVersion;
  if (isAtStart || (head && !isAfter(cursor, head))) return false;
  return (await findExport(deps, hunt.name, cursor)) === undefined;
}

const isAfter = (a: ExportCursor, b: ExportCursor): boolean =>
  a.version === b.version ? a.seq > b.seq : a.version > b.version;

const [minPollDelaySeconds, maxPollDelaySeconds] = [60, 900];
const pollsPerInterval = 4;

/**
 * Returns 1 s after a full page, else a quarter of the hunt's interval: nothing is new before its
 * next run.
 */
function computePollDelaySeconds(hunt: CompiledHunt, { isFull }: ExportPage): number {
  const delaySeconds = Math.ceil(hunt.intervalMs / pollsPerInterval / 1_000);
  return isFull ? 1 : Math.min(maxPollDelaySeconds, Math.max(minPollDelaySeconds, delaySeconds));
}

/** Lists exports with rows after a cursor; the new cursor is past exports without rows. */
async function listNewExports(
  deps: Pick<HuntDeps, "exports" | "records">,
  hunt: string,
  after: ExportCursor,
  { newestVersion, maxCount }: { readonly newestVersion: number; readonly maxCount: number },
): Promise<ExportPage> {
  const exports: ExportRecord[] = [];
  let cursor = after;
  for (let version = after.version; version <= newestVersion; version += 1) {
    const fromSeq = version === after.version ? after.seq + 1 : 0;
    for await (const record of listRecordsFrom(deps, hunt, { version, seq: fromSeq })) {
      cursor = { version, seq: record.metadata.seq };
      if (record.metadata.rows > 0 && record.metadata.complete === "yes") exports.push(record);
      if (exports.length >= maxCount) return { exports, cursor, isFull: true };
    }
  }
  return { exports, cursor, isFull: false };
}

/** Finds one export of a version by its number. */
export async function findExport(
  deps: Pick<HuntDeps, "exports" | "records">,
  hunt: string,
  { version, seq }: ExportCursor,
): Promise<ExportRecord | undefined> {
  for await (const record of listRecordsFrom(deps, hunt, { version, seq }))
    return record.metadata.seq === seq ? record : undefined;
  return undefined;
}

/**
 * Polls are for exports of the last eight days of the log; older ones cost a listing of the whole
 * version.
 */
const recentDays = 8;

/** Yields the records of a version from a number on, in order. */
async function* listRecordsFrom(
  deps: Pick<HuntDeps, "exports" | "records">,
  hunt: string,
  from: ExportCursor,
): AsyncIterable<ExportRecord> {
  const recent = await listRecentRecords(deps, hunt, from);
  if (recent) return yield* recent;
  for await (const record of deps.exports.list(versionPrefix(hunt, from.version)))
    if (record.metadata.seq >= from.seq && !record.path.startsWith(latePrefix(hunt, from.version)))
      yield record;
}

/** Lists them from the last days before the cached head; undefined when the number is older. */
async function listRecentRecords(
  deps: Pick<HuntDeps, "exports" | "records">,
  hunt: string,
  from: ExportCursor,
): Promise<ExportRecord[] | undefined> {
  const head = await readHead(deps, hunt);
  const isSameVersion = head.kind === "found" && head.value.version === from.version;
  const end = isSameVersion ? parseInstant(head.value.to) : undefined;
  if (end === undefined) return undefined;
  const records: ExportRecord[] = [];
  for (let daysBack = 0; daysBack < recentDays; daysBack += 1) {
    const dayRecords: ExportRecord[] = [];
    const prefix = dayPrefix(hunt, from.version, end - ticksFromMs(daysBack * dayMs));
    for await (const record of deps.exports.list(prefix)) dayRecords.push(record);
    records.unshift(...dayRecords);
    const [first] = records;
    if (first && first.metadata.seq <= from.seq)
      return records.filter(({ metadata }) => metadata.seq >= from.seq);
  }
  return undefined;
}
