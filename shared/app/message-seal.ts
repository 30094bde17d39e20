/** Seals and checks verdict messages with the vault's `queue-key`. */
import { isSealed, sealVerdictMessage } from "../alerts/message-seal.ts";
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import { getVault } from "./platform.ts";
import type { Tenant } from "./tenants.ts";

const keyName = "queue-key";

export const readQueueKey = async (): Promise<string> => (await getVault()).getSecret(keyName);

const readTenantId = (tenant: Tenant): string =>
  tenant.readSettings(["TENANT_ID"]).TENANT_ID.toLowerCase();

/** Returns the message with the app's seal. */
export const sealMessage = async (
  tenant: Tenant,
  message: VerdictMessage,
): Promise<VerdictMessage> =>
  sealVerdictMessage(message, { key: await readQueueKey(), tenant: readTenantId(tenant) });

/**
 * Tells whether the app wrote the message. A seal that does not fit the cached key is checked with
 * a key that is read again: another instance may have sealed it after a rotation.
 */
export async function isSealedMessage(tenant: Tenant, message: VerdictMessage): Promise<boolean> {
  if (message.seal === undefined) return false;
  const { getSecret, reportRefused } = await getVault();
  const tenantId = readTenantId(tenant);
  const key = await getSecret(keyName);
  if (isSealed(message, { key, tenant: tenantId })) return true;
  reportRefused(keyName, key);
  return isSealed(message, { key: await getSecret(keyName), tenant: tenantId });
}
