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
import { dayPrefix, latePrefix, placeOf, versionPrefix } from "./log/paths.ts";
import type { FoundExport, HuntPorts } from "./ports.ts";
import { enqueueRun, isWaiting } from "./run/run-queue.ts";
import { readHead } from "./log/state.ts";
import { readStatus } from "./run/status.ts";

/** How one hunt stands. */
export interface HuntStanding {
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
export async function standingOf(
  ports: Pick<HuntPorts, "records">,
  hunt: CompiledHunt,
  nowMs: number,
): Promise<HuntStanding> {
  const [{ value: head }, { value: status }] = await Promise.all([
    readHead(ports, hunt.name),
    readStatus(ports, hunt.name),
  ]);
  const watermark = head && later(head.to, head.emptyTo);
  const ageMs = watermark === undefined ? undefined : nowMs - msFromTicks(watermark);
  const current =
    status?.queryHash === hunt.queryHash && status.state !== "ok" ? status : undefined;
  const overdue = ageMs !== undefined && ageMs > hunt.lagMs + overdueIntervals * hunt.intervalMs;
  return {
    state: current?.state ?? (watermark === undefined ? "new" : overdue ? "overdue" : "ok"),
    reason: current?.reason ?? (overdue ? "no run has finished for three intervals" : undefined),
    watermark: watermark === undefined ? undefined : formatInstant(watermark),
    watermarkAgeSeconds: ageMs === undefined ? undefined : Math.round(ageMs / 1_000),
    version: head?.version,
    head: head?.head,
  };
}

function later(to: string, emptyTo: string | undefined): Ticks | undefined {
  const [end, empty] = [
    parseInstant(to),
    emptyTo === undefined ? undefined : parseInstant(emptyTo),
  ];
  return end !== undefined && empty !== undefined && empty > end ? empty : end;
}

/** Puts a run on the queue unless one of the hunt waits there. @returns whether it did */
export async function enqueueUnlessWaiting(
  ports: Pick<HuntPorts, "records" | "queues">,
  hunt: CompiledHunt,
  reason: "timer" | "tick" | "upkeep",
  nowMs: number,
): Promise<boolean> {
  const now = ticksFromMs(nowMs);
  if (await isWaiting(ports, hunt.name, now)) return false;
  await enqueueRun(ports, { hunt: hunt.name, reason, scheduledFor: formatInstant(now) }, now);
  return true;
}

/** Starts every hunt whose watermark is older than one interval: what a frozen timer has left undone. @returns their names */
export async function tick(
  ports: Pick<HuntPorts, "records" | "queues">,
  hunts: readonly CompiledHunt[],
  reason: "tick" | "upkeep",
  nowMs: number,
): Promise<string[]> {
  const started: string[] = [];
  for (const hunt of hunts) {
    const { watermarkAgeSeconds: age } = await standingOf(ports, hunt, nowMs);
    const due = age === undefined || age * 1_000 > hunt.lagMs + hunt.intervalMs;
    if (due && (await enqueueUnlessWaiting(ports, hunt, reason, nowMs))) started.push(hunt.name);
  }
  return started;
}

/** A place in a hunt's exports, over its versions: `v2.17`. */
export interface ExportCursor {
  readonly version: number;
  readonly seq: number;
}

const cursorText = /^(?:v(\d{1,9})\.)?(-1|\d{1,12})$/;

/** Reads `v2.17`, or `17` for a number within the newest version; `undefined` when the text is neither. */
export function readCursor(text: string, newest: number): ExportCursor | undefined {
  const match = cursorText.exec(text);
  return match
    ? { version: match[1] === undefined ? newest : Number(match[1]), seq: Number(match[2]) }
    : undefined;
}

export const writeCursor = ({ version, seq }: ExportCursor): string => `v${version}.${seq}`;

/** New exports, oldest first, and where to go on from. */
export interface ExportNews {
  readonly exports: readonly FoundExport[];
  readonly cursor: ExportCursor;
  /** Whether `exports` is as long as was asked for, so that there may be more at once. */
  readonly isFull: boolean;
}

/** A poll's answer: the news, and when to ask again, s. */
export type Polled =
  | { readonly kind: "news"; readonly news: ExportNews; readonly retryAfterSeconds: number }
  | { readonly kind: "no-cursor" };

/**
 * Answers a poll for exports after a cursor; `latest` begins with whatever comes after now.
 *
 * @param after - `latest`, a cursor as `writeCursor` writes it, or a number within the newest version
 */
export async function poll(
  ports: Pick<HuntPorts, "exports" | "records">,
  hunt: CompiledHunt,
  { after, top }: { readonly after: string; readonly top: number },
  nowMs: number,
): Promise<Polled> {
  const { version: newest = 1, head } = await standingOf(ports, hunt, nowMs);
  const begin = { version: newest, seq: -1 };
  const cursor = after === "latest" ? (placeOf(head ?? "") ?? begin) : readCursor(after, newest);
  if (!cursor) return { kind: "no-cursor" };
  const news = await exportNews(ports, hunt.name, cursor, newest, top);
  return { kind: "news", news, retryAfterSeconds: pauseOf(hunt, news) };
}

const [leastPauseSeconds, mostPauseSeconds] = [60, 900];
const pollsPerInterval = 4;

/** More that is there already is worth asking for soon; otherwise nothing comes before the hunt runs again. */
function pauseOf(hunt: CompiledHunt, { isFull }: ExportNews): number {
  const part = Math.ceil(hunt.intervalMs / pollsPerInterval / 1_000);
  return isFull ? 1 : Math.min(mostPauseSeconds, Math.max(leastPauseSeconds, part));
}

/** Exports with rows after a cursor, at most `most`; the cursor passes what has none. */
export async function exportNews(
  ports: Pick<HuntPorts, "exports" | "records">,
  hunt: string,
  after: ExportCursor,
  newest: number,
  most: number,
): Promise<ExportNews> {
  const exports: FoundExport[] = [];
  let cursor = after;
  for (let version = after.version; version <= newest; version += 1) {
    const from = version === after.version ? after.seq + 1 : 0;
    for await (const found of recordsFrom(ports, hunt, { version, seq: from })) {
      cursor = { version, seq: found.metadata.seq };
      if (found.metadata.rows > 0 && found.metadata.complete === "yes") exports.push(found);
      if (exports.length >= most) return { exports, cursor, isFull: true };
    }
  }
  return { exports, cursor, isFull: false };
}

/** One export of a version by its number. */
export async function findExport(
  ports: Pick<HuntPorts, "exports" | "records">,
  hunt: string,
  { version, seq }: ExportCursor,
): Promise<FoundExport | undefined> {
  for await (const found of recordsFrom(ports, hunt, { version, seq }))
    return found.metadata.seq === seq ? found : undefined;
  return undefined;
}

/** A poll asks for what is new, which lies within these last days of the log; older records cost a listing of it all. */
const recentDays = 8;

/** The records of a version from a number on, in order. */
async function* recordsFrom(
  ports: Pick<HuntPorts, "exports" | "records">,
  hunt: string,
  from: ExportCursor,
): AsyncIterable<FoundExport> {
  const recent = await recentFrom(ports, hunt, from);
  if (recent) return yield* recent;
  for await (const found of ports.exports.list(versionPrefix(hunt, from.version)))
    if (found.metadata.seq >= from.seq && !found.path.startsWith(latePrefix(hunt, from.version)))
      yield found;
}

/** The same from the days before the cached head; `undefined` when the number lies further back. */
async function recentFrom(
  ports: Pick<HuntPorts, "exports" | "records">,
  hunt: string,
  from: ExportCursor,
): Promise<FoundExport[] | undefined> {
  const { value: head } = await readHead(ports, hunt);
  const end = head?.version === from.version ? parseInstant(head.to) : undefined;
  if (end === undefined) return undefined;
  const found: FoundExport[] = [];
  for (let back = 0; back < recentDays; back += 1) {
    const day: FoundExport[] = [];
    const prefix = dayPrefix(hunt, from.version, end - ticksFromMs(back * dayMs));
    for await (const one of ports.exports.list(prefix)) day.push(one);
    found.unshift(...day);
    const [first] = found;
    if (first && first.metadata.seq <= from.seq)
      return found.filter(({ metadata }) => metadata.seq >= from.seq);
  }
  return undefined;
}
