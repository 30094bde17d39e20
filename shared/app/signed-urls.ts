/** Pre-signed URLs of jobs and receipts, valid for 24 hours. */
import { receiptKey, receiptLocation, receiptName } from "../contracts/webhook.ts";
import {
  isValidJobKey,
  jobId,
  jobKeyLifetimeMs,
  jobLocation,
  signJobKey,
} from "../storage/jobs.ts";
import { toPublicUrl } from "../http/public-url.ts";
import { readSettings } from "../runtime/settings.ts";
import { clock, getVault } from "./platform.ts";

/** Returns an address of this app as callers see it. @throws SettingsError */
export const toPublicAddress = (url: string): string =>
  toPublicUrl(url, readSettings(["PUBLIC_URL"]).PUBLIC_URL);

/** Returns the URL of a job with a key that exists. */
export const toJobLocation = (requestUrl: string, id: string, key: string): string =>
  toPublicAddress(jobLocation(requestUrl, id, key));

const readJobSecret = async (): Promise<string> => (await getVault()).getSecret("job-key");

const createKey = async (id: string): Promise<string> =>
  signJobKey(await readJobSecret(), id, clock.now() + jobKeyLifetimeMs);

/** Creates the URL of a job. */
export const createJobUrl = async (requestUrl: string, id: string): Promise<string> =>
  toJobLocation(requestUrl, id, await createKey(id));

/** Creates the URL of a webhook's receipt. */
export const createReceiptUrl = async (
  requestUrl: string,
  source: string,
  receipt: string,
): Promise<string> =>
  toPublicAddress(
    receiptLocation(requestUrl, source, receipt, await createKey(receiptKey(source, receipt))),
  );

/** True when the key opens the job now. The text of an id is checked before the secret is read. */
export const isKeyOfJob = async (id: string, key: string): Promise<boolean> =>
  jobId.safeParse(id).success && isValidJobKey(await readJobSecret(), id, key, clock.now());

/** True when the key opens the receipt now. */
export const isKeyOfReceipt = async (
  source: string,
  receipt: string,
  key: string,
): Promise<boolean> =>
  receiptName.safeParse(receipt).success &&
  isValidJobKey(await readJobSecret(), receiptKey(source, receipt), key, clock.now());
