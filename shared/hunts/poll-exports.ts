/** Answers polls for the exports of a hunt, by cursor over its versions. Runs no query. */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { dayMs, parseInstant, ticksFromMs } from "../runtime/time.ts";
import { readHuntHealth } from "./hunt-health.ts";
import { dayPrefix, logPrefix, parseExportPath } from "./log/paths.ts";
import { readHead } from "./log/state.ts";
import type { ExportRecord, HuntDeps } from "./ports.ts";

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
  deps: Pick<HuntDeps, "exports" | "records" | "tenant">,
  hunt: CompiledHunt,
  { after, top }: { readonly after: string; readonly top: number },
  nowMs: number,
): Promise<PollResult> {
  const { version, head } = await readHuntHealth(deps, hunt, nowMs);
  const newestVersion = version ?? 1;
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
  deps: Pick<HuntDeps, "exports" | "records" | "tenant">,
  hunt: CompiledHunt,
  cursor: ExportCursor,
  log: { readonly newestVersion: number; readonly head: string | null },
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
  deps: Pick<HuntDeps, "exports" | "records" | "tenant">,
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
  deps: Pick<HuntDeps, "exports" | "records" | "tenant">,
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
  deps: Pick<HuntDeps, "exports" | "records" | "tenant">,
  hunt: string,
  from: ExportCursor,
): AsyncIterable<ExportRecord> {
  const recent = await listRecentRecords(deps, hunt, from);
  if (recent) return yield* recent;
  const place = { tenant: deps.tenant, hunt, version: from.version };
  for await (const record of deps.exports.list(logPrefix(place, "main")))
    if (record.metadata.seq >= from.seq) yield record;
}

/** Lists them from the last days before the cached head; undefined when the number is older. */
async function listRecentRecords(
  deps: Pick<HuntDeps, "exports" | "records" | "tenant">,
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
    const place = { tenant: deps.tenant, hunt, version: from.version };
    const prefix = dayPrefix(place, "main", end - ticksFromMs(daysBack * dayMs));
    for await (const record of deps.exports.list(prefix)) dayRecords.push(record);
    records.unshift(...dayRecords);
    const [first] = records;
    if (first && first.metadata.seq <= from.seq)
      return records.filter(({ metadata }) => metadata.seq >= from.seq);
  }
  return undefined;
}
