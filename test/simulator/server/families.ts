/** Error bodies of each service, with the services' own texts where they are known. */
import { toJsonReply, toRetryAfterHeader, type Exchange, type Reply } from "./exchange.ts";
import type { Limit } from "./quota.ts";

/** Why a call is throttled. */
export interface Throttle {
  readonly cause: "calls" | "run-time";
  /** Undefined omits the header. */
  readonly retryAfterMs: number | undefined;
  /** Wait in the text, with or without the header. */
  readonly waitMs: number;
  readonly limit: Limit | undefined;
  readonly nowMs: number;
  /** Wording of the body; `api` is the service's own. */
  readonly wording: "api" | "old" | "new" | "graph";
}

/** The errors that every service has, in its own wording. */
export interface ErrorFamily {
  readonly badRequest: (exchange: Exchange, message: string, code?: string) => Reply;
  readonly unauthorized: (exchange: Exchange, reason?: string) => Reply;
  /** `requiredRole` is the missing permission, `actualRoles` those of the token. */
  readonly forbidden: (
    exchange: Exchange,
    requiredRole: string,
    actualRoles: readonly string[],
  ) => Reply;
  readonly notFound: (exchange: Exchange, detailText?: string) => Reply;
  readonly throttled: (exchange: Exchange, throttle: Throttle) => Reply;
  readonly failed: (exchange: Exchange, status: number) => Reply;
}

/** The headers of every Graph answer. */
export const createGraphHeaders = (exchange: Exchange): Record<string, string> => ({
  "request-id": exchange.requestId,
  "client-request-id": readClientRequestId(exchange),
  "x-ms-ags-diagnostic":
    '{"ServerInfo":{"DataCenter":"North Europe","Slice":"E","Ring":"4","ScaleUnit":"000","RoleInstance":"TENANT01"}}',
  "strict-transport-security": "max-age=31536000",
});

/** The headers of every Defender answer. */
export const createDefenderHeaders = (exchange: Exchange): Record<string, string> => ({
  "request-id": exchange.requestId,
  "client-request-id": readClientRequestId(exchange),
  "strict-transport-security": "max-age=31536000",
});

const readClientRequestId = (exchange: Exchange): string => {
  const requested = exchange.headers["client-request-id"];
  return typeof requested === "string" ? requested : exchange.requestId;
};

const toGraphError = (
  exchange: Exchange,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
  inner: Record<string, string> = {},
): Reply => {
  const innerError = {
    ...inner,
    date: new Date(exchange.arrivedAtMs).toISOString().slice(0, 19),
    "request-id": exchange.requestId,
    "client-request-id": readClientRequestId(exchange),
  };
  return toJsonReply(
    status,
    { error: { code, message, innerError } },
    { ...createGraphHeaders(exchange), ...headers },
  );
};

const describeMissingRoles = (requiredRole: string, actualRoles: readonly string[]): string =>
  `Missing application roles. API required roles: ${requiredRole}, application roles: ${actualRoles.join(", ")}.`;

const describeRunTime = (throttle: Throttle): string =>
  `[simulator] CPU quota exhausted until ${new Date(throttle.nowMs + throttle.waitMs).toISOString().slice(11, 16)}`;

const formatPeriod = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

/** The three observed wordings for an exhausted call quota. */
function describeCallQuota({ limit, wording, waitMs }: Throttle): string {
  const { calls, perMs } = limit ?? { calls: 45, perMs: 60_000 };
  if (wording === "old")
    return `API calls quota exceeded! maximum allowed ${calls} per ${formatPeriod(perMs)}`;
  return `API calls quota exceeded! Maximum allowed ${calls} per ${formatPeriod(perMs)} for the key Destination+TenantID+AppID. You can send requests again in ${Math.max(1, Math.ceil(waitMs / 1_000))} seconds.`;
}

const toGraphThrottled = (exchange: Exchange, throttle: Throttle): Reply =>
  toGraphError(
    exchange,
    429,
    "TooManyRequests",
    throttle.cause === "run-time" ? describeRunTime(throttle) : "Please retry again later.",
    toRetryAfterHeader(throttle.retryAfterMs),
    throttle.cause === "run-time"
      ? {}
      : { code: "429", message: "Please retry after", status: "429" },
  );

const toDefenderThrottled = (exchange: Exchange, throttle: Throttle): Reply =>
  throttle.cause === "run-time"
    ? toDefenderError(
        exchange,
        429,
        "TooManyRequests",
        describeRunTime(throttle),
        toRetryAfterHeader(throttle.retryAfterMs),
      )
    : toDefenderError(
        exchange,
        429,
        "429",
        describeCallQuota(throttle),
        toRetryAfterHeader(throttle.retryAfterMs),
      );

