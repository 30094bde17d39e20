/** A tenant without limits on calls, and a real pipe to its Cloud Apps. */
import type { Pipe } from "../../../../shared/http-pipeline/api-client.ts";
import { openPipe } from "../../../../shared/http-pipeline/send.ts";
import { portalToken } from "../../../../shared/http-pipeline/token.ts";
import { systemClock } from "../../../../shared/runtime/time.ts";
import { virtualClock } from "../../../support/virtual-clock.ts";
import { startTenant, type Tenant } from "../../../simulator/simulator.ts";

/** The tenant's clock stands still: what its data say of the past stays true. */
export async function startTenantWithPipe(alerts: number): Promise<{ tenant: Tenant; pipe: Pipe }> {
  const tenant = await startTenant({
    clock: virtualClock(),
    alerts,
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
    switches: { cloudApps: { quota: { perMinute: null }, unknownField: "400" } },
  });
  const pipe = openPipe({
    api: "cloud-apps",
    baseUrl: tenant.urls["cloud-apps"],
    authorise: portalToken({
      secret: async () => tenant.vault.value("cloud-apps-token") ?? "",
      refused: () => undefined,
    }),
    clock: systemClock,
    log: () => undefined,
  });
  return { tenant, pipe };
}

/** All that an iterator gives. */
export async function gathered<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
