/** File lookups: the client of the file API and the lookup service. */
import { createFilesClient } from "../clients/files.ts";
import { createHuntingRows } from "../clients/hunting/small-results.ts";
import { createFileLookupService } from "../files/file-lookup-service.ts";
import type { FilesEvent } from "../files/ports.ts";
import { createApiClient } from "../http-pipeline/send.ts";
import type { Log } from "../runtime/log.ts";
import { clouds } from "../runtime/settings.ts";
import { hourMs, minuteMs } from "../runtime/time.ts";
import { createApiQuota, createBearerAuth } from "./credentials.ts";
import { getDefenderRoot, getHuntingPort } from "./hunting-api.ts";
import { clock, createId, failpoint, getQueues, getRecords } from "./platform.ts";
import { perTenant } from "./tenants.ts";

const filesSettings = [
  "CLOUD",
  "DEFENDER_GEO",
  "DEFENDER_URL",
  "HUNTING_IDENTITY_CLIENT_ID",
  "FOUND_CACHE_HOURS",
  "NOT_FOUND_CACHE_HOURS",
  "BULK_LOOKUP_THRESHOLD",
  "FILES_CALLS_PER_MINUTE",
  "FILES_CALLS_PER_HOUR",
] as const;

/** The client of the file API with its quota; file lookups and the doctor use it. */
export const getFilesApi = perTenant(async (tenant) => {
  const settings = tenant.readSettings(filesSettings);
  const { defenderAudience } = clouds[settings.CLOUD];
  const limits = [
    { calls: settings.FILES_CALLS_PER_MINUTE, perMs: minuteMs },
    { calls: settings.FILES_CALLS_PER_HOUR, perMs: hourMs },
  ];
  const quota = await createApiQuota(tenant, "files", { limits });
  const authorize = await createBearerAuth(
    tenant,
    defenderAudience,
    settings.HUNTING_IDENTITY_CLIENT_ID,
  );
  return {
    quota,
    client: createApiClient({
      api: "files",
      baseUrl: getDefenderRoot(settings),
      authorizer: authorize,
      quota,
      clock,
      log: tenant.log,
    }),
  };
});

export const getFileLookupService = perTenant(async (tenant) => {
  const settings = tenant.readSettings(filesSettings);
  const { client, quota } = await getFilesApi(tenant);
  return createFileLookupService({
    records: await getRecords(tenant),
    queues: await getQueues(tenant),
    files: createFilesClient(client, quota),
    hunting: {
      runQuery: async (query, limit) =>
        createHuntingRows(await getHuntingPort(tenant)).runQuery(query, limit),
    },
    clock,
    createAttemptId: createId,
    failpoint,
    logEvent: (event) => logFileEvent(tenant.log, event),
    settings: {
      foundAgeMs: settings.FOUND_CACHE_HOURS * hourMs,
      notFoundAgeMs: settings.NOT_FOUND_CACHE_HOURS * hourMs,
      bulkThreshold: settings.BULK_LOOKUP_THRESHOLD,
      callsPerMinute: settings.FILES_CALLS_PER_MINUTE,
      callsPerHour: settings.FILES_CALLS_PER_HOUR,
    },
  });
});

function logFileEvent(log: Log, event: FilesEvent): void {
  if (event.kind === "lookup") {
    const { kind: _kind, ...fields } = event;
    log("files.lookup", fields);
  } else {
    log("job.finished", { job: event.job, kind: "files", outcome: event.outcome });
  }
}