export const graphFamily: ErrorFamily = {
  badRequest: (exchange, message, code = "BadRequest") =>
    toGraphError(exchange, 400, code, message),
  unauthorized: (exchange, reason = "Access token has expired or is not yet valid.") =>
    toGraphError(exchange, 401, "InvalidAuthenticationToken", reason, {
      "www-authenticate":
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"',
    }),
  forbidden: (exchange, requiredRole, actualRoles) =>
    toGraphError(exchange, 403, "Forbidden", describeMissingRoles(requiredRole, actualRoles)),
  notFound: (
    exchange,
    detailText = `Resource not found for the segment '${exchange.path.split("/").at(-1) ?? ""}'.`,
  ) => toGraphError(exchange, 404, "ResourceNotFound", detailText),
  throttled: (exchange, throttle) =>
    throttle.wording === "old" || throttle.wording === "new"
      ? toDefenderThrottled(exchange, throttle)
      : toGraphThrottled(exchange, throttle),
  failed: (exchange, status) =>
    status === 503
      ? toGraphError(
          exchange,
          503,
          "ServiceUnavailable",
          "The service is temporarily unavailable.",
          toRetryAfterHeader(10_000),
        )
      : toGraphError(exchange, status, "UnknownError", ""),
};

const toDefenderError = (
  exchange: Exchange,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Reply =>
  toJsonReply(
    status,
    {
      error: {
        code,
        message,
        target: `|${exchange.requestId.slice(0, 8)}-${exchange.requestId.slice(-16)}.1.2.`,
      },
    },
    { ...createDefenderHeaders(exchange), ...headers },
  );

export const defenderFamily: ErrorFamily = {
  badRequest: (exchange, message, code = "BadRequest") =>
    toDefenderError(exchange, 400, code, message),
  unauthorized: (
    exchange,
    reason = "Unauthorized request - reason of failure: token is invalid or has expired",
  ) => toDefenderError(exchange, 401, "Unauthorized", reason),
  forbidden: (exchange, requiredRole, actualRoles) =>
    toDefenderError(exchange, 403, "Forbidden", describeMissingRoles(requiredRole, actualRoles)),
  notFound: (exchange, detailText = `Resource ${exchange.path} was not found`) =>
    toDefenderError(exchange, 404, "ResourceNotFound", detailText),
  throttled: (exchange, throttle) =>
    throttle.wording === "graph"
      ? toGraphThrottled(exchange, throttle)
      : toDefenderThrottled(exchange, throttle),
  failed: (exchange, status) =>
    toDefenderError(
      exchange,
      status,
      status === 503 ? "ServiceUnavailable" : "InternalServerError",
      "",
      status === 503 ? toRetryAfterHeader(10_000) : {},
    ),
};

const toDetailReply = (
  status: number,
  text: string,
  extraFields: Record<string, unknown> = {},
  headers = {},
): Reply => toJsonReply(status, { detail: text, ...extraFields }, headers);

export const cloudAppsFamily: ErrorFamily = {
  badRequest: (_, message) => toJsonReply(400, { errors: [{ error: message }] }),
  unauthorized: (_, reason = "Invalid token.") =>
    toDetailReply(401, reason, {}, { "www-authenticate": "Token" }),
  forbidden: (exchange) =>
    toDetailReply(403, "Insufficient role based permissions", {
      correlation_id: exchange.requestId,
    }),
  notFound: () => toDetailReply(404, "Not found."),
  throttled: (_, throttle) => {
    const seconds = Math.max(1, Math.ceil(throttle.waitMs / 1_000));
    const text = `Request was throttled. Expected available in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
    return toDetailReply(429, text, {}, toRetryAfterHeader(throttle.retryAfterMs));
  },
  failed: (_, status) => ({
    status,
    headers: { "content-type": "text/html" },
    body: "<h1>Server Error</h1>",
  }),
};

const toVaultError = (
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Reply => toJsonReply(status, { error: { code, message } }, headers);

export const vaultFamily: ErrorFamily = {
  badRequest: (_, message, code = "BadParameter") => toVaultError(400, code, message),
  unauthorized: (_, reason = "[TokenExpired] Error validating token: 'S2S12086'.") =>
    toVaultError(401, "Unauthorized", reason),
  forbidden: (exchange, requiredRole) =>
    toJsonReply(403, {
      error: {
        code: "Forbidden",
        message: `Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: appid=${exchange.record.caller ?? ""}\r\nAction: '${requiredRole}'\r\nResource: '${exchange.path}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\nVault: tenant-kv;location=northeurope\r\n`,
        innererror: { code: "ForbiddenByRbac" },
      },
    }),
  notFound: (exchange) =>
    toVaultError(404, "NotFound", `The path ${exchange.path} is not found in this key vault.`),
  throttled: (_, throttle) =>
    toVaultError(
      429,
      "Throttled",
      "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached",
      toRetryAfterHeader(throttle.retryAfterMs),
    ),
  failed: (_, status) => toVaultError(status, "InternalServerError", "An error occurred."),
};
