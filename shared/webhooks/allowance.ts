/**
 * How many alerts a source may have closed in a UTC day, over all instances. Each instance takes its share of the day's
 * number in blocks, so that counting costs one write for many requests; what a dead instance had taken is lost to the
 * day, never counted twice.
 */
import * as z from "zod/mini";
import type { RecordStore } from "../messages/record-store.ts";
import { dayMs } from "../time.ts";

export type Allowed = { readonly kind: "allowed" } | { readonly kind: "used-up"; readonly retryAfterMs: number };

export interface AllowancePorts {
  readonly records: Pick<RecordStore, "read" | "create" | "replace">;
  readonly nowMs: () => number;
  readonly mostPerDay: () => number;
}

/** Takes so many alerts out of a source's day. */
export type Allowance = (source: string, alerts: number) => Promise<Allowed>;

const dayCount = z.object({ alerts: z.number() });
/** A block is a hundredth of the day, and no less than the largest request. */
const blocksPerDay = 100;

export function openAllowance({ records, nowMs, mostPerDay }: AllowancePorts): Allowance {
  const kept = new Map<string, { path: string; left: number; turn: Promise<unknown> }>();

  /** @returns how many more were taken; fewer than asked for when the day is nearly used up */
  const takeBlock = async (path: string, need: number): Promise<number> => {
    const most = mostPerDay();
    for (;;) {
      const read = await records.read(path);
      const counted = read.kind === "found" ? dayCount.safeParse(read.value).data?.alerts : undefined;
      // A count that cannot be read is a full day: the cap fails closed.
      const used = read.kind === "absent" ? 0 : (counted ?? most);
      const block = Math.min(Math.max(need, Math.ceil(most / blocksPerDay)), most - used);
      if (block < need) return 0;
      const next = { alerts: used + block };
      const written =
        read.kind === "absent" ? await records.create(path, next) : await records.replace(path, next, read.etag);
      if (written.kind === "written") return block;
    }
  };

  return async (source, alerts) => {
    const atMs = nowMs();
    const path = `state/verdict-days/${source}/${new Date(atMs).toISOString().slice(0, 10)}.json`;
    const purse = kept.get(source);
    const own = purse?.path === path ? purse : { path, left: 0, turn: Promise.resolve() };
    kept.set(source, own);
    // One at a time takes a block; the others find what is left of it.
    const turn = own.turn.then(async () => {
      if (own.left < alerts) own.left += await takeBlock(path, alerts - own.left);
      if (own.left < alerts) return false;
      own.left -= alerts;
      return true;
    });
    own.turn = turn.catch(() => undefined);
    return (await turn) ? { kind: "allowed" } : { kind: "used-up", retryAfterMs: dayMs - (atMs % dayMs) };
  };
}
