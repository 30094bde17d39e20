/** How long calls take at best under a quota of so many a minute and so many an hour; for `Retry-After`. */
import { hourMs, minuteMs } from "../runtime/time.ts";

const shortestMs = 2_000;
const longestMs = 600_000;
/** What two hunting calls about a batch take, roughly. */
const batchMs = 8_000;

/** Time until the last of `calls` may be sent, the first one now. */
export function lowerBoundMs(calls: number, perMinute: number, perHour: number): number {
  const full = (limit: number): number => Math.max(0, Math.ceil(calls / limit) - 1);
  const inHours = full(perHour) * hourMs;
  const rest = calls - full(perHour) * perHour;
  return Math.max(
    full(perMinute) * minuteMs,
    inHours + Math.max(0, Math.ceil(rest / perMinute) - 1) * minuteMs,
  );
}

/** When to look at a job again: what is left of it, at least 2 s and at most 10 min. */
export function retryAfterMs(
  left: { readonly hashes: number; readonly batches: number },
  quota: { readonly callsPerMinute: number; readonly callsPerHour: number },
  notBeforeMs = 0,
): number {
  const estimate =
    left.batches > 0
      ? left.batches * batchMs
      : lowerBoundMs(left.hashes, quota.callsPerMinute, quota.callsPerHour) + shortestMs;
  return Math.min(longestMs, Math.max(shortestMs, notBeforeMs, estimate));
}
