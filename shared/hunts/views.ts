/** What the doors show of hunts: how each stands, its new exports, and what is due. Reads records and the log, runs nothing. */
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

/** How one hunt stands. */
export interface HuntHealth {
  readonly state: HuntStatus["state"] | "new" | "overdue";
  readonly reason: string | undefined;
  /** Everything before it is exported or proven empty; absent before the first run. */
  readonly watermark: string | undefined;
  readonly watermarkAgeSeconds: number | undefined;
  readonly version: number | undefined;
  /** Path of the newest export. */
  readonly head: string | undefined;
}

/** A watermark older than so many intervals, on top of what is not read yet, is a fault, whatever the timer says. */
const overdueIntervals = 3;

/** Reads how a hunt stands, from storage alone. */
export async function readHuntHealth(
  deps: Pick<HuntDeps, "records">,
  hunt: CompiledHunt,
  nowMs: number,
): Promise<HuntHealth> {
  const [{ value: head }, { value: status }] = await Promise.all([
    readHead(deps, hunt.name),
    readStatus(deps, hunt.name),
  ]);
  const watermark = head && computeWatermark(head.to, head.emptyTo);
  const ageMs = watermark === undefined ? undefined : nowMs - msFromTicks(watermark);
  const activeStatus =
    status?.queryHash === hunt.queryHash && status.state !== "ok" ? status : undefined;
  const isOverdue = ageMs !== undefined && ageMs > hunt.lagMs + overdueIntervals * hunt.intervalMs;
  return {
    state: activeStatus?.state ?? (watermark === undefined ? "new" : isOverdue ? "overdue" : "ok"),
    reason:
      activeStatus?.reason ?? (isOverdue ? "no run has finished for three intervals" : undefined),
    watermark: watermark === undefined ? undefined : formatInstant(watermark),
    watermarkAgeSeconds: ageMs === undefined ? undefined : Math.round(ageMs / 1_000),
    version: head?.version,
    head: head?.head,
  };
}

function computeWatermark(to: string, emptyTo: string | undefined): Ticks | undefined {
  const [end, empty] = [
    parseInstant(to),
    emptyTo === undefined ? undefined : parseInstant(emptyTo),
  ];
  return end !== undefined && empty !== undefined && empty > end ? empty : end;
}

/** Puts a run on the queue unless one of the hunt waits there. @returns whether it did */
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

/** Starts every hunt whose watermark is older than one interval: what a frozen timer has left undone. @returns their names */
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

/** A place in a hunt's exports, over its versions: `v2.17`. */
export interface ExportCursor {
  readonly version: number;
  readonly seq: number;
}

const cursorPattern = /^(?:v(\d{1,9})\.)?(-1|\d{1,12})$/;

/** Reads `v2.17`, or `17` for a number within the newest version; `undefined` when the text is neither. */
export function parseCursor(text: string, newestVersion: number): ExportCursor | undefined {
  const match = cursorPattern.exec(text);
  return match
    ? { version: match[1] === undefined ? newestVersion : Number(match[1]), seq: Number(match[2]) }
    : undefined;
}

export const formatCursor = ({ version, seq }: ExportCursor): string => `v${version}.${seq}`;

/** New exports, oldest first, and where to go on from. */
export interface ExportPage {
  readonly exports: readonly ExportRecord[];
  readonly cursor: ExportCursor;
  /** Whether `exports` is as long as was asked for, so that there may be more at once. */
  readonly isFull: boolean;
}

/** A poll's answer: the news, and when to ask again, s. */
export type PollResult =
  | { readonly kind: "news"; readonly page: ExportPage; readonly retryAfterSeconds: number }
  | { readonly kind: "no-cursor" };

/**
 * Answers a poll for exports after a cursor; `latest` begins with whatever comes after now.
 *
 * @param after - `latest`, a cursor as `formatCursor` writes it, or a number within the newest version
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
  if (!cursor) return { kind: "no-cursor" };
  const page = await listNewExports(deps, hunt.name, cursor, newestVersion, top);
  return { kind: "news", page, retryAfterSeconds: computePollDelaySeconds(hunt, page) };
}

const [minPollDelaySeconds, maxPollDelaySeconds] = [60, 900];
const pollsPerInterval = 4;

/** More that is there already is worth asking for soon; otherwise nothing comes before the hunt runs again. */
function computePollDelaySeconds(hunt: CompiledHunt, { isFull }: ExportPage): number {
  const delaySeconds = Math.ceil(hunt.intervalMs / pollsPerInterval / 1_000);
  return isFull ? 1 : Math.min(maxPollDelaySeconds, Math.max(minPollDelaySeconds, delaySeconds));
}

/** Exports with rows after a cursor, at most `maxCount`; the cursor passes what has none. */
export async function listNewExports(
  deps: Pick<HuntDeps, "exports" | "records">,
  hunt: string,
  after: ExportCursor,
  newestVersion: number,
  maxCount: number,
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

/** One export of a version by its number. */
export async function findExport(
  deps: Pick<HuntDeps, "exports" | "records">,
  hunt: string,
  { version, seq }: ExportCursor,
): Promise<ExportRecord | undefined> {
  for await (const record of listRecordsFrom(deps, hunt, { version, seq }))
    return record.metadata.seq === seq ? record : undefined;
  return undefined;
}

/** A poll asks for what is new, which lies within these last days of the log; older records cost a listing of it all. */
const recentDays = 8;

/** The records of a version from a number on, in order. */
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

/** The same from the days before the cached head; `undefined` when the number lies further back. */
async function listRecentRecords(
  deps: Pick<HuntDeps, "exports" | "records">,
  hunt: string,
  from: ExportCursor,
): Promise<ExportRecord[] | undefined> {
  const { value: head } = await readHead(deps, hunt);
  const end = head?.version === from.version ? parseInstant(head.to) : undefined;
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
