/** What the timer of a hunt does: it enqueues a run for each tenant of the hunt. */
import { createHash } from "node:crypto";
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { enqueueUnlessWaiting } from "../hunts/overdue-hunts.ts";
import { minuteMs } from "../runtime/time.ts";
import { defaultTenant } from "../storage/tenant-records.ts";
import { forEachTenant } from "./for-each-tenant.ts";
import type { TenantServices } from "./tenant-services.ts";
import type { Tenant } from "./tenants.ts";

const maxOffsetMs = 30 * minuteMs;

/**
 * Returns how long after its timer a run of a tenant starts: always the same, spread over half of
 * the interval and at most 30 minutes. The default tenant runs at once.
 */
export function computeOffsetMs(
  tenant: string,
  { intervalMs, name }: Pick<CompiledHunt, "intervalMs" | "name">,
): number {
  if (tenant === defaultTenant) return 0;
  const digest = createHash("sha256").update(`${tenant}/${name}`).digest();
  const spreadMs = Math.min(maxOffsetMs, intervalMs / 2);
  return Math.floor((digest.readUInt32BE(0) / 2 ** 32) * spreadMs);
}

/** The services of a tenant that a timer needs. */
export interface TimerTenant extends Pick<TenantServices, "records" | "queues"> {
  readonly tenant: Pick<Tenant, "name" | "runsHunt">;
}

/** Enqueues a run for each tenant in which the hunt runs, unless one is waiting. */
export const enqueueTimerRuns = (
  tenants: readonly TimerTenant[],
  hunt: CompiledHunt,
  nowMs: number,
): Promise<void> =>
  forEachTenant(
    tenants.filter(({ tenant }) => tenant.runsHunt(hunt)),
    async (each) => {
      const [records, queues] = await Promise.all([each.records(), each.queues()]);
      const delayMs = computeOffsetMs(each.tenant.name, hunt);
      await enqueueUnlessWaiting({ records, queues }, hunt, "timer", { nowMs, delayMs });
    },
  );
