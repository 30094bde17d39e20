/** How many alerts a source has had closed in a UTC day, as it is left on disk: one count for all instances and doors. */
import * as z from "zod/mini";
import { dayMs } from "../runtime/time.ts";
import type { RecordStore } from "./record-store.ts";

const dayCount = z.object({ alerts: z.number() });

/** Where the count of a source's day lies. */
export const verdictDayPath = (source: string, nowMs: number): string =>
  `state/verdict-days/${source}/${new Date(nowMs).toISOString().slice(0, 10)}.json`;

/** Until the next day begins, ms. */
export const nextDayInMs = (nowMs: number): number => dayMs - (nowMs % dayMs);

/**
 * Takes alerts out of a day. A count that cannot be read is a full day: the cap fails closed.
 *
 * @param most - alerts of a whole day
 * @param wanted - how many to take of so many that are left; 0 takes none and writes nothing
 * @returns how many were taken
 */
export async function takeOfDay(
  records: Pick<RecordStore, "read" | "create" | "replace">,
  path: string,
  most: number,
  wanted: (left: number) => number,
): Promise<number> {
  for (;;) {
    const read = await records.read(path);
    const counted = read.kind === "found" ? dayCount.safeParse(read.value).data?.alerts : undefined;
    const used = read.kind === "absent" ? 0 : (counted ?? most);
    const taken = wanted(most - used);
    if (taken === 0) return 0;
    const next = { alerts: used + taken };
    const written =
      read.kind === "absent"
        ? await records.create(path, next)
        : await records.replace(path, next, read.etag);
    if (written.kind === "written") return taken;
  }
}
