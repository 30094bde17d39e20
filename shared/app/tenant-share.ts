/**
 * Shares the runs that one instance executes at once between the tenants: a tenant with a backlog, a
 * throttled or a dead one delays no other. A run beyond the share returns to the queue.
 */

/** Messages of one queue that an instance handles at once: `batchSize` of host.json. */
const concurrentRuns = 4;

const running = new Map<string, number>();

/** Returns how many runs of one tenant an instance executes at once. */
export const computeShare = (tenantCount: number): number =>
  Math.max(1, Math.floor(concurrentRuns / Math.max(1, tenantCount)));

/**
 * Does the work unless the tenant already has its share of this instance.
 *
 * @returns false when the work was not done
 */
export async function runWithinShare(
  tenant: string,
  tenantCount: number,
  work: () => Promise<void>,
): Promise<boolean> {
  const count = running.get(tenant) ?? 0;
  if (count >= computeShare(tenantCount)) return false;
  running.set(tenant, count + 1);
  try {
    await work();
  } finally {
    const left = (running.get(tenant) ?? 1) - 1;
    if (left > 0) running.set(tenant, left);
    else running.delete(tenant);
  }
  return true;
}
