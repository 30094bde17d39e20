/** How many alerts a source has had closed in a UTC day, as it is left on disk: one count for all instances and doors. */
import * as z from "zod/mini";
import { dayMs } from "../runtime/time.ts";
import type { RecordStore } from "./record-store.ts";

const dayCount = z.object({ alerts: z.number() });

/** Where the count of a source's day lies. */
export const dailyLimitPath = (source: string, nowMs: number): string =>
  `state/verdict-days/${source}/${new Date(nowMs).toISOString().slice(0, 10)}.json`;

/** Until the next day begins, ms. */
export const msUntilNextDay = (nowMs: number): number => dayMs - (nowMs % dayMs);

/**
 * Takes alerts out of a day. A count that cannot be read is a full day: the cap fails closed.
 *
 * @param maxPerDay - alerts of a whole day
 * @param chooseCount - how many to take of so many that are left; 0 takes none and writes nothing
 * @returns how many were taken
 */
export async function takeFromDailyCount(
  records: Pick<RecordStore, "read" | "create" | "replace">,
  path: string,
  maxPerDay: number,
  chooseCount: (remaining: number) => number,
): Promise<number> {
  for (;;) {
    const read = await records.read(path);
    const storedCount =
      read.kind === "found" ? dayCount.safeParse(read.value).data?.alerts : undefined;
    const used = read.kind === "absent" ? 0 : (storedCount ?? maxPerDay);
    const amount = chooseCount(maxPerDay - used);
    if (amount === 0) return 0;
    const next = { alerts: used + amount };
    const written =
      read.kind === "absent"
        ? await records.create(path, next)
        : await records.replace(path, next, read.etag);
    if (written.kind === "written") return amount;
  }
}
