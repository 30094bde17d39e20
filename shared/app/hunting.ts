/** The dependencies of the hunts module. */
import { buildHuntingUrl } from "../clients/portal.ts";
import { findStatistics } from "../files/find-statistics.ts";
import type { HuntDeps } from "../hunts/ports.ts";
import { startOverdueHunts } from "../hunts/overdue-hunts.ts";
import { lazy } from "../runtime/lazy.ts";
import { log } from "../runtime/log.ts";
import { clouds, readSettings } from "../runtime/settings.ts";
import { listEnabledHunts } from "./build-artifacts.ts";
import { getFileLookupService } from "./files.ts";
import { getHuntingPort } from "./hunting-api.ts";
import { defaultTenant } from "../storage/tenant-records.ts";
import {
  clock,
  createId,
  failpoint,
  getExportStore,
  getQueues,
  getRecords,
  readServerNowMs,
} from "./platform.ts";

export const getHuntDeps = lazy(async (): Promise<HuntDeps> => {
  const { TENANT_ID, CLOUD } = readSettings(["TENANT_ID", "CLOUD"]);
  return {
    tenant: defaultTenant,
    hunting: await getHuntingPort(),
    exports: await getExportStore(),
    records: await getRecords(),
    queues: await getQueues(),
    logEvent: (event, fields) => log(event, fields),
    failpoint,
    nowMs: clock.now,
    createAttemptId: createId,
    createPortalLink: (query) => buildHuntingUrl(clouds[CLOUD].portal, TENANT_ID, query),
    findFileStatistics: async (sha1s) => findStatistics(await getFileLookupService(), sha1s),
  };
});

/** Starts every overdue hunt. @returns their names */
export async function startDueHunts(reason: "overdue" | "maintenance"): Promise<string[]> {
  const deps = { records: await getRecords(), queues: await getQueues() };
  return startOverdueHunts(deps, listEnabledHunts(), reason, await readServerNowMs());
}
