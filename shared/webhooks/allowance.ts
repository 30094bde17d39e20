/**
 * How many alerts a source may have closed in a UTC day, over all instances. Each instance takes its share of the day's
 * number in blocks, so that counting costs one write for many requests; what a dead instance had taken is lost to the
 * day, never counted twice.
 */
import type { RecordStore } from "../storage/record-store.ts";
import { msUntilNextDay, takeFromDailyCount, dailyLimitPath } from "../storage/daily-limit.ts";

export type AllowanceResult =
  /** `releaseAlerts` is for a request that turned out to be an old one. */
  | { readonly kind: "allowed"; readonly releaseAlerts: () => void }
  | { readonly kind: "used-up"; readonly retryAfterMs: number };

export interface AllowanceDeps {
  readonly records: Pick<RecordStore, "read" | "create" | "replace">;
  readonly nowMs: () => number;
  readonly maxPerDay: () => number;
}

/** Takes so many alerts out of a source's day. */
export type TakeAllowance = (source: string, alerts: number) => Promise<AllowanceResult>;

/** A block is a hundredth of the day, and no less than the largest request. */
const blocksPerDay = 100;

export function createAllowance({ records, nowMs, maxPerDay }: AllowanceDeps): TakeAllowance {
  const blocks = new Map<string, { path: string; remaining: number; pending: Promise<unknown> }>();

  /** @returns how many more were taken; none when the day has fewer left than asked for */
  const takeBlock = (path: string, need: number): Promise<number> => {
    const dayLimit = maxPerDay();
    return takeFromDailyCount(records, path, dayLimit, (remaining) => {
      const block = Math.min(Math.max(need, Math.ceil(dayLimit / blocksPerDay)), remaining);
      return block < need ? 0 : block;
    });
  };

  return async (source, alerts) => {
    const atMs = nowMs();
    const path = dailyLimitPath(source, atMs);
    const existing = blocks.get(source);
    const current =
      existing?.path === path ? existing : { path, remaining: 0, pending: Promise.resolve() };
    blocks.set(source, current);
    // One at a time takes a block; the others find what is left of it.
    const taking = current.pending.then(async () => {
      if (current.remaining < alerts)
        current.remaining += await takeBlock(path, alerts - current.remaining);
      if (current.remaining < alerts) return false;
      current.remaining -= alerts;
      return true;
    });
    current.pending = taking.catch(() => undefined);
    return (await taking)
      ? { kind: "allowed", releaseAlerts: () => void (current.remaining += alerts) }
      : { kind: "used-up", retryAfterMs: msUntilNextDay(atMs) };
  };
}
