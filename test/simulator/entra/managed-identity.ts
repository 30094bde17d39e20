/** The managed identity endpoint of App Service and Functions, both contracts. */
import { json, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import { retryAfter } from "../server/exchange.ts";
import type { ErrorFamily } from "../server/families.ts";
import type { Switches } from "../behaviors.ts";
import { resourceOf, type Directory, type Identity } from "./directory.ts";
import type { Tokens } from "./tokens.ts";

interface IdentityEndpoint {
  readonly directory: Directory;
  readonly tokens: Tokens;
  readonly switches: Switches;
  /** What `X-IDENTITY-HEADER` (or `secret`) must hold. */
  readonly identityHeader: string;
  readonly tokenNowMs: () => number;
}

const fail = (status: number, message: string, headers: Record<string, string> = {}): Reply =>
  json(status, { statusCode: status, message }, headers);

const identityFamily: ErrorFamily = {
  badRequest: (_, message) => fail(400, message),
  unauthorized: () => fail(401, "The identity header is missing or wrong."),
  forbidden: () => fail(403, "Forbidden"),
  notFound: () => fail(404, "Not found"),
  throttled: (_, throttle) => fail(429, "Too many requests", retryAfter(throttle.retryAfterMs)),
  failed: (_, status) => fail(status, "Failed to get a token"),
};

const noSuchIdentity =
  "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.";

export function identityRoutes(endpoint: IdentityEndpoint): Route[] {
  return [
    {
      api: "identity",
      name: "token",
      methods: ["GET"],
      pattern: "/msi/token",
      family: identityFamily,
      answer: (exchange) => answer(endpoint, exchange),
    },
  ];
}

/** Each contract's version, header and form of the expiry. */
const contracts = {
  "2019-08-01": {
    header: "x-identity-header",
    expiry: (ms: number) => String(Math.floor(ms / 1_000)),
  },
  "2017-09-01": { header: "secret", expiry: usDate },
} as const;

function usDate(ms: number): string {
  const at = new Date(ms);
  const hour = at.getUTCHours();
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = `${hour % 12 || 12}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} ${hour < 12 ? "AM" : "PM"}`;
  return `${at.getUTCMonth() + 1}/${at.getUTCDate()}/${at.getUTCFullYear()} ${clock} +00:00`;
}

async function answer(endpoint: IdentityEndpoint, exchange: Exchange): Promise<Reply> {
  const version = exchange.query.get("api-version");
  if (version !== "2019-08-01" && version !== "2017-09-01")
    return fail(400, `Unsupported api-version '${version ?? ""}'`);
  const contract = contracts[version];
  if (exchange.headers[contract.header] !== endpoint.identityHeader)
    return identityFamily.unauthorized(exchange);
  const audience = exchange.query.get("resource") ?? "";
  const resource = resourceOf(audience);
  // A scope is no resource: the platform knows no "/.default".
  if (!resource)
    return fail(
      400,
      `The resource '${audience}' is invalid: AADSTS500011 resource principal was not found`,
    );
  const identity = chosen(endpoint.directory, exchange.query);
  if (!identity) return fail(400, noSuchIdentity);
  exchange.record.caller = identity.clientId;
  const lifetimeS = endpoint.switches.entra.identityLifetimeS;
  // The service answers with the audience as asked, without a slash at the end.
  const order = {
    audience: audience.replace(/\/+$/, ""),
    resource,
    principal: identity,
    lifetimeS,
  };
  const issuer = `https://login.microsoftonline.com/${endpoint.directory.tenantId}/v2.0`;
  return json(200, {
    access_token: await endpoint.tokens.mint({ ...order, issuer }),
    expires_on: contract.expiry(endpoint.tokenNowMs() + lifetimeS * 1_000),
    resource: audience,
    token_type: "Bearer",
    client_id: identity.clientId,
  });
}

function chosen({ identities }: Directory, query: URLSearchParams): Identity | undefined {
  const clientId = query.get("client_id") ?? query.get("clientid");
  const principalId = query.get("principal_id") ?? query.get("object_id");
  const resourceId = query.get("mi_res_id") ?? query.get("msi_res_id");
  if (clientId !== null) return identities.find((one) => one.clientId === clientId.toLowerCase());
  if (principalId !== null)
    return identities.find((one) => one.principalId === principalId.toLowerCase());
  if (resourceId !== null)
    return identities.find((one) => one.resourceId.toLowerCase() === resourceId.toLowerCase());
  return identities.find((one) => one.system);
}
