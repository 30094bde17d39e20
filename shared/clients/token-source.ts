/**
 * Tokens for the APIs by @azure/identity: a managed identity, an app's secret from the vault, or a
 * federated app.
 */
import type { AccessToken, TokenCredential } from "@azure/identity";
import { redact } from "../http-pipeline/redact.ts";
import { cacheToken, type IssuedToken, type TokenSource } from "../http-pipeline/token.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { secondMs, type Clock } from "../runtime/time.ts";

/** The identity that requests tokens. */
export type AppCredential =
  | { readonly kind: "managed-identity"; readonly clientId: string | undefined }
  | (AppRegistration & {
      readonly kind: "secret";
      /** Reads `defender-client-secret`. */
      readonly getSecret: () => Promise<string>;
      /** Reports that Entra refused the secret. */
      readonly reportSecretRefused: (secret: string) => void;
    })
  | (AppRegistration & {
      readonly kind: "federated";
      /** The user-assigned identity that the app trusts, and the audience of its token. */
      readonly identityClientId: string | undefined;
      readonly exchangeAudience: string;
    });

interface AppRegistration {
  readonly tenantId: string;
  readonly clientId: string;
  /**
   * `https://login.microsoftonline.com`, its government form, or an https address of this machine.
   */
  readonly loginUrl: string;
}

const loopbackHosts = new Set(["localhost", "127.0.0.1", "[::1]"]);
const issueDeadlineMs = 30 * secondMs;

/**
 * Creates the token source of one audience, which caches and renews. Use one per API and process.
 *
 * @param options.audience - without `/.default`: `https://graph.microsoft.com`
 */
export function createTokenSource(options: {
  readonly credential: AppCredential;
  readonly audience: string;
  readonly clock: Clock;
}): TokenSource {
  const { audience, clock, credential } = options;
  const requestToken = createTokenRequester(credential);
  return cacheToken(
    async (shouldBypassCache) =>
      toIssuedToken(await requestToken(`${audience}/.default`, shouldBypassCache)),
    clock,
  );
}

const toIssuedToken = ({ expiresOnTimestamp, token }: AccessToken): IssuedToken => ({
  token,
  expiresMs: expiresOnTimestamp,
});

type TokenRequester = (scope: string, shouldBypassCache: boolean) => Promise<AccessToken>;

/**
 * Creates the requester. The SDK caches tokens per credential object, so a refusal requires a new
 * object.
 */
function createTokenRequester(credential: AppCredential): TokenRequester {
  switch (credential.kind) {
    case "managed-identity":
      return createCachedRequester(async () => createManagedIdentity(credential.clientId));
    case "federated":
      return createCachedRequester(async () => createFederatedCredential(credential));
    case "secret":
      return createSecretRequester(credential);
    default:
      return credential satisfies never;
  }
}

function createCachedRequester(createCredential: () => Promise<TokenCredential>): TokenRequester {
  let cached: Promise<TokenCredential> | undefined;
  return async (scope, shouldBypassCache) => {
    if (shouldBypassCache) cached = undefined;
    cached ??= createCredential();
    return requestAccessToken(await cached, scope, []);
  };
}

/**
 * Reads a refused secret again, because it may have been rotated, and tries once more when its
 * value has changed.
 */
function createSecretRequester(credential: AppCredential & { kind: "secret" }): TokenRequester {
  let cached: { readonly secret: string; readonly credential: TokenCredential } | undefined;
  const getCredential = async (shouldBypassCache: boolean) => {
    const secret = await credential.getSecret();
    if (shouldBypassCache || cached?.secret !== secret)
      cached = { secret, credential: await createSecretCredential(credential, secret) };
    return cached;
  };
  return async (scope, shouldBypassCache) => {
    const first = await getCredential(shouldBypassCache);
    try {
      return await requestAccessToken(first.credential, scope, [first.secret]);
    } catch (error) {
      if (!(error instanceof UpstreamError) || !secretCodes.has(error.upstreamCode ?? ""))
        throw error;
      credential.reportSecretRefused(first.secret);
      // Without another secret the refusal of this one is the result.
      const second = await getCredential(false).catch(() => first);
      if (second.secret === first.secret) throw error;
      return requestAccessToken(second.credential, scope, [second.secret]);
    }
  };
}

