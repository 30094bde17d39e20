/** A tenant without limits on calls, and a real pipe to its Cloud Apps. */
import type { ApiClient } from "../../../../shared/http-pipeline/api-client.ts";
import { createApiClient } from "../../../../shared/http-pipeline/send.ts";
import { createPortalAuthorizer } from "../../../../shared/http-pipeline/token.ts";
import { systemClock } from "../../../../shared/runtime/time.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { startSimulator, type Simulator } from "../../../simulator/simulator.ts";

/** The simulator's clock does not move, so that the instants in its data stay in the past. */
export async function startSimulatorWithClient(
  alerts: number,
): Promise<{ simulator: Simulator; client: ApiClient }> {
  const simulator = await startSimulator({
    clock: createVirtualClock(),
    alerts,
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
    behaviors: { cloudApps: { quota: { perMinute: null }, unknownField: "400" } },
  });
  const client = createApiClient({
    api: "cloud-apps",
    baseUrl: simulator.urls["cloud-apps"],
    authorizer: createPortalAuthorizer({
      getSecret: async () => simulator.vault.readValue("cloud-apps-token") ?? "",
      reportRefused: () => undefined,
    }),
    clock: systemClock,
    log: () => undefined,
  });
  return { simulator, client };
}

/** All that an iterator gives. */
export async function collectItems<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
