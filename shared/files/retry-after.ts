/**
 * Estimates `Retry-After`: the shortest time that calls take under limits per minute and per hour.
 */
import { hourMs, minuteMs } from "../runtime/time.ts";
import type { JobHeader } from "../storage/jobs.ts";
import { readJobRequest } from "./job-records.ts";

const minRetryAfterMs = 2_000;
const maxRetryAfterMs = 600_000;
/** About the duration of the two hunting calls for a batch. */
const batchMs = 8_000;

interface CallQuota {
  readonly callsPerMinute: number;
  readonly callsPerHour: number;
}

/** Returns the time until the last of `calls` may be sent when the first is sent now. */
export function computeMinDurationMs(calls: number, perMinute: number, perHour: number): number {
  const countFullPeriods = (limit: number): number => Math.max(0, Math.ceil(calls / limit) - 1);
  const fullHoursMs = countFullPeriods(perHour) * hourMs;
  const remainingCalls = calls - countFullPeriods(perHour) * perHour;
  return Math.max(
    countFullPeriods(perMinute) * minuteMs,
    fullHoursMs + Math.max(0, Math.ceil(remainingCalls / perMinute) - 1) * minuteMs,
  );
}

/** Estimates the duration of the remaining work, at least 2 s and at most 10 min. */
export function estimateRetryAfterMs(
  remaining: { readonly hashes: number; readonly batches: number },
  quota: CallQuota,
  notBeforeMs = 0,
): number {
  const estimateMs =
    remaining.batches > 0
      ? remaining.batches * batchMs
      : computeMinDurationMs(remaining.hashes, quota.callsPerMinute, quota.callsPerHour) +
        minRetryAfterMs;
  return Math.min(maxRetryAfterMs, Math.max(minRetryAfterMs, notBeforeMs, estimateMs));
}

/** Estimates when to read a running job again. */
export function estimateJobPauseMs(header: JobHeader, partsDone: number, quota: CallQuota): number {
  const { partSize, bulk } = readJobRequest(header);
  const parts = header.parts - partsDone;
  return estimateRetryAfterMs({ hashes: parts * partSize, batches: bulk ? parts : 0 }, quota);
}
