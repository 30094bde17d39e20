/** Tells the queue `hunt-results` of every new export with rows, at least once. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntHead } from "../../contracts/hunt-state.ts";
import type { HuntResult } from "../../contracts/hunt-result.ts";
import { dayMs, parseInstant, ticksFromMs, type Ticks } from "../../runtime/time.ts";
import { spanOf } from "../log/metadata.ts";
import { dayPrefix, versionOf } from "../log/paths.ts";
import type { ExportRecord, HuntDeps } from "../ports.ts";
import type { QuerySpan } from "../query/query-text.ts";
import { buildRowsQuery } from "../query/query-text.ts";
import type { LogEnd } from "../log/log-end.ts";

type NotifiedPosition = HuntHead["notified"];

/** Puts one message for an export; one without rows is no news. */
export async function announceExport(
  deps: HuntDeps,
  hunt: CompiledHunt,
  kind: HuntResult["kind"],
  record: ExportRecord,
): Promise<void> {
  const { seq, from, to, rows, complete } = record.metadata;
  if (rows === 0 || complete !== "yes") return;
  const portalLink = deps.createPortalLink(
    buildRowsQuery(hunt, "prelude", toQuerySpan(hunt, record)),
  );
  const message: HuntResult = {
    hunt: hunt.name,
    kind,
    seq,
    from,
    to,
    rows,
    blob: record.path,
    portalLink,
  };
  await deps.queues.send("hunt-results", message);
  await deps.failpoint("E14 result message sent");
}

/** The span that the export's query read. */
function toQuerySpan(hunt: CompiledHunt, record: ExportRecord): QuerySpan {
  const span = spanOf(record.metadata);
  const from = hunt.mode === "snapshot" ? span.to - ticksFromMs(hunt.lookBackMs) : span.from;
  return { from, to: span.to, clock: span.to };
}

/**
 * Announces what was found past the cached head, and, where the cache had not announced that far or was lost, everything
 * after what it says was announced.
 *
 * @param newRecords - records past the cached head, in order
 * @param isComplete - whether nothing announced-to and the first of `newRecords` has a hole between them
 * @returns what is announced now
 */
export async function announceNewExports(
  deps: HuntDeps,
  hunt: CompiledHunt,
  notified: NotifiedPosition,
  newRecords: readonly ExportRecord[],
  isComplete: boolean,
  logEnd: LogEnd,
): Promise<NotifiedPosition> {
  const unannounced = isComplete
    ? newRecords
    : await listExportsAfter(deps, hunt.name, notified, logEnd);
  for (const record of unannounced) await announceExport(deps, hunt, "window", record);
  const last = unannounced.at(-1);
  const version = last && versionOf(last.path);
  return last && version !== undefined
    ? { version, seq: last.metadata.seq, from: last.metadata.from }
    : notified;
}

/** Every export after one of them, by listing the days from its start to the tip's, over all versions between. */
export async function listExportsAfter(
  { exports }: Pick<HuntDeps, "exports">,
  hunt: string,
  after: NotifiedPosition,
  logEnd: Pick<LogEnd, "version" | "from">,
  maxCount = Number.POSITIVE_INFINITY,
): Promise<ExportRecord[]> {
  const records: ExportRecord[] = [];
  for (let version = after.version; version <= logEnd.version; version += 1) {
    for (const day of listDaysBetween(parseInstant(after.from) ?? 0n, logEnd.from)) {
      for await (const record of exports.list(dayPrefix(hunt, version, day))) {
        if (records.length >= maxCount) return records;
        if (version > after.version || record.metadata.seq > after.seq) records.push(record);
      }
    }
  }
  return records;
}

const dayTicks = ticksFromMs(dayMs);

function listDaysBetween(from: Ticks, to: Ticks): Ticks[] {
  const first = from / dayTicks;
  const last = to / dayTicks;
  return Array.from(
    { length: Number(last - first) + 1 },
    (_, index) => (first + BigInt(index)) * dayTicks,
  );
}

/** After a lost cache: whatever a reader of the queue could still have had there, whose messages live seven days. */
const reannounceMs = 7 * dayMs;

/** Where announcing begins when nobody knows what was announced. */
export function createNotifiedPosition(logEnd: LogEnd): NotifiedPosition {
  const start = logEnd.from - ticksFromMs(reannounceMs);
  return { version: 1, seq: -1, from: new Date(Number(start / 10_000n)).toISOString() };
}
