/**
 * Three ways in which a service may count calls; ours must please all of them, since none says
 * which it is.
 */
import type { CallLimit } from "../../shared/http-pipeline/quota/quota-state.ts";

/** Counts one call that arrives now; false is a 429. A refused call is not counted. */
export type ServerQuota = (nowMs: number) => boolean;

const combineQuotas =
  (quotas: readonly ServerQuota[]): ServerQuota =>
  (nowMs) =>
    quotas.every((quota) => quota(nowMs));

const createSlidingWindow = ({ calls, perMs }: CallLimit): ServerQuota => {
  const arrivals: number[] = [];
  return (nowMs) => {
    while (arrivals[0] !== undefined && arrivals[0] <= nowMs - perMs) arrivals.shift();
    if (arrivals.length >= calls) return false;
    arrivals.push(nowMs);
    return true;
  };
};

/** A window opens with the first call after the last one closed. */
const createFixedWindow = ({ calls, perMs }: CallLimit): ServerQuota => {
  let [openedMs, count] = [-Infinity, 0];
  return (nowMs) => {
    if (nowMs >= openedMs + perMs) [openedMs, count] = [nowMs, 0];
    count += 1;
    return count <= calls;
  };
};

/** Windows lie on the clock. */
const createAlignedWindow = ({ calls, perMs }: CallLimit): ServerQuota => {
  let [slot, count] = [-1, 0];
  return (nowMs) => {
    if (Math.floor(nowMs / perMs) !== slot) [slot, count] = [Math.floor(nowMs / perMs), 0];
    count += 1;
    return count <= calls;
  };
};

const createTokenBucket = ({ calls, perMs }: CallLimit): ServerQuota => {
  let [tokens, atMs] = [calls, -Infinity];
  return (nowMs) => {
    tokens = Math.min(calls, tokens + ((nowMs - atMs) * calls) / perMs);
    atMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
};

const models = {
  sliding: createSlidingWindow,
  fixed: createFixedWindow,
  aligned: createAlignedWindow,
  bucket: createTokenBucket,
} as const;

/** The models' names. */
export const serverModels = Object.keys(models) as (keyof typeof models)[];

/** A server that keeps several limits in one of the ways. */
export const createServerQuota = (
  model: keyof typeof models,
  limits: readonly CallLimit[],
): ServerQuota => combineQuotas(limits.map((limit) => models[model](limit)));

/** The most calls that arrived within any window of this length. */
export function countBusiest(arrivals: readonly number[], perMs: number): number {
  const sorted = arrivals.toSorted((a, b) => a - b);
  let [maxCalls, start] = [0, 0];
  for (const [end, atMs] of sorted.entries()) {
    while ((sorted[start] ?? atMs) <= atMs - perMs) start += 1;
    maxCalls = Math.max(maxCalls, end - start + 1);
  }
  return maxCalls;
}
