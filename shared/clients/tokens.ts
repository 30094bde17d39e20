/** Tokens for the APIs, by @azure/identity: a managed identity, an app's secret from the vault, or an app trusting an identity. */
import type { AccessToken, TokenCredential } from "@azure/identity";
import { redact } from "../http-pipeline/redact.ts";
import { keptToken, type IssuedToken, type TokenSource } from "../http-pipeline/token.ts";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { secondMs, type Clock } from "../runtime/time.ts";

/** Who asks for tokens. */
export type AppCredential =
  | { readonly kind: "managed-identity"; readonly clientId: string | undefined }
  | (App & {
      readonly kind: "secret";
      /** Reads `defender-client-secret`; told when Entra refused it. */
      readonly secret: () => Promise<string>;
      readonly secretRefused: () => void;
    })
  | (App & {
      readonly kind: "federated";
      /** The user-assigned identity that the app trusts, and the audience it shows itself for. */
      readonly identityClientId: string | undefined;
      readonly exchangeAudience: string;
    });

interface App {
  readonly tenantId: string;
  readonly clientId: string;
  /** `https://login.microsoftonline.com`, its government form, or an https address of this machine. */
  readonly loginUrl: string;
}

const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);
const issueDeadlineMs = 30 * secondMs;

/**
 * Tokens for one audience. One source per API and process: it keeps, shares and renews.
 *
 * @param options.audience - without `/.default`: `https://graph.microsoft.com`
 */
export function openTokens(options: {
  readonly credential: AppCredential;
  readonly audience: string;
  readonly clock: Clock;
}): TokenSource {
  const { audience, clock, credential } = options;
  const ask = credentialOf(credential);
  return keptToken(async (fresh) => issued(await ask(`${audience}/.default`, fresh)), clock);
}

const issued = ({ expiresOnTimestamp, token }: AccessToken): IssuedToken => ({
  token,
  expiresMs: expiresOnTimestamp,
});

type Ask = (scope: string, fresh: boolean) => Promise<AccessToken>;

/** The SDK keeps tokens per credential object: asking anew after a refusal takes a new object. */
function credentialOf(credential: AppCredential): Ask {
  switch (credential.kind) {
    case "managed-identity":
      return askWith(async () => identity(credential.clientId));
    case "federated":
      return askWith(async () => federated(credential));
    case "secret":
      return askWithSecret(credential);
    default:
      return credential satisfies never;
  }
}

function askWith(make: () => Promise<TokenCredential>): Ask {
  let made: Promise<TokenCredential> | undefined;
  return async (scope, fresh) => {
    if (fresh) made = undefined;
    made ??= make();
    return tokenOf(await made, scope, []);
  };
}

/** A secret that Entra refuses may have been rotated: it is read again, and when it is another one, tried once more. */
function askWithSecret(credential: AppCredential & { kind: "secret" }): Ask {
  let made: { readonly secret: string; readonly credential: TokenCredential } | undefined;
  const current = async (fresh: boolean) => {
    const secret = await credential.secret();
    if (fresh || made?.secret !== secret)
      made = { secret, credential: await withSecret(credential, secret) };
    return made;
  };
  return async (scope, fresh) => {
    const first = await current(fresh);
    try {
      return await tokenOf(first.credential, scope, [first.secret]);
    } catch (error) {
      if (!(error instanceof UpstreamError) || !secretCodes.has(error.upstreamCode ?? ""))
        throw error;
      credential.secretRefused();
      const second = await current(false);
      if (second.secret === first.secret) throw error;
      return tokenOf(second.credential, scope, [second.secret]);
    }
  };
}

const sdkOptions = { retryOptions: { maxRetries: 2, retryDelayInMs: 500 } } as const;

async function identity(clientId: string | undefined): Promise<TokenCredential> {
  const { ManagedIdentityCredential } = await import("./azure.ts");
  return new ManagedIdentityCredential({
    ...sdkOptions,
    ...(clientId === undefined ? {} : { clientId }),
  });
}

const authority = ({ loginUrl }: App) => ({
  ...sdkOptions,
  authorityHost: loginUrl,
  disableInstanceDiscovery: loopback.has(new URL(loginUrl).hostname),
});

async function withSecret(app: App, secret: string): Promise<TokenCredential> {
  const { ClientSecretCredential } = await import("./azure.ts");
  return new ClientSecretCredential(app.tenantId, app.clientId, secret, authority(app));
}

async function federated(app: AppCredential & { kind: "federated" }): Promise<TokenCredential> {
  const { ClientAssertionCredential } = await import("./azure.ts");
  const shown = await identity(app.identityClientId);
  const assertion = async (): Promise<string> =>
    (await tokenOf(shown, `${app.exchangeAudience}/.default`, [])).token;
  return new ClientAssertionCredential(app.tenantId, app.clientId, assertion, authority(app));
}

async function tokenOf(
  credential: TokenCredential,
  scope: string,
  secrets: readonly string[],
): Promise<AccessToken> {
  let token: AccessToken | null;
  try {
    token = await credential.getToken(scope, { abortSignal: AbortSignal.timeout(issueDeadlineMs) });
  } catch (error) {
    throw tokenError(error, secrets);
  }
  if (!token)
    throw new UpstreamError("unavailable", "entra: no token was issued", { api: "entra" });
  return token;
}

/** Entra's codes for a secret that is wrong or over. */
const secretCodes: ReadonlySet<string> = new Set(["AADSTS7000215", "AADSTS7000222"]);

/** What an operator can do about the codes that come up. */
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
const passingCodes: ReadonlySet<string> = new Set(["AADSTS50196", "AADSTS90055", "AADSTS90033"]);

/** An SDK error in our words. The SDK has no status on most of them, so the code in the message decides. */
function tokenError(error: unknown, secrets: readonly string[]): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const text = error instanceof Error ? error.message : "";
  const upstreamCode = /AADSTS\d+/.exec(text)?.[0];
  const said = redact(text.split(/\s*Trace ID:/)[0] ?? "", secrets);
  const details = { api: "entra", upstreamCode, upstreamMessage: said };
  if (upstreamCode !== undefined && !passingCodes.has(upstreamCode))
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
    `entra: no token could be had${upstreamCode ? ` (${upstreamCode})` : ""}`,
    details,
  );
}
