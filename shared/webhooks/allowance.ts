/**
 * How many alerts a source may have closed in a UTC day, over all instances. Each instance takes its share of the day's
 * number in blocks, so that counting costs one write for many requests; what a dead instance had taken is lost to the
 * day, never counted twice.
 */
import type { RecordStore } from "../storage/record-store.ts";
import { nextDayInMs, takeOfDay, verdictDayPath } from "../storage/daily-limit.ts";

export type Allowed =
  /** `giveBack` is for a request that turned out to be an old one. */
  | { readonly kind: "allowed"; readonly giveBack: () => void }
  | { readonly kind: "used-up"; readonly retryAfterMs: number };

export interface AllowancePorts {
  readonly records: Pick<RecordStore, "read" | "create" | "replace">;
  readonly nowMs: () => number;
  readonly mostPerDay: () => number;
}

/** Takes so many alerts out of a source's day. */
export type Allowance = (source: string, alerts: number) => Promise<Allowed>;

/** A block is a hundredth of the day, and no less than the largest request. */
const blocksPerDay = 100;

export function openAllowance({ records, nowMs, mostPerDay }: AllowancePorts): Allowance {
  const kept = new Map<string, { path: string; left: number; turn: Promise<unknown> }>();

  /** @returns how many more were taken; none when the day has fewer left than asked for */
  const takeBlock = (path: string, need: number): Promise<number> => {
    const most = mostPerDay();
    return takeOfDay(records, path, most, (left) => {
      const block = Math.min(Math.max(need, Math.ceil(most / blocksPerDay)), left);
      return block < need ? 0 : block;
    });
  };

  return async (source, alerts) => {
    const atMs = nowMs();
    const path = verdictDayPath(source, atMs);
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
    return (await turn)
      ? { kind: "allowed", giveBack: () => void (own.left += alerts) }
      : { kind: "used-up", retryAfterMs: nextDayInMs(atMs) };
  };
}
