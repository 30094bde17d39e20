/**
 * The login endpoint: discovery, keys, tokens by client secret or client assertion in both
 * versions, and the sign-in of users.
 */
import { toJsonReply, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import type { Behaviors } from "../behaviors.ts";
import { toAadstsError, entraFamily, type AadstsCode } from "./aadsts.ts";
import { audiences, findResource, type Application, type Directory } from "./directory.ts";
import { SignIn } from "./sign-in.ts";
import type { Tokens } from "./tokens.ts";

interface LoginDeps {
  readonly directory: Directory;
  readonly tokens: Tokens;
  /** Tokens of the tenant whose managed identities are trusted. */
  readonly identityTokens: Tokens;
  readonly behaviors: Behaviors;
  readonly nowMs: () => number;
}

/** A refusal, in AADSTS numbers. */
interface Refusal {
  readonly code: AadstsCode;
  readonly subject?: string;
}

const isRefusal = (value: object): value is Refusal => "code" in value;

export function createLoginRoutes(deps: LoginDeps): Route[] {
  const signIn = new SignIn(deps);
  const defineRoute = (
    name: string,
    method: string,
    pattern: string,
    answer: Route["answer"],
  ): Route => ({
    api: "entra",
    name,
    methods: [method],
    pattern,
    family: entraFamily,
    answer: async (exchange) => allowOrigin(exchange, await answer(exchange)),
  });
  return [
    defineRoute(
      "discovery",
      "GET",
      "/{tenant}/v2.0/.well-known/openid-configuration",
      (exchange) =>
        refuseTenant(deps, exchange) ?? toJsonReply(200, describeEndpoints(exchange, "/v2.0")),
    ),
    defineRoute(
      "discovery",
      "GET",
      "/{tenant}/.well-known/openid-configuration",
      (exchange) =>
        refuseTenant(deps, exchange) ?? toJsonReply(200, describeEndpoints(exchange, "")),
    ),
    defineRoute("keys", "GET", "/{tenant}/discovery/v2.0/keys", async () =>
      toJsonReply(200, await deps.tokens.publicKeys()),
    ),
    defineRoute("keys", "GET", "/{tenant}/discovery/keys", async () =>
      toJsonReply(200, await deps.tokens.publicKeys()),
    ),
    defineRoute(
      "authorize",
      "GET",
      "/{tenant}/oauth2/v2.0/authorize",
      (exchange) => refuseTenant(deps, exchange) ?? signIn.authorize(exchange),
    ),
    defineRoute("token", "POST", "/{tenant}/oauth2/v2.0/token", (exchange) => {
      const form = new URLSearchParams(exchange.bodyText);
      return ["authorization_code", "refresh_token"].includes(form.get("grant_type") ?? "")
        ? (refuseTenant(deps, exchange) ?? signIn.redeem(exchange, form))
        : issueToken(deps, exchange, "v2");
    }),
    defineRoute("token", "POST", "/{tenant}/oauth2/token", (exchange) =>
      issueToken(deps, exchange, "v1"),
    ),
  ];
}

/** Lets the page of a single-page application read the answer. */
const allowOrigin = ({ headers: { origin } }: Exchange, reply: Reply): Reply =>
  origin === undefined
    ? reply
    : { ...reply, headers: { ...reply.headers, "access-control-allow-origin": origin } };

function describeEndpoints(exchange: Exchange, version: "/v2.0" | ""): Record<string, unknown> {
  const root = `${exchange.origin}/${exchange.params["tenant"] ?? ""}`;
  return {
    token_endpoint: `${root}/oauth2${version}/token`,
    token_endpoint_auth_methods_supported: [
      "client_secret_post",
      "private_key_jwt",
      "client_secret_basic",
    ],
    jwks_uri: `${root}/discovery${version}/keys`,
    issuer: `${root}/v2.0`,
    authorization_endpoint: `${root}/oauth2${version}/authorize`,
    end_session_endpoint: `${root}/oauth2${version}/logout`,
    response_types_supported: ["code", "id_token", "token"],
    subject_types_supported: ["pairwise"],
    id_token_signing_alg_values_supported: ["RS256"],
    scopes_supported: ["openid", "profile", "email", "offline_access"],
    tenant_region_scope: "EU",
    cloud_instance_name: "microsoftonline.com",
  };
}

const guidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function refuseTenant({ directory }: LoginDeps, exchange: Exchange): Reply | undefined {
  const requested = exchange.params["tenant"] ?? "";
  if (requested === directory.tenantId) return undefined;
  if (guidPattern.test(requested) || /^[\w-]+(\.[\w-]+)+$/.test(requested))
    return toAadstsError(exchange, 90002, requested);
  return toAadstsError(exchange, 900023, requested);
}

async function issueToken(
  deps: LoginDeps,
  exchange: Exchange,
  version: "v1" | "v2",
): Promise<Reply> {
  const wrongTenant = refuseTenant(deps, exchange);
  if (wrongTenant) return wrongTenant;
  const form = new URLSearchParams(exchange.bodyText);
  const audience = readAudience(form, version);
  const authentication = isRefusal(audience) ? audience : await authenticateApplication(deps, form);
  if (isRefusal(audience)) return toAadstsError(exchange, audience.code, audience.subject);
  if (isRefusal(authentication))
    return toAadstsError(exchange, authentication.code, authentication.subject);
  exchange.record.caller = authentication.clientId;
  const { lifetimeS } = deps.behaviors.entra;
  const resource = findResource(audience.audience);
  if (!resource) return toAadstsError(exchange, 500011, audience.audience);
  const issuer = `${exchange.origin}/${deps.directory.tenantId}/v2.0`;
  const accessToken = await deps.tokens.issue({
    ...audience,
    resource,
    principal: authentication,
    lifetimeS,
    issuer,
  });
  const lifetime = { expires_in: lifetimeS, ext_expires_in: lifetimeS };
  const textFields = {
    expires_in: String(lifetimeS),
    ext_expires_in: String(lifetimeS),
    resource: audience.audience,
  };
  return toJsonReply(
    200,
    {
      token_type: "Bearer",
      ...(version === "v2" ? lifetime : textFields),
      access_token: accessToken,
    },
    { "cache-control": "no-store", "x-ms-request-id": exchange.requestId },
  );
}

/** Returns the audience that `scope` (v2) or `resource` (v1) names. */
function readAudience(form: URLSearchParams, version: "v1" | "v2"): { audience: string } | Refusal {
  const grant = form.get("grant_type");
  if (grant === null) return { code: 900144, subject: "grant_type" };
  if (grant !== "client_credentials") return { code: 70003, subject: grant };
  if (version === "v1") {
    const resource = form.get("resource");
    return resource === null ? { code: 900144, subject: "resource" } : { audience: resource };
  }
  const scope = form.get("scope");
  if (scope === null) return { code: 900144, subject: "scope" };
  const resourceScopes = scope
    .split(" ")
    .filter((part) => !["openid", "profile", "offline_access"].includes(part));
  const onlyScope = resourceScopes[0];
  if (resourceScopes.length !== 1 || !onlyScope?.endsWith("/.default"))
    return { code: 70011, subject: scope };
  return { audience: onlyScope.slice(0, -"/.default".length) };
}

async function authenticateApplication(
  deps: LoginDeps,
  form: URLSearchParams,
): Promise<Application | Refusal> {
  const clientId = form.get("client_id");
  if (clientId === null) return { code: 900144, subject: "client_id" };
  const application = deps.directory.applications.find(
    (one) => one.clientId === clientId.toLowerCase(),
  );
  if (!application) return { code: 700016, subject: clientId };
  const assertion = form.get("client_assertion");
  const secret = form.get("client_secret");
  if (assertion !== null)
    return (await authenticateByAssertion(deps, application, assertion)) ?? application;
  if (secret === null) return { code: 7000216 };
  return authenticateBySecret(application, secret, deps.nowMs()) ?? application;
}

function authenticateBySecret(
  application: Application,
  secret: string,
  nowMs: number,
): Refusal | undefined {
  const matching = application.secrets.find(({ value }) => value === secret);
  if (!matching) return { code: 7000215, subject: application.clientId };
  return matching.expiresAtMs !== undefined && matching.expiresAtMs <= nowMs
    ? { code: 7000222, subject: application.clientId }
    : undefined;
}

/**
 * A managed identity's token for the exchange audience authenticates the application that trusts
 * it.
 */
async function authenticateByAssertion(
  { identityTokens }: LoginDeps,
  application: Application,
  assertion: string,
): Promise<Refusal | undefined> {
  const check = await identityTokens.check(assertion);
  if (check.kind !== "valid") return { code: 50027 };
  const { aud, oid } = check.claims;
  const isTrusted = audiences.exchange.includes(aud) && application.federatedSubjects.includes(oid);
  return isTrusted ? undefined : { code: 700213, subject: oid };
}
