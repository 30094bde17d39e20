/**
 * The records and messages of one tenant. Modules name a record without its tenant
 * (`state/jobs/{id}/job.json`); these adapters insert it after the kind of record
 * (`state/jobs/{tenant}/{id}/job.json`, `audit/{tenant}/…`, `dead-letters/{tenant}/…`), so that
 * lifecycle rules match by kind and no module can reach another tenant's records.
 */
import { createHmac } from "node:crypto";
import type { MessageQueues, RecordStore } from "./record-store.ts";

/** The tenant that the settings describe; the only one of most deployments. */
export const defaultTenant = "default";

/** A name is part of paths, roles and names of secrets. */
export const tenantNamePattern = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])$/;

/** Folders before the tenant: the container alone, or in `state` the container and the kind. */
const kindDepths: Readonly<Record<string, number>> = { state: 2, audit: 1, "dead-letters": 1 };

/** Limits a store of records to those of one tenant. */
export function createTenantRecords(store: RecordStore, tenant: string): RecordStore {
  const toStored = (path: string): string => insertTenant(path, tenant);
  return {
    read: (path) => store.read(toStored(path)),
    create: (path, value) => store.create(toStored(path), value),
    replace: (path, value, etag) => store.replace(toStored(path), value, etag),
    remove: (path, etag) => store.remove(toStored(path), etag),
    list: (prefix, options) => listRecords(store, tenant, prefix, options?.startAfter),
  };
}

async function* listRecords(
  store: RecordStore,
  tenant: string,
  prefix: string,
  startAfter: string | undefined,
): ReturnType<RecordStore["list"]> {
  // An empty one starts with the first record.
  const options = startAfter ? { startAfter: insertTenant(startAfter, tenant) } : undefined;
  for await (const record of store.list(insertTenant(prefix, tenant), options))
    yield { ...record, path: removeTenant(record.path) };
}

/** @throws RangeError for a path without a kind: its records would be every tenant's */
function insertTenant(path: string, tenant: string): string {
  const folders = path.split("/");
  const depth = kindDepths[folders[0] ?? ""];
  if (depth === undefined || folders.length <= depth)
    throw new RangeError(`${path} must begin with a container and, in "state", a kind.`);
  return [...folders.slice(0, depth), tenant, ...folders.slice(depth)].join("/");
}

function removeTenant(path: string): string {
  const folders = path.split("/");
  const depth = kindDepths[folders[0] ?? ""] ?? 0;
  return [...folders.slice(0, depth), ...folders.slice(depth + 1)].join("/");
}

/**
 * Adds the tenant to each message. Messages of the default tenant carry none: a deployment with one
 * tenant shows no trace of the concept.
 */
export const createTenantQueues = (queues: MessageQueues, tenant: string): MessageQueues => ({
  ...queues,
  send: (queue, message, options) =>
    queues.send(queue, tenant === defaultTenant ? message : { ...message, tenant }, options),
});

/** Derives a tenant's key, so that no seal of one tenant is valid for another. */
export const deriveTenantKey = (key: string, tenant: string): string =>
  tenant === defaultTenant
    ? key
    : createHmac("sha256", key).update(`tenant:${tenant}`).digest("hex");
