/** How the app authenticates to Microsoft's APIs, and the quota that all instances share. */
import { createTokenSource, type AppCredential } from "../clients/token-source.ts";
import type { ApiName } from "../http-pipeline/api-client.ts";
import { createQuota, type QuotaOptions } from "../http-pipeline/quota/shared-quota.ts";
import { createBearerAuthorizer, type Authorizer } from "../http-pipeline/token.ts";
import { clouds } from "../runtime/settings.ts";
import { clock, getRecords, getVault } from "./platform.ts";
import type { Tenant } from "./tenants.ts";

const cloudSettings = [
  "CLOUD",
  "TENANT_ID",
  "LOGIN_URL",
  "APP_CLIENT_ID",
  "APP_CREDENTIAL",
] as const;

/**
 * Selects what requests tokens: the configured app registration, else the managed identity of this
 * duty.
 */
async function selectCredential(
  tenant: Tenant,
  identityClientId: string | undefined,
): Promise<AppCredential> {
  const {
    CLOUD,
    TENANT_ID: tenantId,
    LOGIN_URL,
    APP_CLIENT_ID: clientId,
    APP_CREDENTIAL,
  } = tenant.readSettings(cloudSettings);
  const { login, exchangeAudience } = clouds[CLOUD];
  if (clientId === undefined || APP_CREDENTIAL === undefined)
    return { kind: "managed-identity", clientId: identityClientId };
  const app = { tenantId, clientId, loginUrl: LOGIN_URL ?? login };
  if (APP_CREDENTIAL === "federated")
    return { kind: "federated", ...app, identityClientId, exchangeAudience };
  const { getSecret: secret, reportRefused: refused } = await getVault();
  const sharedName = "defender-client-secret";
  const name = tenant.hasOwnClient ? tenant.toSecretName(sharedName) : sharedName;
  return {
    kind: "secret",
    ...app,
    getSecret: () => secret(name),
    reportSecretRefused: (value) => refused(name, value),
  };
}

/** Creates the authorizer of an API by its audience. */
export async function createBearerAuth(
  tenant: Tenant,
  audience: string,
  identityClientId: string | undefined,
): Promise<Authorizer> {
  return createBearerAuthorizer(
    createTokenSource({
      credential: await selectCredential(tenant, identityClientId),
      audience,
      clock,
    }),
  );
}

/** Creates the tenant's quota of one API. */
export const createApiQuota = async (
  tenant: Tenant,
  api: ApiName,
  options: Omit<QuotaOptions, "api" | "store" | "clock" | "log">,
) => createQuota({ api, store: await getRecords(tenant), clock, log: tenant.log, ...options });
