/**
 * Builds the live things once per process, each at its first use; the only file that knows all of them. A door asks for
 * what it needs, so that a wrong setting stops only the doors that need it.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AlertDeps } from "../alerts/ports.ts";
import { reconcileCall, type AnnouncedCall } from "../alerts/reconcile-audit.ts";
import { anchorAudit, createAuditLog } from "../audit/audit-log.ts";
import { listAuditRecords } from "../audit/list-records.ts";
import { listOpenIntents } from "../audit/open-intents.ts";
import { createAlertsClient } from "../clients/cloud-apps/alerts.ts";
import { createExportStore } from "../clients/exports.ts";
import { createFilesClient } from "../clients/files.ts";
import { createDefenderHunting, createLegacyHunting } from "../clients/hunting/defender.ts";
import { createGraphHunting } from "../clients/hunting/graph.ts";
import { createHuntingRows } from "../clients/hunting/small-results.ts";
import { buildHuntingUrl } from "../clients/portal.ts";
import { createMessageQueues } from "../clients/queues.ts";
import { createRecordStore } from "../clients/records.ts";
import { createStorageClients } from "../clients/storage.ts";
import { createTokenValidator } from "../clients/token-validator.ts";
import { createTokenSource, type AppCredential } from "../clients/token-source.ts";
import { createVault, getRecoveryDelayMs } from "../clients/vault.ts";
import { createFileLookupService } from "../files/file-lookup-service.ts";
import type { FilesEvent } from "../files/ports.ts";
import { findStatistics } from "../files/find-statistics.ts";
import { createHealthReport, type HealthReport } from "./health-report.ts";
import type { HuntingPort, HuntDeps } from "../hunts/ports.ts";
import { startOverdueHunts } from "../hunts/views.ts";
import { log } from "../runtime/log.ts";
import type { ApiForm } from "../http/api-description.ts";
import type { Catalog, CompiledHunt } from "../contracts/compiled-hunt.ts";
import {
  receiptRetentionMs,
  receiptKey,
  receiptName,
  receiptLocation,
} from "../contracts/webhook.ts";
import {
  readDeadLetterPage,
  replayDeadLetters,
  writeDeadLetter,
  type DeadLetterPage,
  type ReplayResult,
} from "../storage/dead-letters.ts";
import {
  maxDeadLettersPerRequest,
  type DeadLetterQueue,
  type DeadLetterReason,
} from "../contracts/dead-letter.ts";
import { Problem } from "../contracts/problem.ts";
import {
  expireRecords,
  jobRetentionMs,
  jobKeyLifetimeMs,
  jobId,
  jobLocation,
  isValidJobKey,
  signJobKey,
} from "../storage/jobs.ts";
import type { ApiName } from "../http-pipeline/api-client.ts";
import { failpoints, type Failpoint } from "../runtime/failpoints.ts";
import { runTimeBudgets } from "../http-pipeline/quota/run-time.ts";
import { createApiClient } from "../http-pipeline/send.ts";
import { createQuota, type QuotaOptions } from "../http-pipeline/quota/shared-quota.ts";
import {
  createBearerAuthorizer,
  createPortalAuthorizer,
  type Authorizer,
} from "../http-pipeline/token.ts";
import { lazy } from "../runtime/lazy.ts";
import { clouds, readSettings, readStorageConnection, type Settings } from "../runtime/settings.ts";
import { hourMs, minuteMs, systemClock } from "../runtime/time.ts";
import type { Mappings } from "../webhooks/mapping.ts";
import { createReceiptStatusDeps, createWebhookDeps } from "./webhooks.ts";

const clock = systemClock;
const newId = (): string => randomUUID();
const failpoint: Failpoint = (name) => failpoints.failpoint(name);

const storage = lazy(async () => createStorageClients(readStorageConnection()));
const records = lazy(async () => createRecordStore((await storage()).blobs));
const queues = lazy(async () => createMessageQueues((await storage()).queues));

const vault = lazy(async () => {
  const { KEY_VAULT_URL: url, RESPONSE_IDENTITY_CLIENT_ID: identityClientId } = readSettings([
    "KEY_VAULT_URL",
    "RESPONSE_IDENTITY_CLIENT_ID",
  ]);
  return createVault({ url, identityClientId, clock, log });
});

const cloudSettings = [
  "CLOUD",
  "TENANT_ID",
  "LOGIN_URL",
  "APP_CLIENT_ID",
  "APP_CREDENTIAL",
] as const;

/** Who asks for tokens: an app where one is configured, else the identity that the deployment gave to this duty. */
async function selectCredential(identityClientId: string | undefined): Promise<AppCredential> {
  const {
    CLOUD,
    TENANT_ID: tenantId,
    LOGIN_URL,
    APP_CLIENT_ID: clientId,
    APP_CREDENTIAL,
  } = readSettings(cloudSettings);
  const { login, exchangeAudience } = clouds[CLOUD];
  if (clientId === undefined || APP_CREDENTIAL === undefined)
    return { kind: "managed-identity", clientId: identityClientId };
  const app = { tenantId, clientId, loginUrl: LOGIN_URL ?? login };
  if (APP_CREDENTIAL === "federated")
    return { kind: "federated", ...app, identityClientId, exchangeAudience };
  const { getSecret: secret, reportRefused: refused } = await vault();
  const name = "defender-client-secret";
  return {
    kind: "secret",
    ...app,
    getSecret: () => secret(name),
    reportSecretRefused: (value) => refused(name, value),
  };
}

