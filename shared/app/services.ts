/**
 * The composition root: what functions and commands may use. Each part is created at its first use,
 * so that an invalid setting stops only the functions that need it.
 */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { Problem } from "../contracts/problem.ts";
import { lazy } from "../runtime/lazy.ts";
import { clouds, readSettings } from "../runtime/settings.ts";
import { createTokenValidator } from "../clients/token-validator.ts";
import {
  createAlertHistoryDeps,
  createErasureDeps,
  createReceivingDeps,
  getAlertDeps,
} from "./alerts.ts";
import {
  findHunt,
  listEnabledHunts,
  readApiDescription,
  readCatalog,
  readMappings,
} from "./build-artifacts.ts";
import { getFileLookupService } from "./files.ts";
import { createHealthReport, type HealthReport } from "./health-report.ts";
import { getHuntDeps, startDueHunts } from "./hunting.ts";
import {
  listStoredDeadLetters,
  moveToDeadLetters,
  replayStoredDeadLetters,
  runMaintenance,
} from "./maintenance.ts";
import { sealMessage } from "./message-seal.ts";
import { clock, failpoint, getQueues, getRecords, getVault, readServerNowMs } from "./platform.ts";
import {
  createJobUrl,
  createReceiptUrl,
  isKeyOfJob,
  isKeyOfReceipt,
  toJobLocation,
  toPublicAddress,
} from "./signed-urls.ts";
import { createVerdictJobUrl, readVerdictOperation } from "./verdict-jobs.ts";
import { createReceiptStatusDeps, createWebhookDeps } from "./webhooks.ts";

const healthCacheMs = 20_000;
let cachedHealth: { readonly atMs: number; readonly report: Promise<HealthReport> } | undefined;

/**
 * Returns a report, or the failure to create it, at most 20 s old: anonymous requests cost no
 * storage calls.
 */
function getHealthReport(): Promise<HealthReport> {
  const nowMs = clock.now();
  if (cachedHealth === undefined || nowMs - cachedHealth.atMs > healthCacheMs)
    cachedHealth = { atMs: nowMs, report: loadHealthReport() };
  return cachedHealth.report;
}

async function loadHealthReport(): Promise<HealthReport> {
  const { HUNTING_API: huntingApi } = readSettings();
  return createHealthReport({
    store: await getRecords(),
    hunts: listEnabledHunts(),
    huntingApi,
    expiring: (await getVault()).listExpiring(),
  });
}

const checkToken = lazy(async () => {
  const {
    CLOUD,
    TENANT_ID: tenantId,
    LOGIN_URL,
  } = readSettings(["CLOUD", "TENANT_ID", "LOGIN_URL"]);
  return createTokenValidator({ loginUrl: LOGIN_URL ?? clouds[CLOUD].login, tenantId, clock });
});

const webhookDeps = lazy(async () =>
  createWebhookDeps({
    clock,
    failpoint,
    settings: () => readSettings(["WEBHOOKS", "MAX_ALERTS_PER_SOURCE_PER_DAY"]),
    tenantId: () => readSettings(["TENANT_ID"]).TENANT_ID.toLowerCase(),
    mappings: readMappings,
    vault: getVault,
    checkToken,
    records: await getRecords(),
    queues: await getQueues(),
    serverNowMs: readServerNowMs,
    sealMessage,
    fileLookupService: getFileLookupService,
    findHunt,
    huntDeps: getHuntDeps,
  }),
);

/** @throws Problem 404 */
function getHunt(name: string | undefined): CompiledHunt {
  const hunt = findHunt(name);
  if (!hunt) throw new Problem(404, "No hunt has this name; GET /api/hunts lists the hunts.");
  return hunt;
}

export const services = {
  records: getRecords,
  queues: getQueues,
  vault: getVault,
  serverNowMs: readServerNowMs,
  readCatalog,
  readApiDescription,
  findHunt,
  getHunt,
  enabledHunts: listEnabledHunts,
  huntDeps: getHuntDeps,
  startOverdueHunts: startDueHunts,
  fileLookupService: getFileLookupService,
  alertDeps: getAlertDeps,
  receivingDeps: createReceivingDeps,
  alertHistoryDeps: createAlertHistoryDeps,
  erasureDeps: createErasureDeps,
  maxAlertsPerSourcePerDay: async (): Promise<number> =>
    readSettings(["MAX_ALERTS_PER_SOURCE_PER_DAY"]).MAX_ALERTS_PER_SOURCE_PER_DAY,
  webhookDeps,
  receiptStatusDeps: async () =>
    createReceiptStatusDeps({
      records: await getRecords(),
      fileLookupService: getFileLookupService,
    }),
  createJobUrl,
  createVerdictJobUrl,
  readVerdictOperation,
  createReceiptUrl,
  isValidJobKey: isKeyOfJob,
  isValidReceiptKey: isKeyOfReceipt,
  toJobLocation,
  toPublicAddress,
  getHealthReport,
  runMaintenance,
  moveToDeadLetters,
  listDeadLetters: listStoredDeadLetters,
  replayDeadLetters: replayStoredDeadLetters,
};
