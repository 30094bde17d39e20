/** The dependencies of the alerts module: the client of Cloud Apps and the audit log. */
import type { AlertDeps } from "../alerts/ports.ts";
import type { ReceivingDeps } from "../alerts/receive-verdict-message.ts";
import { createAuditLog } from "../audit/audit-log.ts";
import { listAuditRecords } from "../audit/list-records.ts";
import { createTextWriter, readTexts } from "../audit/personal-texts.ts";
import { createAlertsClient } from "../clients/cloud-apps/alerts.ts";
import { getRecoveryDelayMs } from "../clients/vault.ts";
import { tenantPrefix } from "../hunts/log/paths.ts";
import type { ExportRecord } from "../hunts/ports.ts";
import { createApiClient } from "../http-pipeline/send.ts";
import { createPortalAuthorizer } from "../http-pipeline/token.ts";
import { minuteMs } from "../runtime/time.ts";
import { deriveTenantKey } from "../storage/tenant-records.ts";
import { createApiQuota, createBearerAuth } from "./credentials.ts";
import { isSealedMessage, readQueueKey, sealMessage } from "./message-seal.ts";
import {
  clock,
  createId,
  failpoint,
  getExportStore,
  getQueues,
  getRecords,
  getVault,
} from "./platform.ts";
import { perTenant, type Tenant } from "./tenants.ts";

/** App id of Cloud Apps, the audience of its tokens. */
const cloudAppsAudience = "05a65629-4c1b-48c1-a78b-804c4abdd4af";

/** The client of Cloud Apps with its quota; verdicts and the command line use it. */
export const getCloudApps = perTenant(async (tenant) => {
  const names = [
    "CLOUD_APPS_URL",
    "CLOUD_APPS_AUTH",
    "CLOUD_APPS_CALLS_PER_MINUTE",
    "RESPONSE_IDENTITY_CLIENT_ID",
  ] as const;
  const settings = tenant.readSettings(names);
  const quota = await createApiQuota(tenant, "cloud-apps", {
    limits: [{ calls: settings.CLOUD_APPS_CALLS_PER_MINUTE, perMs: minuteMs }],
  });
  const { getSecret: secret, reportRefused: refused } = await getVault();
  const name = tenant.toSecretName("cloud-apps-token");
  const authorize =
    settings.CLOUD_APPS_AUTH === "oauth"
      ? await createBearerAuth(tenant, cloudAppsAudience, settings.RESPONSE_IDENTITY_CLIENT_ID)
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
      log: tenant.log,
    }),
    authorize,
    quota,
  };
});

/** Reads the key that seals a tenant's audit records. */
export const readAuditKey = async (tenant: Tenant): Promise<string> =>
  deriveTenantKey(await (await getVault()).getSecret("audit-key"), tenant.name);

export const getAuditLog = perTenant(async (tenant) =>
  createAuditLog({ store: await getRecords(tenant), readKey: () => readAuditKey(tenant) }),
);

export const getAlertDeps = perTenant(async (tenant): Promise<AlertDeps> => {
  const { authorize, client, quota } = await getCloudApps(tenant);
  const appendAudit = await getAuditLog(tenant);
  const store = await getRecords(tenant);
  const { getSecret: secret } = await getVault();
  return {
    store,
    queues: await getQueues(tenant),
    alerts: createAlertsClient(client, quota),
    writeAudit: (event) => appendAudit({ ...event }),
    storeTexts: createTextWriter({ store, readKey: () => readAuditKey(tenant) }),
    readyInMs: async () =>
      getRecoveryDelayMs(
        Promise.all([authorize.createHeader(), secret("audit-key"), readQueueKey()]),
      ),
    sealMessage: (message) => sealMessage(tenant, message),
    clock,
    newId: createId,
    failpoint,
    logEvent: (event, fields) => tenant.log(event, fields),
    closingGroups: new Map(),
  };
});

/** The dependencies of receiving the messages of the queue. */
export async function createReceivingDeps(tenant: Tenant): Promise<ReceivingDeps> {
  const { ALLOW_UNSEALED_VERDICTS, MAX_UNSEALED_ALERTS_PER_DAY } = tenant.readSettings([
    "ALLOW_UNSEALED_VERDICTS",
    "MAX_UNSEALED_ALERTS_PER_DAY",
  ]);
  return {
    ...(await getAlertDeps(tenant)),
    isSealed: (message) => isSealedMessage(tenant, message),
    unsealed: () => ({
      isAllowed: ALLOW_UNSEALED_VERDICTS === "true",
      maxAlertsPerDay: MAX_UNSEALED_ALERTS_PER_DAY,
    }),
  };
}

/** The dependencies of reading an alert's history. */
export async function createAlertHistoryDeps(tenant: Tenant) {
  const store = await getRecords(tenant);
  return {
    store,
    listAudit: (startAfter: string) => listAuditRecords(store, startAfter),
    readTexts: (digests: readonly string[]) => readTexts(store, digests),
  };
}

/** The dependencies of erasing texts about people and of listing what stays. */
export async function createErasureDeps(tenant: Tenant) {
  const exports = await getExportStore();
  return {
    store: await getRecords(tenant),
    appendAudit: await getAuditLog(tenant),
    listExportEnds: () => listWindowEnds(exports.list(tenantPrefix(tenant.name))),
  };
}

async function* listWindowEnds(exports: AsyncIterable<ExportRecord>): AsyncIterable<string> {
  for await (const { metadata } of exports) yield metadata.to;
}
