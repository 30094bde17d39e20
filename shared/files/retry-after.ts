/** How long calls take at best under a quota of so many a minute and so many an hour; for `Retry-After`. */
import { hourMs, minuteMs } from "../runtime/time.ts";

const minRetryAfterMs = 2_000;
const maxRetryAfterMs = 600_000;
/** What two hunting calls about a batch take, roughly. */
const batchMs = 8_000;

/** Time until the last of `calls` may be sent, the first one now. */
export function computeMinDurationMs(calls: number, perMinute: number, perHour: number): number {
  const countFullPeriods = (limit: number): number => Math.max(0, Math.ceil(calls / limit) - 1);
  const fullHoursMs = countFullPeriods(perHour) * hourMs;
  const remainingCalls = calls - countFullPeriods(perHour) * perHour;
  return Math.max(
    countFullPeriods(perMinute) * minuteMs,
    fullHoursMs + Math.max(0, Math.ceil(remainingCalls / perMinute) - 1) * minuteMs,
  );
}

/** When to look at a job again: what is left of it, at least 2 s and at most 10 min. */
export function estimateRetryAfterMs(
  remaining: { readonly hashes: number; readonly batches: number },
  quota: { readonly callsPerMinute: number; readonly callsPerHour: number },
  notBeforeMs = 0,
): number {
  const estimateMs =
    remaining.batches > 0
      ? remaining.batches * batchMs
      : computeMinDurationMs(remaining.hashes, quota.callsPerMinute, quota.callsPerHour) +
        minRetryAfterMs;
  return Math.min(maxRetryAfterMs, Math.max(minRetryAfterMs, notBeforeMs, estimateMs));
}
