/** The client of the hunting API that `HUNTING_API` selects. */
import { createDefenderHunting, createLegacyHunting } from "../clients/hunting/defender.ts";
import { createGraphHunting } from "../clients/hunting/graph.ts";
import { runTimeBudgets } from "../http-pipeline/quota/run-time.ts";
import { createApiClient } from "../http-pipeline/send.ts";
import type { HuntingPort } from "../hunts/ports.ts";
import { clouds, type Settings } from "../runtime/settings.ts";
import { hourMs, minuteMs } from "../runtime/time.ts";
import { createApiQuota, createBearerAuth } from "./credentials.ts";
import { clock } from "./platform.ts";
import { perTenant, type Tenant } from "./tenants.ts";

const huntingSettings = [
  "CLOUD",
  "HUNTING_API",
  "DEFENDER_GEO",
  "LEGACY_HUNTING_HOST",
  "HUNTING_IDENTITY_CLIENT_ID",
  "HUNTING_CALLS_PER_MINUTE",
  "HUNTING_CALLS_PER_HOUR",
  "HUNTING_QUOTA_SHARE",
  "GRAPH_URL",
  "DEFENDER_URL",
  "WORKSPACE_ID",
] as const;

/**
 * The root of the Defender APIs: the simulator's in a test, else that of the geography or the
 * cloud.
 */
export function getDefenderRoot(
  settings: Pick<Settings, "CLOUD" | "DEFENDER_GEO" | "DEFENDER_URL">,
): string {
  const { defender, defenderGeo } = clouds[settings.CLOUD];
  const hasGeo = settings.DEFENDER_GEO !== undefined && defenderGeo !== undefined;
  return (
    settings.DEFENDER_URL ?? (hasGeo ? `https://${settings.DEFENDER_GEO}.${defenderGeo}` : defender)
  );
}

/** Deadline of a hunting call. A probe of an open breaker waits as long. */
const huntingDeadlineMs = 230_000;

const huntingFactories = {
  defender: createDefenderHunting,
  legacy: createLegacyHunting,
} as const;

/** Creates the hunting back-end of `HUNTING_API`, or the named one: `hunts compare` uses two. */
export async function createHuntingPort(
  tenant: Tenant,
  requestedApi?: HuntingPort["api"],
): Promise<HuntingPort> {
  const settings = tenant.readSettings(huntingSettings);
  const { graph, defenderAudience } = clouds[settings.CLOUD];
  const legacy = "securitycenter.windows.com";
  const endpoints = {
    graph: [settings.GRAPH_URL ?? graph, graph],
    defender: [getDefenderRoot(settings), defenderAudience],
    legacy: [
      settings.DEFENDER_URL ?? `https://${settings.LEGACY_HUNTING_HOST}.${legacy}`,
      `https://api.${legacy}`,
    ],
  } as const;
  const api = requestedApi ?? settings.HUNTING_API;
  const [baseUrl, audience] = endpoints[api];
  const quota = await createApiQuota(tenant, "hunting", {
    limits: [
      { calls: settings.HUNTING_CALLS_PER_MINUTE, perMs: minuteMs },
      { calls: settings.HUNTING_CALLS_PER_HOUR, perMs: hourMs },
    ],
    share: settings.HUNTING_QUOTA_SHARE,
    budgets: runTimeBudgets[api],
    maxCallMs: huntingDeadlineMs,
  });
  const authorize = await createBearerAuth(tenant, audience, settings.HUNTING_IDENTITY_CLIENT_ID);
  const client = createApiClient({
    api: "hunting",
    baseUrl,
    authorizer: authorize,
    quota,
    clock,
    log: tenant.log,
    deadlineMs: huntingDeadlineMs,
  });
  const deps = { client, quota, clock };
  return api === "graph"
    ? createGraphHunting(deps, settings.WORKSPACE_ID)
    : huntingFactories[api](deps);
}

export const getHuntingPort = perTenant((tenant) => createHuntingPort(tenant));