async function createBearerAuth(
  audience: string,
  identityClientId: string | undefined,
): Promise<Authorizer> {
  return createBearerAuthorizer(
    createTokenSource({ credential: await selectCredential(identityClientId), audience, clock }),
  );
}

const createApiQuota = async (
  api: ApiName,
  options: Omit<QuotaOptions, "api" | "store" | "clock" | "log">,
) => createQuota({ api, store: await records(), clock, log, ...options });

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
] as const;

/** Where the Defender APIs answer: what a test put in their place, the geography's own host, or the cloud's. */
function defenderRoot(settings: Pick<Settings, "CLOUD" | "DEFENDER_GEO" | "DEFENDER_URL">): string {
  const { defender, defenderGeo } = clouds[settings.CLOUD];
  const hasGeo = settings.DEFENDER_GEO !== undefined && defenderGeo !== undefined;
  return (
    settings.DEFENDER_URL ?? (hasGeo ? `https://${settings.DEFENDER_GEO}.${defenderGeo}` : defender)
  );
}

/** One deadline for hunting calls, so that a probe of an open breaker is waited for as long as a call may take. */
const huntingDeadlineMs = 230_000;

const huntingFactories = {
  graph: createGraphHunting,
  defender: createDefenderHunting,
  legacy: createLegacyHunting,
} as const;

/** The hunting back-end of `HUNTING_API`, or the one named: `hunts compare` asks two of them. */
export async function createHuntingPort(requestedApi?: HuntingPort["api"]): Promise<HuntingPort> {
  const settings = readSettings(huntingSettings);
  const { graph, defenderAudience } = clouds[settings.CLOUD];
  const legacy = "securitycenter.windows.com";
  const endpoints = {
    graph: [settings.GRAPH_URL ?? graph, graph],
    defender: [defenderRoot(settings), defenderAudience],
    legacy: [
      settings.DEFENDER_URL ?? `https://${settings.LEGACY_HUNTING_HOST}.${legacy}`,
      `https://api.${legacy}`,
    ],
  } as const;
  const api = requestedApi ?? settings.HUNTING_API;
  const [baseUrl, audience] = endpoints[api];
  const quota = await createApiQuota("hunting", {
    limits: [
      { calls: settings.HUNTING_CALLS_PER_MINUTE, perMs: minuteMs },
      { calls: settings.HUNTING_CALLS_PER_HOUR, perMs: hourMs },
    ],
    share: settings.HUNTING_QUOTA_SHARE,
    budgets: runTimeBudgets[api],
    maxCallMs: huntingDeadlineMs,
  });
  const authorize = await createBearerAuth(audience, settings.HUNTING_IDENTITY_CLIENT_ID);
  const client = createApiClient({
    api: "hunting",
    baseUrl,
    authorizer: authorize,
    quota,
    clock,
    log,
    deadlineMs: huntingDeadlineMs,
  });
  return huntingFactories[api]({ client, quota, clock });
}

