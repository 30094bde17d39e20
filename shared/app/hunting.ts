/** The dependencies of the hunts module. */
import { buildHuntingUrl } from "../clients/portal.ts";
import { findStatistics } from "../files/find-statistics.ts";
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { fillParameters } from "../contracts/fill-parameters.ts";
import type { HuntDeps } from "../hunts/ports.ts";
import { startOverdueHunts } from "../hunts/overdue-hunts.ts";
import { clouds } from "../runtime/settings.ts";
import { listEnabledHunts } from "./build-artifacts.ts";
import { getFileLookupService } from "./files.ts";
import { getHuntingPort } from "./hunting-api.ts";
import {
  clock,
  createId,
  failpoint,
  getExportStore,
  getQueues,
  getRecords,
  readServerNowMs,
} from "./platform.ts";
import { perTenant, type Tenant } from "./tenants.ts";

export const getHuntDeps = perTenant(async (tenant): Promise<HuntDeps> => {
  const { TENANT_ID, CLOUD } = tenant.readSettings(["TENANT_ID", "CLOUD"]);
  return {
    tenant: tenant.name,
    hunting: await getHuntingPort(tenant),
    exports: await getExportStore(),
    records: await getRecords(tenant),
    queues: await getQueues(tenant),
    logEvent: (event, fields) => tenant.log(event, fields),
    failpoint,
    nowMs: clock.now,
    createAttemptId: createId,
    createPortalLink: (query) => buildHuntingUrl(clouds[CLOUD].portal, TENANT_ID, query),
    findFileStatistics: async (sha1s) => findStatistics(await getFileLookupService(tenant), sha1s),
  };
});

/** Returns the enabled hunts that run in a tenant. */
export const listHuntsOf = (tenant: Tenant): readonly CompiledHunt[] =>
  selectHunts(tenant, listEnabledHunts());

/** Returns those hunts that run in a tenant, with the tenant's values of their parameters. */
export const selectHunts = (
  tenant: Tenant,
  hunts: readonly CompiledHunt[],
): readonly CompiledHunt[] =>
  hunts.filter((hunt) => tenant.runsHunt(hunt)).map((hunt) => fillTenantValues(tenant, hunt));

/** Invalid values stop this hunt in this tenant alone. */
function fillTenantValues({ name, parameters }: Tenant, hunt: CompiledHunt): CompiledHunt {
  const values = parameters[hunt.name];
  if (values === undefined) return hunt;
  const filled = fillParameters(hunt, values);
  if (filled.kind === "filled") return filled.hunt;
  const place = `TENANTS /${name}/parameters/${hunt.name}`;
  return {
    ...hunt,
    // The corrected values give another query, which the pause of this one does not hold back.
    queryHash: "invalid-parameters",
    invalidParameters: filled.problems.map((problem) => `${place}${problem}`).join("; "),
  };
}

/** Starts every overdue hunt of a tenant. @returns their names */
export async function startDueHunts(
  tenant: Tenant,
  reason: "overdue" | "maintenance",
): Promise<string[]> {
  const deps = { records: await getRecords(tenant), queues: await getQueues(tenant) };
  return startOverdueHunts(deps, listHuntsOf(tenant), reason, await readServerNowMs());
}
