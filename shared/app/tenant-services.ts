/** What functions and commands may use of one tenant. Each part is created at its first use. */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import type { DeadLetterQueue } from "../contracts/dead-letter.ts";
import { Problem } from "../contracts/problem.ts";
import {
  createAlertHistoryDeps,
  createReceivingDeps,
  getAlertDeps,
  readAuditKey,
} from "./alerts.ts";
import { findHunt, readCatalog } from "./build-artifacts.ts";
import { getFileLookupService } from "./files.ts";
import { createHealthReport, type HealthReport } from "./health-report.ts";
import { getHuntDeps, listHuntsOf, selectHunts, startDueHunts } from "./hunting.ts";
import {
  listStoredDeadLetters,
  moveToDeadLetters,
  replayStoredDeadLetters,
  runMaintenance,
} from "./maintenance.ts";
import { clock, getQueues, getRecords, getVault } from "./platform.ts";
import { readQuotaUsage } from "./quota-usage.ts";
import {
  createJobUrl,
  createReceiptUrl,
  isKeyOfJob,
  isKeyOfReceipt,
  toJobLocation,
} from "./signed-urls.ts";
import { type Tenant } from "./tenants.ts";
import { createVerdictJobUrl, readVerdictOperation } from "./verdict-jobs.ts";
import { createReceiptStatusDeps } from "./webhooks.ts";
import { getWebhookDeps } from "./webhook-services.ts";

const healthCacheMs = 20_000;

interface CachedHealth {
  readonly atMs: number;
  readonly report: Promise<HealthReport>;
}

const cachedHealth = new WeakMap<Tenant, CachedHealth>();

/**
 * Returns a report, or the failure to create it, at most 20 s old: anonymous requests cost no
 * storage calls.
 */
function getHealthReport(tenant: Tenant): Promise<HealthReport> {
  const nowMs = clock.now();
  const cached = cachedHealth.get(tenant);
  if (cached && nowMs - cached.atMs <= healthCacheMs) return cached.report;
  const report = loadHealthReport(tenant);
  cachedHealth.set(tenant, { atMs: nowMs, report });
  return report;
}

async function loadHealthReport(tenant: Tenant): Promise<HealthReport> {
  const { HUNTING_API: huntingApi } = tenant.readSettings();
  return createHealthReport({
    store: await getRecords(tenant),
    hunts: listHuntsOf(tenant),
    huntingApi,
    expiring: (await getVault()).listExpiring(),
  });
}

/** Returns a hunt that runs in the tenant. @throws Problem 404 */
function getHunt(tenant: Tenant, name: string | undefined): CompiledHunt {
  const hunt = findHuntOf(tenant, name);
  if (!hunt) throw new Problem(404, "No hunt has this name; GET /api/hunts lists the hunts.");
  return hunt;
}

function findHuntOf(tenant: Tenant, name: string | undefined): CompiledHunt | undefined {
  const hunt = findHunt(name);
  return hunt && selectHunts(tenant, [hunt])[0];
}

/** The services of one tenant. */
export type TenantServices = ReturnType<typeof createTenantServices>;

function createTenantServices(tenant: Tenant) {
  return {
    tenant,
    records: () => getRecords(tenant),
    queues: () => getQueues(tenant),
    readAuditKey: () => readAuditKey(tenant),
    listHunts: () => selectHunts(tenant, readCatalog().hunts),
    enabledHunts: () => listHuntsOf(tenant),
    findHunt: (name: string | undefined) => findHuntOf(tenant, name),
    getHunt: (name: string | undefined) => getHunt(tenant, name),
    huntDeps: () => getHuntDeps(tenant),
    startOverdueHunts: (reason: "overdue" | "maintenance") => startDueHunts(tenant, reason),
    fileLookupService: () => getFileLookupService(tenant),
    alertDeps: () => getAlertDeps(tenant),
    receivingDeps: () => createReceivingDeps(tenant),
    alertHistoryDeps: () => createAlertHistoryDeps(tenant),
    maxAlertsPerSourcePerDay: async (): Promise<number> =>
      tenant.readSettings(["MAX_ALERTS_PER_SOURCE_PER_DAY"]).MAX_ALERTS_PER_SOURCE_PER_DAY,
    webhookDeps: () => getWebhookDeps(tenant),
    receiptStatusDeps: async () =>
      createReceiptStatusDeps({
        records: await getRecords(tenant),
        fileLookupService: () => getFileLookupService(tenant),
      }),
    createJobUrl: (requestUrl: string, id: string) => createJobUrl(tenant, requestUrl, id),
    createVerdictJobUrl: (requestUrl: string, verdict: string) =>
      createVerdictJobUrl(tenant, requestUrl, verdict),
    readVerdictOperation: (verdict: string) => readVerdictOperation(tenant, verdict),
    createReceiptUrl: (requestUrl: string, source: string, receipt: string) =>
      createReceiptUrl(tenant, requestUrl, source, receipt),
    isValidJobKey: (id: string, key: string) => isKeyOfJob(tenant, id, key),
    isValidReceiptKey: (source: string, receipt: string, key: string) =>
      isKeyOfReceipt(tenant, source, receipt, key),
    toJobLocation: (requestUrl: string, id: string, key: string) =>
      toJobLocation(tenant, requestUrl, id, key),
    getHealthReport: () => getHealthReport(tenant),
    readQuotaUsage: () => readQuotaUsage(tenant),
    runMaintenance: () => runMaintenance(tenant),
    moveToDeadLetters: (
      queue: DeadLetterQueue,
      raw: unknown,
      failure: Parameters<typeof moveToDeadLetters>[3],
    ) => moveToDeadLetters(tenant, queue, raw, failure),
    listDeadLetters: (queue?: DeadLetterQueue, after?: string) =>
      listStoredDeadLetters(tenant, queue, after),
    replayDeadLetters: (requests: Parameters<typeof replayStoredDeadLetters>[1]) =>
      replayStoredDeadLetters(tenant, requests),
  };
}

const cachedServices = new WeakMap<Tenant, TenantServices>();

/** Returns the services of a tenant. */
export function getTenantServices(tenant: Tenant): TenantServices {
  const cached = cachedServices.get(tenant) ?? createTenantServices(tenant);
  cachedServices.set(tenant, cached);
  return cached;
}
