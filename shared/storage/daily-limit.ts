/**
 * The stored number of alerts that a source has submitted on a UTC day, shared by all instances and
 * functions.
 */
import * as z from "zod/mini";
import { dayMs } from "../runtime/time.ts";
import type { RecordStore } from "./record-store.ts";
import { etagOf, readRecord, type TypedRecord, writeRecord } from "./typed-record.ts";

const dayCount = z.object({ alerts: z.number() });

/** Path of the count of a source's day. */
export const dailyLimitPath = (source: string, nowMs: number): string =>
  `state/verdict-days/${source}/${new Date(nowMs).toISOString().slice(0, 10)}.json`;

/** Until the next day begins, ms. */
export const msUntilNextDay = (nowMs: number): number => dayMs - (nowMs % dayMs);

function countUsed(stored: TypedRecord<{ alerts: number }>, maxPerDay: number): number {
  if (stored.kind === "absent") return 0;
  return stored.kind === "found" ? stored.value.alerts : maxPerDay;
}

/**
 * Takes alerts from the day's limit. A count that cannot be read counts as used up: the limit fails
 * closed.
 *
 * @param maxPerDay - alerts of a whole day
 * @param chooseCount - returns how many of the remaining alerts to take; 0 writes nothing
 * @returns how many were taken
 */
export async function takeFromDailyCount(
  records: Pick<RecordStore, "read" | "create" | "replace">,
  path: string,
  maxPerDay: number,
  chooseCount: (remaining: number) => number,
): Promise<number> {
  for (;;) {
    const stored = await readRecord(records, path, dayCount);
    const used = countUsed(stored, maxPerDay);
    const amount = chooseCount(maxPerDay - used);
    if (amount === 0) return 0;
    const written = await writeRecord(records, path, { alerts: used + amount }, etagOf(stored));
    if (written.kind === "written") return amount;
  }
}
