/** Pre-signed URLs of jobs and receipts, valid for 24 hours. */
import { receiptKey, receiptLocation, receiptName } from "../contracts/webhook.ts";
import {
  isValidJobKey,
  jobId,
  jobKeyLifetimeMs,
  jobLocation,
  signJobKey,
} from "../storage/jobs.ts";
import { toPublicUrl, withQuery } from "../http/public-url.ts";
import { readSettings } from "../runtime/settings.ts";
import { clock, getVault } from "./platform.ts";
import { defaultTenant, deriveTenantKey } from "../storage/tenant-records.ts";
import type { Tenant } from "./tenants.ts";

/** Returns an address of this app as callers see it. @throws SettingsError */
export const toPublicAddress = (url: string): string =>
  toPublicUrl(url, readSettings(["PUBLIC_URL"]).PUBLIC_URL);

/** Returns the URL of a job with a key that exists. */
export const toJobLocation = (
  tenant: Tenant,
  requestUrl: string,
  id: string,
  key: string,
): string => toPublicAddress(withTenant(tenant, jobLocation(requestUrl, id, key)));

/** Adds the tenant to an address; addresses of the default tenant carry none. */
const withTenant = ({ name }: Tenant, url: string): string =>
  name === defaultTenant ? url : withQuery(url, { tenant: name });

const readJobSecret = async (tenant: Tenant): Promise<string> =>
  deriveTenantKey(await (await getVault()).getSecret("job-key"), tenant.name);

const createKey = async (tenant: Tenant, id: string): Promise<string> =>
  signJobKey(await readJobSecret(tenant), id, clock.now() + jobKeyLifetimeMs);

/** Creates the URL of a job. */
export const createJobUrl = async (
  tenant: Tenant,
  requestUrl: string,
  id: string,
): Promise<string> => toJobLocation(tenant, requestUrl, id, await createKey(tenant, id));

/** Creates the URL of a webhook's receipt; its source names the tenant. */
export async function createReceiptUrl(
  tenant: Tenant,
  requestUrl: string,
  source: string,
  receipt: string,
): Promise<string> {
  const key = await createKey(tenant, receiptKey(source, receipt));
  return toPublicAddress(receiptLocation(requestUrl, source, receipt, key));
}

/** True when the key opens the job now. The text of an id is checked before the secret is read. */
export const isKeyOfJob = async (tenant: Tenant, id: string, key: string): Promise<boolean> =>
  jobId.safeParse(id).success && isValidJobKey(await readJobSecret(tenant), id, key, clock.now());

/** True when the key opens the receipt now. */
export const isKeyOfReceipt = async (
  tenant: Tenant,
  source: string,
  receipt: string,
  key: string,
): Promise<boolean> =>
  receiptName.safeParse(receipt).success &&
  isValidJobKey(await readJobSecret(tenant), receiptKey(source, receipt), key, clock.now());
