/**
 * Builds the live things once per process, each at its first use; the only file that knows all of them. A door asks for
 * what it needs, so that a wrong setting stops only the doors that need it.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { VerdictDesk } from "../alerts/ports.ts";
import { accountForCall, type AnnouncedCall } from "../alerts/reconcile-audit.ts";
import { anchorAudit, openAuditLog } from "../audit/audit-log.ts";
import { openIntents } from "../audit/open-intents.ts";
import { openAlerts } from "../clients/cloud-apps/alerts.ts";
import { openExports } from "../clients/exports.ts";
import { openFiles } from "../clients/files.ts";
import { defenderHunting, legacyHunting } from "../clients/hunting/defender.ts";
import { graphHunting } from "../clients/hunting/graph.ts";
import { smallResults } from "../clients/hunting/small-results.ts";
import { huntingPage } from "../clients/portal.ts";
import { openQueues } from "../clients/queues.ts";
import { openRecords } from "../clients/records.ts";
import { openStorage } from "../clients/storage.ts";
import { openTokenCheck } from "../clients/entra-tokens.ts";
import { openTokens, type AppCredential } from "../clients/tokens.ts";
import { openVault, passingTroubleMs } from "../clients/vault.ts";
import { openFilesDesk } from "../files/file-lookup-service.ts";
import type { FilesEvent } from "../files/ports.ts";
import { statisticsOf } from "../files/statistics-of.ts";
import { healthReport, type HealthReport } from "./health-report.ts";
import type { HuntingPort, HuntPorts } from "../hunts/ports.ts";
import { log } from "../runtime/log.ts";
import type { ApiForm } from "../http/api-description.ts";
import type { Catalogue, CompiledHunt } from "../contracts/compiled-hunt.ts";
import { receiptKeptMs, receiptKey, receiptLocation } from "../contracts/webhook.ts";
import {
  writeDeadLetter,
  type DeadLetterQueue,
  type DeadLetterReason,
} from "../storage/dead-letters.ts";
import { Problem } from "../http/problem.ts";
import {
  expireRecords,
  jobAgeMs,
  jobKeyAgeMs,
  jobLocation,
  opensJob,
  signJobKey,
} from "../storage/jobs.ts";
import type { ApiName } from "../http-pipeline/api-client.ts";
import { points } from "../runtime/failpoints.ts";
import { runTimeBudgets } from "../http-pipeline/quota/run-time.ts";
import { openPipe } from "../http-pipeline/send.ts";
import { openQuota, type QuotaOptions } from "../http-pipeline/quota/shared-quota.ts";
import { bearer, portalToken, type Authorise } from "../http-pipeline/token.ts";
import { once } from "../runtime/lazy.ts";
import { clouds, readSettings, readStorageConnection, type Settings } from "../runtime/settings.ts";
import { hourMs, minuteMs, systemClock } from "../runtime/time.ts";
import type { Mappings } from "../webhooks/mapping.ts";
import { openStatus, openWebhooks } from "./webhooks.ts";

const clock = systemClock;
const newId = (): string => randomUUID();
const reach = async (point: string): Promise<void> => points.reach(point);

const storage = once(async () => openStorage(readStorageConnection()));
const records = once(async () => openRecords((await storage()).blobs));
const queues = once(async () => openQueues((await storage()).queues));

const vault = once(async () => {
  const { KEY_VAULT_URL: url, ACT_IDENTITY: identityClientId } = readSettings([
    "KEY_VAULT_URL",
    "ACT_IDENTITY",
  ]);
  return openVault({ url, identityClientId, clock, log });
});

const cloudSettings = [
  "CLOUD",
  "TENANT_ID",
  "LOGIN_URL",
  "APP_CLIENT_ID",
  "APP_CREDENTIAL",
] as const;

/** Who asks for tokens: an app where one is configured, else the identity that the deployment gave to this duty. */
async function credential(identityClientId: string | undefined): Promise<AppCredential> {
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
  const { secret, refused } = await vault();
  const name = "defender-client-secret";
  return { kind: "secret", ...app, secret: () => secret(name), secretRefused: () => refused(name) };
}

