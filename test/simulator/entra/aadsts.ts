/** The errors of the token endpoint. */
import { randomUUID } from "node:crypto";
import { toJsonReply, toRetryAfterHeader, type Exchange, type Reply } from "../server/exchange.ts";
import type { ErrorFamily } from "../server/families.ts";

/** Status, OAuth error and text for each AADSTS number. */
const errors = {
  7000215: [
    401,
    "invalid_client",
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{0}'.",
  ],
  7000222: [
    401,
    "invalid_client",
    "The provided client secret keys for app '{0}' are expired. Visit the Azure portal to create new keys for your app.",
  ],
  7000216: [
    401,
    "invalid_client",
    "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
  ],
  700016: [
    400,
    "unauthorized_client",
    "Application with identifier '{0}' was not found in the directory 'Simulated tenant'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
  ],
  90002: [
    400,
    "invalid_request",
    "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
  ],
  900023: [
    400,
    "invalid_request",
    "Specified tenant identifier '{0}' is neither a valid DNS name, nor a valid external domain.",
  ],
  900144: [400, "invalid_request", "The request body must contain the following parameter: '{0}'."],
  70003: [400, "unsupported_grant_type", "The app requested an unsupported grant type '{0}'."],
  70011: [
    400,
    "invalid_scope",
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {0} is not valid.",
  ],
  500011: [
    400,
    "invalid_resource",
    "The resource principal named {0} was not found in the tenant named Simulated tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
  ],
  700213: [
    401,
    "invalid_client",
    "No matching federated identity record found for presented assertion subject '{0}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
  ],
  50011: [
    400,
    "invalid_request",
    "The redirect URI '{0}' specified in the request does not match the redirect URIs configured for the application.",
  ],
  70008: [
    400,
    "invalid_grant",
    "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
  ],
  9002325: [
    400,
    "invalid_request",
    "Proof Key for Code Exchange is required for cross-origin authorization code redemption.",
  ],
  9002327: [
    400,
    "invalid_request",
    "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.",
  ],
  50027: [401, "invalid_client", "JWT token is invalid or malformed."],
  90055: [429, "temporarily_unavailable", "The request was throttled due to too many requests."],
  50196: [
    400,
    "invalid_request",
    "The server terminated an operation because it encountered a client request loop.",
  ],
  90033: [503, "temporarily_unavailable", "A transient error has occurred. Please try again."],
} as const satisfies Record<number, readonly [number, string, string]>;

export type AadstsCode = keyof typeof errors;

/** An error of the token endpoint, with `subject` put into its text. */
export function toAadstsError(
  exchange: Exchange,
  code: AadstsCode,
  subject = "",
  headers: Record<string, string> = {},
): Reply {
  const [status, error, text] = errors[code];
  const at = `${new Date(exchange.arrivedAtMs).toISOString().slice(0, 19).replace("T", " ")}Z`;
  const correlation = exchange.headers["client-request-id"];
  const correlationId = typeof correlation === "string" ? correlation : randomUUID();
  return toJsonReply(
    status,
    {
      error,
      error_description: `AADSTS${code}: ${text.replace("{0}", subject)} Trace ID: ${exchange.requestId} Correlation ID: ${correlationId} Timestamp: ${at}`,
      error_codes: [code],
      timestamp: at,
      trace_id: exchange.requestId,
      correlation_id: correlationId,
      error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    },
    { "x-ms-request-id": exchange.requestId, ...headers },
  );
}

export const entraFamily: ErrorFamily = {
  badRequest: (exchange, message) => toAadstsError(exchange, 900144, message),
  unauthorized: (exchange) => toAadstsError(exchange, 7000215),
  forbidden: (exchange) => toAadstsError(exchange, 700016),
  notFound: (exchange) => toAadstsError(exchange, 90002),
  throttled: (exchange, throttle) =>
    toAadstsError(exchange, 90055, "", toRetryAfterHeader(throttle.retryAfterMs)),
  failed: (exchange, status) => ({ ...toAadstsError(exchange, 90033), status }),
};
