/** How the app authenticates to Microsoft's APIs, and the quota that all instances share. */
import { createTokenSource, type AppCredential } from "../clients/token-source.ts";
import type { ApiName } from "../http-pipeline/api-client.ts";
import { createQuota, type QuotaOptions } from "../http-pipeline/quota/shared-quota.ts";
import { createBearerAuthorizer, type Authorizer } from "../http-pipeline/token.ts";
import { log } from "../runtime/log.ts";
import { clouds, readSettings } from "../runtime/settings.ts";
import { clock, getRecords, getVault } from "./platform.ts";

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
async function selectCredential(identityClientId: string | undefined): Promise<AppCredential> {
  const {
    CLOUD,
    TENANT_ID: tenantId,
    LOGIN_URL,
    APP_CLIENT_ID: clientId,
    APP_CREDENTIAL,
  } = readSettings(cloudSettings);
  const { login, exchangeAudience } = clouds[CLOUD];
  if (clientId === undefined || APP_CREDENTIAL === undefined)
    return { kind: "managed-identity", clientId: identityClientId };
  const app = { tenantId, clientId, loginUrl: LOGIN_URL ?? login };
  if (APP_CREDENTIAL === "federated")
    return { kind: "federated", ...app, identityClientId, exchangeAudience };
  const { getSecret: secret, reportRefused: refused } = await getVault();
  const name = "defender-client-secret";
  return {
    kind: "secret",
    ...app,
    getSecret: () => secret(name),
    reportSecretRefused: (value) => refused(name, value),
  };
}

/** Creates the authorizer of an API by its audience. */
export async function createBearerAuth(
  audience: string,
  identityClientId: string | undefined,
): Promise<Authorizer> {
  return createBearerAuthorizer(
    createTokenSource({ credential: await selectCredential(identityClientId), audience, clock }),
  );
}

/** Creates the quota of one API. */
export const createApiQuota = async (
  api: ApiName,
  options: Omit<QuotaOptions, "api" | "store" | "clock" | "log">,
) => createQuota({ api, store: await getRecords(), clock, log, ...options });
