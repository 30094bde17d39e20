/** File lookups: the client of the file API and the lookup service. */
import { createFilesClient } from "../clients/files.ts";
import { createHuntingRows } from "../clients/hunting/small-results.ts";
import { createFileLookupService } from "../files/file-lookup-service.ts";
import type { FilesEvent } from "../files/ports.ts";
import { createApiClient } from "../http-pipeline/send.ts";
import { lazy } from "../runtime/lazy.ts";
import { log } from "../runtime/log.ts";
import { clouds, readSettings } from "../runtime/settings.ts";
import { hourMs, minuteMs } from "../runtime/time.ts";
import { createApiQuota, createBearerAuth } from "./credentials.ts";
import { getDefenderRoot, getHuntingPort } from "./hunting-api.ts";
import { clock, createId, failpoint, getQueues, getRecords } from "./platform.ts";

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
export const getFilesApi = lazy(async () => {
  const settings = readSettings(filesSettings);
  const { defenderAudience } = clouds[settings.CLOUD];
  const limits = [
    { calls: settings.FILES_CALLS_PER_MINUTE, perMs: minuteMs },
    { calls: settings.FILES_CALLS_PER_HOUR, perMs: hourMs },
  ];
  const quota = await createApiQuota("files", { limits });
  const authorize = await createBearerAuth(defenderAudience, settings.HUNTING_IDENTITY_CLIENT_ID);
  return {
    quota,
    client: createApiClient({
      api: "files",
      baseUrl: getDefenderRoot(settings),
      authorizer: authorize,
      quota,
      clock,
      log,
    }),
  };
});

export const getFileLookupService = lazy(async () => {
  const settings = readSettings(filesSettings);
  const { client, quota } = await getFilesApi();
  return createFileLookupService({
    records: await getRecords(),
    queues: await getQueues(),
    files: createFilesClient(client, quota),
    hunting: {
      runQuery: async (query, limit) =>
        createHuntingRows(await getHuntingPort()).runQuery(query, limit),
    },
    clock,
    createAttemptId: createId,
    failpoint,
    logEvent: logFileEvent,
    settings: {
      foundAgeMs: settings.FOUND_CACHE_HOURS * hourMs,
      notFoundAgeMs: settings.NOT_FOUND_CACHE_HOURS * hourMs,
      bulkThreshold: settings.BULK_LOOKUP_THRESHOLD,
      callsPerMinute: settings.FILES_CALLS_PER_MINUTE,
      callsPerHour: settings.FILES_CALLS_PER_HOUR,
    },
  });
});

function logFileEvent(event: FilesEvent): void {
  if (event.kind === "lookup") {
    const { kind: _kind, ...fields } = event;
    log("files.lookup", fields);
  } else {
    log("job.finished", { job: event.job, kind: "files", outcome: event.outcome });
  }
}