const hunting = lazy(() => createHuntingPort());
const exportStore = lazy(async () =>
  createExportStore((await storage()).blobs.getContainerClient("exports")),
);

const artifactCache = new Map<string, unknown>();

/** What the build left beside the bundle, read once; run from source, in `dist/`. */
function readBuildArtifact(name: string): unknown {
  if (artifactCache.has(name)) return artifactCache.get(name);
  const folder = dirname(fileURLToPath(import.meta.url));
  const bundledPath = join(folder, name);
  const content: unknown = JSON.parse(
    readFileSync(existsSync(bundledPath) ? bundledPath : join(folder, "../../dist", name), "utf8"),
  );
  artifactCache.set(name, content);
  return content;
}

/** The compiled hunts. Timers need them while doors register. */
const readCatalog = (): Catalog => readBuildArtifact("catalog.json") as Catalog;

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

/** The pipe to the file API with its quota, for the files desk and for the doctor. */
export const filesApi = lazy(async () => {
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
      baseUrl: defenderRoot(settings),
      authorizer: authorize,
      quota,
      clock,
      log,
    }),
  };
});

const fileLookupService = lazy(async () => {
  const settings = readSettings(filesSettings);
  const { client, quota } = await filesApi();
  return createFileLookupService({
    records: await records(),
    queues: await queues(),
    files: createFilesClient(client, quota),
    hunting: {
      runQuery: async (query, limit) => createHuntingRows(await hunting()).runQuery(query, limit),
    },
    clock,
    createAttemptId: newId,
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

/** Microsoft's own app id for Cloud Apps: the audience of its tokens. */
const cloudAppsAudience = "05a65629-4c1b-48c1-a78b-804c4abdd4af";

/** The pipe to Cloud Apps with its quota, for the verdict desk and for the command line. */
export const cloudApps = lazy(async () => {
  const names = [
    "CLOUD_APPS_URL",
    "CLOUD_APPS_AUTH",
    "CLOUD_APPS_CALLS_PER_MINUTE",
    "RESPONSE_IDENTITY_CLIENT_ID",
  ] as const;
  const settings = readSettings(names);
  const quota = await createApiQuota("cloud-apps", {
    limits: [{ calls: settings.CLOUD_APPS_CALLS_PER_MINUTE, perMs: minuteMs }],
  });
  const { getSecret: secret, reportRefused: refused } = await vault();
  const name = "cloud-apps-token";
  const authorize =
    settings.CLOUD_APPS_AUTH === "oauth"
      ? await createBearerAuth(cloudAppsAudience, settings.RESPONSE_IDENTITY_CLIENT_ID)
      : createPortalAuthorizer({
          getSecret: () => secret(name),
          reportRefused: (value) => refused(name, value),
        });
  return {
    client: createApiClient({
      api: "cloud-apps",
      baseUrl: settings.CLOUD_APPS_URL,
      authorizer: authorize,
      quota,
      clock,
      log,
    }),
    authorise: authorize,
    quota,
  };
});

const audit = lazy(async () => {
  const { getSecret: secret } = await vault();
  return createAuditLog({ store: await records(), readKey: () => secret("audit-key") });
});

const alertDeps = lazy(async (): Promise<AlertDeps> => {
  const { authorise: authorize, client, quota } = await cloudApps();
  const appendAudit = await audit();
  const { getSecret: secret } = await vault();
  return {
    store: await records(),
    queues: await queues(),
    alerts: createAlertsClient(client, quota),
    writeAudit: (event) => appendAudit({ ...event }),
    readyInMs: async () =>
      getRecoveryDelayMs(Promise.all([authorize.createHeader(), secret("audit-key")])),
    clock,
    newId,
    failpoint,
    logEvent: (event, fields) => log(event, fields),
    closingGroups: new Map(),
  };
});

const huntDeps = lazy(async (): Promise<HuntDeps> => {
  const { TENANT_ID, CLOUD } = readSettings(["TENANT_ID", "CLOUD"]);
  return {
    hunting: await hunting(),
    exports: await exportStore(),
    records: await records(),
    queues: await queues(),
    logEvent: (event, fields) => log(event, fields),
    failpoint,
    nowMs: clock.now,
    createAttemptId: newId,
    createPortalLink: (query) => buildHuntingUrl(clouds[CLOUD].portal, TENANT_ID, query),
    findFileStatistics: async (sha1s) => findStatistics(await fileLookupService(), sha1s),
  };
});

const healthCacheMs = 20_000;
let cachedHealth: { readonly atMs: number; readonly report: Promise<HealthReport> } | undefined;

/** The whole report, at most 20 s old: whoever asks anonymously must not be able to cost storage calls. */
async function getHealthReport(): Promise<HealthReport> {
  const nowMs = clock.now();
  if (cachedHealth === undefined || nowMs - cachedHealth.atMs > healthCacheMs)
    cachedHealth = { atMs: nowMs, report: loadHealthReport() };
  return cachedHealth.report.catch((error: unknown) => {
    cachedHealth = undefined;
    throw error;
  });
}

async function loadHealthReport(): Promise<HealthReport> {
  const { HUNTING_API: huntingApi } = readSettings();
  const hunts = readCatalog().hunts.filter(({ enabled }) => enabled);
  return createHealthReport({
    store: await records(),
    hunts,
    huntingApi,
    expiring: (await vault()).listExpiring(),
  });
}

/** What the timer `runMaintenance` does besides starting overdue hunts: the audit's anchor and open intents, jobs and receipts past their time. */
async function runMaintenance(): Promise<void> {
  const store = await records();
  await anchorAudit(store);
  const pendingIntents = await listOpenIntents(store, hourMs);
  const deps = pendingIntents.length > 0 ? await alertDeps() : undefined;
  for (const { body, path } of pendingIntents) {
    log("audit.gap", {
      seq: Number(/(\d+)\.json$/.exec(path)?.[1] ?? -1),
      cause: "intent without outcome",
    });
    // What an intent carries was written by the desk itself, and its seal is checked by `npm run verify-audit`.
    if (deps) await reconcileCall(deps, body as unknown as AnnouncedCall);
  }
  await expireRecords(store, "state/jobs/", jobRetentionMs, clock.now());
  await expireRecords(store, "state/receipts/", receiptRetentionMs, clock.now());
}

const readJobSecret = async (): Promise<string> => (await vault()).getSecret("job-key");

const checkToken = lazy(async () => {
  const {
    CLOUD,
    TENANT_ID: tenantId,
    LOGIN_URL,
  } = readSettings(["CLOUD", "TENANT_ID", "LOGIN_URL"]);
  return createTokenValidator({ loginUrl: LOGIN_URL ?? clouds[CLOUD].login, tenantId, clock });
});

const findHunt = (name: string | undefined): CompiledHunt | undefined =>
  readCatalog().hunts.find((hunt) => hunt.name === name);
const serverNowMs = async (): Promise<number> => (await exportStore()).serverNowMs();

const webhookDeps = lazy(async () =>
  createWebhookDeps({
    clock,
    failpoint,
    settings: () => readSettings(["WEBHOOKS", "MAX_ALERTS_PER_SOURCE_PER_DAY"]),
    tenantId: () => readSettings(["TENANT_ID"]).TENANT_ID.toLowerCase(),
    mappings: () => readBuildArtifact("webhook-mappings.json") as Mappings,
    vault,
    checkToken,
    records: await records(),
    queues: await queues(),
    serverNowMs,
    fileLookupService,
    findHunt,
    huntDeps,
  }),
);

/** What doors may ask for. */
export const services = {
  records,
  queues,
  vault,
  readCatalog,
  findHunt,
  /** @throws Problem 404 */
  getHunt: (name: string | undefined): CompiledHunt => {
    const hunt = findHunt(name);
    if (!hunt) throw new Problem(404, "No hunt has this name; GET /api/hunts lists them.");
    return hunt;
  },
  enabledHunts: (): readonly CompiledHunt[] => readCatalog().hunts.filter(({ enabled }) => enabled),
  /** The storage service's clock, ms. */
  serverNowMs,
  huntDeps,
  fileLookupService,
  alertDeps,
  alertHistoryDeps: async () => {
    const store = await records();
    return { store, listAudit: (startAfter: string) => listAuditRecords(store, startAfter) };
  },
  audit,
  getHealthReport,
  runMaintenance,
  maxAlertsPerSourcePerDay: async (): Promise<number> =>
    readSettings(["MAX_ALERTS_PER_SOURCE_PER_DAY"]).MAX_ALERTS_PER_SOURCE_PER_DAY,
  /** The address of a job with a key of its own, for whoever may read it: 24 hours long. */
  createJobUrl: async (requestUrl: string, id: string): Promise<string> =>
    jobLocation(
      requestUrl,
      id,
      signJobKey(await readJobSecret(), id, clock.now() + jobKeyLifetimeMs),
    ),
  webhookDeps,
  /** The API's description as the build made it. */
  readApiDescription: (form: ApiForm): object => readBuildArtifact(`${form}.json`) as object,
  /** The address under which a webhook's receipt is shown, with a key of its own: 24 hours long. */
  createReceiptUrl: async (requestUrl: string, source: string, receipt: string): Promise<string> =>
    receiptLocation(
      requestUrl,
      source,
      receipt,
      signJobKey(
        await readJobSecret(),
        receiptKey(source, receipt),
        clock.now() + jobKeyLifetimeMs,
      ),
    ),
  receiptStatusDeps: async () =>
    createReceiptStatusDeps({ records: await records(), fileLookupService }),
  isValidJobKey: async (id: string, key: string): Promise<boolean> =>
    jobId.safeParse(id).success && isValidJobKey(await readJobSecret(), id, key, clock.now()),
  isValidReceiptKey: async (source: string, receipt: string, key: string): Promise<boolean> =>
    receiptName.safeParse(receipt).success &&
    isValidJobKey(await readJobSecret(), receiptKey(source, receipt), key, clock.now()),
  toJobLocation: jobLocation,
  listDeadLetters: async (queue?: DeadLetterQueue, after?: string): Promise<DeadLetterPage> =>
    readDeadLetterPage(await records(), maxDeadLettersPerRequest, { queue, after }),
  startOverdueHunts: async (reason: "tick" | "maintenance"): Promise<string[]> => {
    const deps = { records: await records(), queues: await queues() };
    const hunts = readCatalog().hunts.filter(({ enabled }) => enabled);
    return startOverdueHunts(deps, hunts, reason, await serverNowMs());
  },
  replayDeadLetters: async (
    requests: readonly { readonly queue: DeadLetterQueue; readonly id: string }[],
  ): Promise<ReplayResult[]> => replayDeadLetters(await records(), await queues(), requests),
  /** Puts a message that cannot be worked on where people find it. */
  moveToDeadLetters: async (
    queue: DeadLetterQueue,
    raw: unknown,
    failure: { reason: DeadLetterReason; detail?: string | undefined },
  ): Promise<void> => {
    const deadLetter = await writeDeadLetter(await records(), queue, raw, failure);
    await failpoints.failpoint("D1 dead letter written");
    log("deadletter.written", { queue, deadLetter, cause: failure.reason });
  },
};
