/** The managed identity endpoint of App Service and Functions, both contracts. */
import { toJsonReply, type Exchange, type Reply, type Route } from "../server/exchange.ts";
import { toRetryAfterHeader } from "../server/exchange.ts";
import type { ErrorFamily } from "../server/families.ts";
import type { Behaviors } from "../behaviors.ts";
import { findResource, type Directory, type Identity } from "./directory.ts";
import type { Tokens } from "./tokens.ts";

interface ManagedIdentityDeps {
  readonly directory: Directory;
  readonly tokens: Tokens;
  readonly behaviors: Behaviors;
  /** Required value of `X-IDENTITY-HEADER` (or `secret`). */
  readonly identityHeader: string;
  readonly tokenNowMs: () => number;
}

const toErrorReply = (
  status: number,
  message: string,
  headers: Record<string, string> = {},
): Reply => toJsonReply(status, { statusCode: status, message }, headers);

const identityFamily: ErrorFamily = {
  badRequest: (_, message) => toErrorReply(400, message),
  unauthorized: () => toErrorReply(401, "The identity header is missing or wrong."),
  forbidden: () => toErrorReply(403, "Forbidden"),
  notFound: () => toErrorReply(404, "Not found"),
  throttled: (_, throttle) =>
    toErrorReply(429, "Too many requests", toRetryAfterHeader(throttle.retryAfterMs)),
  failed: (_, status) => toErrorReply(status, "Failed to get a token"),
};

const noSuchIdentity =
  "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.";

export function createIdentityRoutes(deps: ManagedIdentityDeps): Route[] {
  return [
    {
      api: "identity",
      name: "token",
      methods: ["GET"],
      pattern: "/msi/token",
      family: identityFamily,
      answer: (exchange) => answerTokenRequest(deps, exchange),
    },
  ];
}

/** Each contract's version, header and form of the expiry. */
const contracts = {
  "2019-08-01": {
    header: "x-identity-header",
    expiry: (ms: number) => String(Math.floor(ms / 1_000)),
  },
  "2017-09-01": { header: "secret", expiry: formatUsDate },
} as const;

function formatUsDate(ms: number): string {
  const date = new Date(ms);
  const hour = date.getUTCHours();
  const padTwo = (value: number): string => String(value).padStart(2, "0");
  const timeText = `${hour % 12 || 12}:${padTwo(date.getUTCMinutes())}:${padTwo(date.getUTCSeconds())} ${hour < 12 ? "AM" : "PM"}`;
  return `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()} ${timeText} +00:00`;
}

async function answerTokenRequest(deps: ManagedIdentityDeps, exchange: Exchange): Promise<Reply> {
  const version = exchange.query.get("api-version");
  if (version !== "2019-08-01" && version !== "2017-09-01")
    return toErrorReply(400, `Unsupported api-version '${version ?? ""}'`);
  const contract = contracts[version];
  if (exchange.headers[contract.header] !== deps.identityHeader)
    return identityFamily.unauthorized(exchange);
  const audience = exchange.query.get("resource") ?? "";
  const resource = findResource(audience);
  // The platform does not accept a scope (".default") as resource.
  if (!resource)
    return toErrorReply(
      400,
      `The resource '${audience}' is invalid: AADSTS500011 resource principal was not found`,
    );
  const identity = findIdentity(deps.directory, exchange.query);
  if (!identity) return toErrorReply(400, noSuchIdentity);
  exchange.record.caller = identity.clientId;
  const lifetimeS = deps.behaviors.entra.identityLifetimeS;
  // The service returns the requested audience without a trailing slash.
  const tokenRequest = {
    audience: audience.replace(/\/+$/, ""),
    resource,
    principal: identity,
    lifetimeS,
  };
  const issuer = `https://login.microsoftonline.com/${deps.directory.tenantId}/v2.0`;
  return toJsonReply(200, {
    access_token: await deps.tokens.issue({ ...tokenRequest, issuer }),
    expires_on: contract.expiry(deps.tokenNowMs() + lifetimeS * 1_000),
    resource: audience,
    token_type: "Bearer",
    client_id: identity.clientId,
  });
}

function findIdentity({ identities }: Directory, query: URLSearchParams): Identity | undefined {
  const clientId = query.get("client_id") ?? query.get("clientid");
  const principalId = query.get("principal_id") ?? query.get("object_id");
  const resourceId = query.get("mi_res_id") ?? query.get("msi_res_id");
  if (clientId !== null) return identities.find((one) => one.clientId === clientId.toLowerCase());
  if (principalId !== null)
    return identities.find((one) => one.principalId === principalId.toLowerCase());
  if (resourceId !== null)
    return identities.find((one) => one.resourceId.toLowerCase() === resourceId.toLowerCase());
  return identities.find((one) => one.isSystemAssigned);
}
