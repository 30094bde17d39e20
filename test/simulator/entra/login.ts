/** The login endpoint: discovery, keys, and tokens by client secret or client assertion, in both versions. */
import { json, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import type { Switches } from "../behaviors.ts";
import { aadsts, entraFamily, type AadstsCode } from "./aadsts.ts";
import { audiences, resourceOf, type Application, type Directory } from "./directory.ts";
import type { Tokens } from "./tokens.ts";

interface Login {
  readonly directory: Directory;
  readonly tokens: Tokens;
  readonly switches: Switches;
  readonly nowMs: () => number;
}

/** A refusal, in AADSTS numbers. */
interface Refusal {
  readonly code: AadstsCode;
  readonly about?: string;
}

const isRefusal = (value: object): value is Refusal => "code" in value;

export function loginRoutes(login: Login): Route[] {
  const route = (
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
    answer,
  });
  return [
    route(
      "discovery",
      "GET",
      "/{tenant}/v2.0/.well-known/openid-configuration",
      (exchange) => refuseTenant(login, exchange) ?? json(200, discovery(exchange, "/v2.0")),
    ),
    route(
      "discovery",
      "GET",
      "/{tenant}/.well-known/openid-configuration",
      (exchange) => refuseTenant(login, exchange) ?? json(200, discovery(exchange, "")),
    ),
    route("keys", "GET", "/{tenant}/discovery/v2.0/keys", async () =>
      json(200, await login.tokens.publicKeys()),
    ),
    route("keys", "GET", "/{tenant}/discovery/keys", async () =>
      json(200, await login.tokens.publicKeys()),
    ),
    route("token", "POST", "/{tenant}/oauth2/v2.0/token", (exchange) =>
      token(login, exchange, "v2"),
    ),
    route("token", "POST", "/{tenant}/oauth2/token", (exchange) => token(login, exchange, "v1")),
  ];
}

function discovery(exchange: Exchange, version: "/v2.0" | ""): Record<string, unknown> {
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

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function refuseTenant({ directory }: Login, exchange: Exchange): Reply | undefined {
  const asked = exchange.params["tenant"] ?? "";
  if (asked === directory.tenantId) return undefined;
  if (guid.test(asked) || /^[\w-]+(\.[\w-]+)+$/.test(asked)) return aadsts(exchange, 90002, asked);
  return aadsts(exchange, 900023, asked);
}

async function token(login: Login, exchange: Exchange, version: "v1" | "v2"): Promise<Reply> {
  const wrongTenant = refuseTenant(login, exchange);
  if (wrongTenant) return wrongTenant;
  const form = new URLSearchParams(exchange.bodyText);
  const audience = audienceOf(form, version);
  const proof = isRefusal(audience) ? audience : await prove(login, form);
  if (isRefusal(audience)) return aadsts(exchange, audience.code, audience.about);
  if (isRefusal(proof)) return aadsts(exchange, proof.code, proof.about);
  exchange.record.caller = proof.clientId;
  const { lifetimeS } = login.switches.entra;
  const resource = resourceOf(audience.audience);
  if (!resource) return aadsts(exchange, 500011, audience.audience);
  const issuer = `${exchange.origin}/${login.directory.tenantId}/v2.0`;
  const minted = await login.tokens.mint({
    ...audience,
    resource,
    principal: proof,
    lifetimeS,
    issuer,
  });
  const lifetime = { expires_in: lifetimeS, ext_expires_in: lifetimeS };
  const texts = {
    expires_in: String(lifetimeS),
    ext_expires_in: String(lifetimeS),
    resource: audience.audience,
  };
  return json(
    200,
    { token_type: "Bearer", ...(version === "v2" ? lifetime : texts), access_token: minted },
    { "cache-control": "no-store", "x-ms-request-id": exchange.requestId },
  );
}

/** The audience that `scope` (v2) or `resource` (v1) names. */
function audienceOf(form: URLSearchParams, version: "v1" | "v2"): { audience: string } | Refusal {
  const grant = form.get("grant_type");
  if (grant === null) return { code: 900144, about: "grant_type" };
  if (grant !== "client_credentials") return { code: 70003, about: grant };
  if (version === "v1") {
    const resource = form.get("resource");
    return resource === null ? { code: 900144, about: "resource" } : { audience: resource };
  }
  const scope = form.get("scope");
  if (scope === null) return { code: 900144, about: "scope" };
  const named = scope
    .split(" ")
    .filter((part) => !["openid", "profile", "offline_access"].includes(part));
  const only = named[0];
  if (named.length !== 1 || !only?.endsWith("/.default")) return { code: 70011, about: scope };
  return { audience: only.slice(0, -"/.default".length) };
}

async function prove(login: Login, form: URLSearchParams): Promise<Application | Refusal> {
  const clientId = form.get("client_id");
  if (clientId === null) return { code: 900144, about: "client_id" };
  const application = login.directory.applications.find(
    (one) => one.clientId === clientId.toLowerCase(),
  );
  if (!application) return { code: 700016, about: clientId };
  const assertion = form.get("client_assertion");
  const secret = form.get("client_secret");
  if (assertion !== null)
    return (await proveByAssertion(login, application, assertion)) ?? application;
  if (secret === null) return { code: 7000216 };
  return proveBySecret(application, secret, login.nowMs()) ?? application;
}

function proveBySecret(
  application: Application,
  secret: string,
  nowMs: number,
): Refusal | undefined {
  const held = application.secrets.find(({ value }) => value === secret);
  if (!held) return { code: 7000215, about: application.clientId };
  return held.expiresAtMs !== undefined && held.expiresAtMs <= nowMs
    ? { code: 7000222, about: application.clientId }
    : undefined;
}

/** A managed identity's token for the exchange audience stands for the application that trusts it. */
async function proveByAssertion(
  { tokens }: Login,
  application: Application,
  assertion: string,
): Promise<Refusal | undefined> {
  const check = await tokens.check(assertion);
  if (check.kind !== "sound") return { code: 50027 };
  const { aud, oid } = check.claims;
  const trusted = audiences.exchange.includes(aud) && application.federatedSubjects.includes(oid);
  return trusted ? undefined : { code: 700213, about: oid };
}
