/** The storage, the vault and the clock of this process, each created at its first use. */
import { randomUUID } from "node:crypto";
import { createExportStore } from "../clients/exports.ts";
import { createMessageQueues } from "../clients/queues.ts";
import { createRecordStore } from "../clients/records.ts";
import { createStorageClients } from "../clients/storage.ts";
import { createVault } from "../clients/vault.ts";
import { createTenantQueues, createTenantRecords } from "../storage/tenant-records.ts";
import { failpoints, type Failpoint } from "../runtime/failpoints.ts";
import { lazy } from "../runtime/lazy.ts";
import { log } from "../runtime/log.ts";
import { readSettings, readStorageConnection } from "../runtime/settings.ts";
import { systemClock } from "../runtime/time.ts";
import { perTenant } from "./tenants.ts";

export const clock = systemClock;
export const createId = (): string => randomUUID();
export const failpoint: Failpoint = (name) => failpoints.failpoint(name);

const getStorage = lazy(async () => createStorageClients(readStorageConnection()));
const getStoredRecords = lazy(async () => createRecordStore((await getStorage()).blobs));
const getStoredQueues = lazy(async () => createMessageQueues((await getStorage()).queues));

/** The records of a tenant. */
export const getRecords = perTenant(async ({ name }) =>
  createTenantRecords(await getStoredRecords(), name),
);
/** The queues; each message that is sent names the tenant. */
export const getQueues = perTenant(async ({ name }) =>
  createTenantQueues(await getStoredQueues(), name),
);
export const getExportStore = lazy(async () =>
  createExportStore((await getStorage()).blobs.getContainerClient("exports")),
);

/** Reads the storage service's clock, in epoch milliseconds. */
export const readServerNowMs = async (): Promise<number> => (await getExportStore()).serverNowMs();

export const getVault = lazy(async () => {
  const { KEY_VAULT_URL: url, RESPONSE_IDENTITY_CLIENT_ID: identityClientId } = readSettings([
    "KEY_VAULT_URL",
    "RESPONSE_IDENTITY_CLIENT_ID",
  ]);
  return createVault({ url, identityClientId, clock, log });
});