async function bearerFor(
  audience: string,
  identityClientId: string | undefined,
): Promise<Authorise> {
  return bearer(openTokens({ credential: await credential(identityClientId), audience, clock }));
}

const quotaFor = async (
  api: ApiName,
  options: Omit<QuotaOptions, "api" | "store" | "clock" | "log">,
) => openQuota({ api, store: await records(), clock, log, ...options });

const huntingSettings = [
  "CLOUD",
  "HUNTING_API",
  "DEFENDER_GEO",
  "LEGACY_HUNTING_HOST",
  "HUNT_IDENTITY",
  "HUNTING_CALLS_PER_MINUTE",
  "HUNTING_CALLS_PER_HOUR",
  "HUNTING_SHARE",
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

const makers = { graph: graphHunting, defender: defenderHunting, legacy: legacyHunting } as const;

/** The hunting back-end of `HUNTING_API`, or the one named: `hunts compare` asks two of them. */
export async function openHunting(named?: HuntingPort["api"]): Promise<HuntingPort> {
  const settings = readSettings(huntingSettings);
  const { graph, defenderAudience } = clouds[settings.CLOUD];
  const legacy = "securitycenter.windows.com";
  const places = {
    graph: [settings.GRAPH_URL ?? graph, graph],
    defender: [defenderRoot(settings), defenderAudience],
    legacy: [
      settings.DEFENDER_URL ?? `https://${settings.LEGACY_HUNTING_HOST}.${legacy}`,
      `https://api.${legacy}`,
    ],
  } as const;
  const api = named ?? settings.HUNTING_API;
  const [baseUrl, audience] = places[api];
  const quota = await quotaFor("hunting", {
    limits: [
      { calls: settings.HUNTING_CALLS_PER_MINUTE, perMs: minuteMs },
      { calls: settings.HUNTING_CALLS_PER_HOUR, perMs: hourMs },
    ],
    share: settings.HUNTING_SHARE,
    budgets: runTimeBudgets[api],
    longestCallMs: huntingDeadlineMs,
  });
  const authorise = await bearerFor(audience, settings.HUNT_IDENTITY);
  const pipe = openPipe({
    api: "hunting",
    baseUrl,
    authorise,
    quota,
    clock,
    log,
    deadlineMs: huntingDeadlineMs,
  });
  return makers[api]({ pipe, quota, clock });
}

const hunting = once(() => openHunting());
const exported = once(async () =>
  openExports((await storage()).blobs.getContainerClient("exports")),
);

const read = new Map<string, unknown>();

/** What the build left beside the bundle, read once; run from source, in `dist/`. */
function built(name: string): unknown {
  if (read.has(name)) return read.get(name);
  const folder = dirname(fileURLToPath(import.meta.url));
  const beside = join(folder, name);
  const content: unknown = JSON.parse(
    readFileSync(existsSync(beside) ? beside : join(folder, "../../dist", name), "utf8"),
  );
  read.set(name, content);
  return content;
}

/** The compiled hunts. Timers need them while doors register. */
const catalogue = (): Catalogue => built("catalogue.json") as Catalogue;

const filesSettings = [
  "CLOUD",
  "DEFENDER_GEO",
  "DEFENDER_URL",
  "HUNT_IDENTITY",
  "FOUND_CACHE_HOURS",
  "NOT_FOUND_CACHE_HOURS",
  "BULK_FROM_HASHES",
  "FILES_CALLS_PER_MINUTE",
  "FILES_CALLS_PER_HOUR",
] as const;

/** The pipe to the file API with its quota, for the files desk and for the doctor. */
export const filesApi = once(async () => {
  const settings = readSettings(filesSettings);
  const { defenderAudience } = clouds[settings.CLOUD];
  const limits = [
    { calls: settings.FILES_CALLS_PER_MINUTE, perMs: minuteMs },
    { calls: settings.FILES_CALLS_PER_HOUR, perMs: hourMs },
  ];
  const quota = await quotaFor("files", { limits });
  const authorise = await bearerFor(defenderAudience, settings.HUNT_IDENTITY);
  return {
    quota,
    pipe: openPipe({ api: "files", baseUrl: defenderRoot(settings), authorise, quota, clock, log }),
  };
});

const filesDesk = once(async () => {
  const settings = readSettings(filesSettings);
  const { pipe, quota } = await filesApi();
  return openFilesDesk({
    records: await records(),
    queues: await queues(),
    files: openFiles(pipe, quota),
    hunting: { ask: async (query, limit) => smallResults(await hunting()).ask(query, limit) },
    clock,
    newAttempt: newId,
    reach,
    note: noteFiles,
    settings: {
      foundAgeMs: settings.FOUND_CACHE_HOURS * hourMs,
      notFoundAgeMs: settings.NOT_FOUND_CACHE_HOURS * hourMs,
      bulkFrom: settings.BULK_FROM_HASHES,
      callsPerMinute: settings.FILES_CALLS_PER_MINUTE,
      callsPerHour: settings.FILES_CALLS_PER_HOUR,
    },
  });
});

function noteFiles(event: FilesEvent): void {
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
export const cloudApps = once(async () => {
  const names = [
    "CLOUD_APPS_URL",
    "CLOUD_APPS_AUTH",
    "CLOUD_APPS_CALLS_PER_MINUTE",
    "ACT_IDENTITY",
  ] as const;
  const settings = readSettings(names);
  const quota = await quotaFor("cloud-apps", {
    limits: [{ calls: settings.CLOUD_APPS_CALLS_PER_MINUTE, perMs: minuteMs }],
  });
  const { secret, refused } = await vault();
  const name = "cloud-apps-token";
  const authorise =
    settings.CLOUD_APPS_AUTH === "oauth"
      ? await bearerFor(cloudAppsAudience, settings.ACT_IDENTITY)
      : portalToken({ secret: () => secret(name), refused: () => refused(name) });
  return {
    pipe: openPipe({
      api: "cloud-apps",
      baseUrl: settings.CLOUD_APPS_URL,
      authorise,
      quota,
      clock,
      log,
    }),
    authorise,
    quota,
  };
});

const audit = once(async () => {
  const { secret } = await vault();
  return openAuditLog({ store: await records(), key: () => secret("audit-key") });
});

const verdictDesk = once(async (): Promise<VerdictDesk> => {
  const { authorise, pipe, quota } = await cloudApps();
  const write = await audit();
  const { secret } = await vault();
  return {
    store: await records(),
    queues: await queues(),
    alerts: openAlerts(pipe, quota),
    audit: (event) => write({ ...event }),
    readyInMs: async () => passingTroubleMs(Promise.all([authorise.header(), secret("audit-key")])),
    clock,
    newId,
    reach,
    note: (event, fields) => log(event, fields),
    closing: new Map(),
  };
});

const huntPorts = once(async (): Promise<HuntPorts> => {
  const { TENANT_ID, CLOUD } = readSettings(["TENANT_ID", "CLOUD"]);
  return {
    hunting: await hunting(),
    exports: await exported(),
    records: await records(),
    queues: await queues(),
    log: (event, fields) => log(event, fields),
    reach,
    nowMs: clock.now,
    attemptId: newId,
    portalLink: (query) => huntingPage(clouds[CLOUD].portal, TENANT_ID, query),
    enrich: async (sha1s) => statisticsOf(await filesDesk(), sha1s),
  };
});

const keepHealthMs = 20_000;
let healthKept: { readonly atMs: number; readonly report: Promise<HealthReport> } | undefined;

/** The whole report, at most 20 s old: whoever asks anonymously must not be able to cost storage calls. */
async function health(): Promise<HealthReport> {
  const nowMs = clock.now();
  if (healthKept === undefined || nowMs - healthKept.atMs > keepHealthMs)
    healthKept = { atMs: nowMs, report: freshHealth() };
  return healthKept.report.catch((error: unknown) => {
    healthKept = undefined;
    throw error;
  });
}

async function freshHealth(): Promise<HealthReport> {
  const { HUNTING_API: huntingApi } = readSettings();
  const hunts = catalogue().hunts.filter(({ enabled }) => enabled);
  return healthReport({
    store: await records(),
    hunts,
    huntingApi,
    expiring: (await vault()).expiring(),
  });
}

/** What the timer `upkeep` does besides starting overdue hunts: the audit's anchor and open intents, jobs and receipts past their time. */
async function upkeep(): Promise<void> {
  const store = await records();
  await anchorAudit(store);
  const open = await openIntents(store, hourMs);
  const desk = open.length > 0 ? await verdictDesk() : undefined;
  for (const { body, path } of open) {
    log("audit.gap", {
      seq: Number(/(\d+)\.json$/.exec(path)?.[1] ?? -1),
      cause: "intent without outcome",
    });
    // What an intent carries was written by the desk itself, and its seal is checked by `npm run verify-audit`.
    if (desk) await accountForCall(desk, body as unknown as AnnouncedCall);
  }
  await expireRecords(store, "state/jobs/", jobAgeMs, clock.now());
  await expireRecords(store, "state/receipts/", receiptKeptMs, clock.now());
}

const jobSecret = async (): Promise<string> => (await vault()).secret("job-key");

const checkToken = once(async () => {
  const {
    CLOUD,
    TENANT_ID: tenantId,
    LOGIN_URL,
  } = readSettings(["CLOUD", "TENANT_ID", "LOGIN_URL"]);
  return openTokenCheck({ loginUrl: LOGIN_URL ?? clouds[CLOUD].login, tenantId, clock });
});

const findHunt = (name: string | undefined): CompiledHunt | undefined =>
  catalogue().hunts.find((hunt) => hunt.name === name);
const serverNowMs = async (): Promise<number> => (await exported()).serverNowMs();

const webhooks = once(async () =>
  openWebhooks({
    clock,
    reach,
    settings: () => readSettings(["WEBHOOKS", "VERDICTS_PER_DAY"]),
    tenantId: () => readSettings(["TENANT_ID"]).TENANT_ID.toLowerCase(),
    mappings: () => built("webhook-mappings.json") as Mappings,
    vault,
    checkToken,
    records: await records(),
    queues: await queues(),
    serverNowMs,
    filesDesk,
    hunt: findHunt,
    huntPorts,
  }),
);

/** What doors may ask for. */
export const wiring = {
  records,
  queues,
  vault,
  catalogue,
  hunt: findHunt,
  /** @throws Problem 404 */
  namedHunt: (name: string | undefined): CompiledHunt => {
    const hunt = findHunt(name);
    if (!hunt) throw new Problem(404, "No hunt has this name; GET /api/hunts lists them.");
    return hunt;
  },
  enabledHunts: (): readonly CompiledHunt[] => catalogue().hunts.filter(({ enabled }) => enabled),
  /** The storage service's clock, ms. */
  serverNowMs,
  huntPorts,
  filesDesk,
  verdictDesk,
  audit,
  health,
  upkeep,
  verdictsPerDay: async (): Promise<number> => readSettings(["VERDICTS_PER_DAY"]).VERDICTS_PER_DAY,
  /** The address of a job with a key of its own, for whoever may read it: 24 hours long. */
  jobUrl: async (requestUrl: string, id: string): Promise<string> =>
    jobLocation(requestUrl, id, signJobKey(await jobSecret(), id, clock.now() + jobKeyAgeMs)),
  webhooks,
  /** The API's description as the build made it. */
  apiDescription: (form: ApiForm): object => built(`${form}.json`) as object,
  /** The address under which a webhook's receipt is shown, with a key of its own: 24 hours long. */
  receiptUrl: async (requestUrl: string, source: string, receipt: string): Promise<string> =>
    receiptLocation(
      requestUrl,
      source,
      receipt,
      signJobKey(await jobSecret(), receiptKey(source, receipt), clock.now() + jobKeyAgeMs),
    ),
  webhookStatus: async () => openStatus({ records: await records(), filesDesk }),
  opensJob: async (id: string, key: string): Promise<boolean> =>
    opensJob(await jobSecret(), id, key, clock.now()),
  /** Puts a message that cannot be worked on where people find it. */
  bury: async (
    queue: DeadLetterQueue,
    raw: unknown,
    why: { reason: DeadLetterReason; detail?: string | undefined },
  ): Promise<void> => {
    const deadLetter = await writeDeadLetter(await records(), queue, raw, why);
    await points.reach("D1 dead letter written");
    log("deadletter.written", { queue, deadLetter, cause: why.reason });
  },
};