const sdkOptions = { retryOptions: { maxRetries: 2, retryDelayInMs: 500 } } as const;

async function createManagedIdentity(clientId: string | undefined): Promise<TokenCredential> {
  const { ManagedIdentityCredential } = await import("./azure.ts");
  return new ManagedIdentityCredential({
    ...sdkOptions,
    ...(clientId === undefined ? {} : { clientId }),
  });
}

const toAuthorityOptions = ({ loginUrl }: AppRegistration) => ({
  ...sdkOptions,
  authorityHost: loginUrl,
  disableInstanceDiscovery: loopbackHosts.has(new URL(loginUrl).hostname),
});

async function createSecretCredential(
  app: AppRegistration,
  secret: string,
): Promise<TokenCredential> {
  const { ClientSecretCredential } = await import("./azure.ts");
  return new ClientSecretCredential(app.tenantId, app.clientId, secret, toAuthorityOptions(app));
}

async function createFederatedCredential(
  app: AppCredential & { kind: "federated" },
): Promise<TokenCredential> {
  const { ClientAssertionCredential } = await import("./azure.ts");
  const identity = await createManagedIdentity(app.identityClientId);
  const getAssertion = async (): Promise<string> =>
    (await requestAccessToken(identity, `${app.exchangeAudience}/.default`, [])).token;
  return new ClientAssertionCredential(
    app.tenantId,
    app.clientId,
    getAssertion,
    toAuthorityOptions(app),
  );
}

async function requestAccessToken(
  credential: TokenCredential,
  scope: string,
  secrets: readonly string[],
): Promise<AccessToken> {
  let token: AccessToken | null;
  try {
    token = await credential.getToken(scope, { abortSignal: AbortSignal.timeout(issueDeadlineMs) });
  } catch (error) {
    throw toTokenError(error, secrets);
  }
  if (!token)
    throw new UpstreamError("unavailable", "entra: no token was issued", { api: "entra" });
  return token;
}

/** Entra's codes for a wrong or expired secret. */
const secretCodes: ReadonlySet<string> = new Set(["AADSTS7000215", "AADSTS7000222"]);

/** What an operator can do about a code. */
const remedies: Readonly<Record<string, string>> = {
  AADSTS7000215: "the client secret is wrong; check defender-client-secret",
  AADSTS7000222: "the client secret has expired; put a new one into defender-client-secret",
  AADSTS700016: "the app is not known in this tenant; check APP_CLIENT_ID and TENANT_ID",
  AADSTS90002: "the tenant is not found; check TENANT_ID",
  AADSTS900023: "the tenant id is malformed; check TENANT_ID",
  AADSTS70011: "the scope is malformed; check CLOUD",
  AADSTS500011: "the API is not present in this tenant; is the product provisioned?",
  AADSTS700213: "no federated credential of the app matches the identity",
};
const transientCodes: ReadonlySet<string> = new Set(["AADSTS50196", "AADSTS90055", "AADSTS90033"]);

/** Maps an SDK error. Most of them have no status, so the code in the message decides. */
function toTokenError(error: unknown, secrets: readonly string[]): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const text = error instanceof Error ? error.message : "";
  const upstreamCode = /AADSTS\d+/.exec(text)?.[0];
  const message = redact(text.split(/\s*Trace ID:/)[0] ?? "", secrets);
  const details = { api: "entra", upstreamCode, upstreamMessage: message };
  if (upstreamCode !== undefined && !transientCodes.has(upstreamCode))
    return new UpstreamError(
      "unauthorized",
      `entra: ${remedies[upstreamCode] ?? "no token was issued"} (${upstreamCode})`,
      details,
    );
  if (/No User Assigned or Delegated Managed Identity found|Identity not found/i.test(text))
    return new UpstreamError(
      "unauthorized",
      "entra: the managed identity is not assigned to this app; check its client id",
      details,
    );
  return new UpstreamError(
    "unavailable",
    `entra: no token could be obtained${upstreamCode ? ` (${upstreamCode})` : ""}`,
    details,
  );
}
