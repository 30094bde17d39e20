/**
 * Shares the runs that one instance executes at once between the tenants: a tenant with a backlog, a
 * throttled or a dead one delays no other. A run beyond the share returns to the queue.
 */

import type { RunReason } from "../contracts/hunt-run.ts";

/** Messages of one queue that an instance handles at once: `batchSize` of host.json. */
export const concurrentRuns = 4;

/** How long a run beyond its tenant's share waits: shorter while a person waits for it. */
export const computeShareDelaySeconds = (reason: RunReason): number =>
  reason === "request" ? 5 : 60;

/** Returns how many runs of one tenant an instance executes at once. */
export const computeShare = (tenantCount: number): number =>
  Math.ceil(concurrentRuns / Math.max(1, tenantCount));

/**
 * Does the work unless the tenant already has its share of this instance. Returns false when the
 * work was not done.
 */
export type RunWithinShare = (
  tenant: string,
  tenantCount: number,
  work: () => Promise<void>,
) => Promise<boolean>;

/** Creates the counter of one instance. */
export function createTenantShare(): RunWithinShare {
  const running = new Map<string, number>();
  return async (tenant, tenantCount, work) => {
    const count = running.get(tenant) ?? 0;
    if (count >= computeShare(tenantCount)) return false;
    running.set(tenant, count + 1);
    try {
      await work();
    } finally {
      running.set(tenant, (running.get(tenant) ?? 1) - 1);
    }
    return true;
  };
}
