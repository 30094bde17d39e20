/** The webhooks of each tenant: which tenant a source belongs to, and what receiving uses. */
import { createTokenValidator } from "../clients/token-validator.ts";
import { clouds, readSettings, SettingsError } from "../runtime/settings.ts";
import type { WebhookDeps } from "../webhooks/ports.ts";
import { findHunt, readMappings } from "./build-artifacts.ts";
import { getFileLookupService } from "./files.ts";
import { getHuntDeps } from "./hunting.ts";
import { sealMessage } from "./message-seal.ts";
import { clock, failpoint, getQueues, getRecords, getVault, readServerNowMs } from "./platform.ts";
import { findTenant, getDefaultTenant, perTenant, type Tenant } from "./tenants.ts";
import { createWebhookDeps } from "./webhooks.ts";

/** Checks tokens of the tenant's directory. */
const getTokenValidator = perTenant(async (tenant) => {
  const {
    CLOUD,
    TENANT_ID: tenantId,
    LOGIN_URL,
  } = tenant.readSettings(["CLOUD", "TENANT_ID", "LOGIN_URL"]);
  return createTokenValidator({ loginUrl: LOGIN_URL ?? clouds[CLOUD].login, tenantId, clock });
});

/** The dependencies of receiving the deliveries of a tenant's sources. */
export const getWebhookDeps = perTenant(async (tenant): Promise<WebhookDeps> =>
  createWebhookDeps({
    clock,
    failpoint,
    log: tenant.log,
    settings: () => tenant.readSettings(["WEBHOOKS", "MAX_ALERTS_PER_SOURCE_PER_DAY"]),
    tenantId: () => tenant.readSettings(["TENANT_ID"]).TENANT_ID.toLowerCase(),
    mappings: readMappings,
    vault: getVault,
    checkToken: () => getTokenValidator(tenant),
    records: await getRecords(tenant),
    queues: await getQueues(tenant),
    serverNowMs: readServerNowMs,
    sealMessage: (message) => sealMessage(tenant, message),
    fileLookupService: () => getFileLookupService(tenant),
    findHunt: (name) => {
      const hunt = findHunt(name);
      return hunt && tenant.runsHunt(hunt) ? hunt : undefined;
    },
    huntDeps: () => getHuntDeps(tenant),
  }),
);

/**
 * Returns the tenant that a source's configuration names. A source that does not exist belongs to
 * the default tenant, which refuses it.
 *
 * @throws SettingsError when no tenant has that name
 */
export function findTenantOfSource(source: string): Tenant {
  const { WEBHOOKS } = readSettings(["WEBHOOKS"]);
  const settings = Object.hasOwn(WEBHOOKS, source) ? WEBHOOKS[source] : undefined;
  const name =
    typeof settings === "object" && settings !== null && "tenant" in settings
      ? settings.tenant
      : undefined;
  if (name === undefined) return getDefaultTenant();
  const tenant = typeof name === "string" ? findTenant(name) : undefined;
  if (tenant) return tenant;
  throw new SettingsError([
    { name: `WEBHOOKS /${source}/tenant`, expected: "the name of an enabled tenant of TENANTS" },
  ]);
}
