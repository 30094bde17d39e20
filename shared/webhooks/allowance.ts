/**
 * Limits the alerts that a source may close in a UTC day, over all instances. Each instance takes
 * its share of the day in blocks, so that many requests cost one write. A crashed instance loses
 * its share of that day; no alert is counted twice.
 */
import type { RecordStore } from "../storage/record-store.ts";
import { dailyLimitPath, msUntilNextDay, takeFromDailyCount } from "../storage/daily-limit.ts";

export type AllowanceResult =
  /** `releaseAlerts` gives the alerts back: the request turned out to be a repetition. */
  | { readonly kind: "allowed"; readonly releaseAlerts: () => void }
  | { readonly kind: "usedUp"; readonly retryAfterMs: number };

interface AllowanceDeps {
  readonly records: Pick<RecordStore, "read" | "create" | "replace">;
  readonly nowMs: () => number;
  readonly maxPerDay: () => number;
}

/** Takes a number of alerts from a source's day. */
export type TakeAllowance = (source: string, alerts: number) => Promise<AllowanceResult>;

/** A block is a hundredth of the day, and at least as large as the request that needs it. */
const blocksPerDay = 100;

/** Creates the allowance of this instance. */
export function createAllowance({ records, nowMs, maxPerDay }: AllowanceDeps): TakeAllowance {
  const blocks = new Map<string, { path: string; remaining: number; pending: Promise<unknown> }>();

  /** @returns how many alerts were taken; 0 when the day has fewer left than needed */
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
    // One request at a time takes a block; the others use the rest of it.
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
      : { kind: "usedUp", retryAfterMs: msUntilNextDay(atMs) };
  };
}
