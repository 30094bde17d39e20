/** How each service words its errors. Texts are the services' own where research knows them. */
import { json, retryAfter, type Exchange, type Reply } from "./exchange.ts";
import type { Limit } from "./quota.ts";

/** Why a call is refused for using too much. */
export interface Throttle {
  readonly cause: "calls" | "run-time";
  /** Undefined: the header is left out. */
  readonly retryAfterMs: number | undefined;
  /** What the text says, header or not. */
  readonly waitMs: number;
  readonly limit: Limit | undefined;
  readonly nowMs: number;
  /** Wording of the body; `api` is the service's own. */
  readonly wording: "api" | "old" | "new" | "graph";
}

/** The errors every service has, in its own words. */
export interface ErrorFamily {
  readonly badRequest: (exchange: Exchange, message: string, code?: string) => Reply;
  readonly unauthorized: (exchange: Exchange, why?: string) => Reply;
  /** `needed` is the permission that is missing, `held` those the token carries. */
  readonly forbidden: (exchange: Exchange, needed: string, held: readonly string[]) => Reply;
  readonly notFound: (exchange: Exchange, what?: string) => Reply;
  readonly throttled: (exchange: Exchange, throttle: Throttle) => Reply;
  readonly failed: (exchange: Exchange, status: number) => Reply;
}

/** The headers of every Graph answer. */
export const graphHeaders = (exchange: Exchange): Record<string, string> => ({
  "request-id": exchange.requestId,
  "client-request-id": clientRequestId(exchange),
  "x-ms-ags-diagnostic":
    '{"ServerInfo":{"DataCenter":"North Europe","Slice":"E","Ring":"4","ScaleUnit":"000","RoleInstance":"TENANT01"}}',
  "strict-transport-security": "max-age=31536000",
});

/** The headers of every Defender answer. */
export const defenderHeaders = (exchange: Exchange): Record<string, string> => ({
  "request-id": exchange.requestId,
  "client-request-id": clientRequestId(exchange),
  "strict-transport-security": "max-age=31536000",
});

const clientRequestId = (exchange: Exchange): string => {
  const sent = exchange.headers["client-request-id"];
  return typeof sent === "string" ? sent : exchange.requestId;
};

const graphError = (
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
    "client-request-id": clientRequestId(exchange),
  };
  return json(
    status,
    { error: { code, message, innerError } },
    { ...graphHeaders(exchange), ...headers },
  );
};

const missingRoles = (needed: string, held: readonly string[]): string =>
  `Missing application roles. API required roles: ${needed}, application roles: ${held.join(", ")}.`;

const runTimeText = (throttle: Throttle): string =>
  `[simulator] CPU quota exhausted until ${new Date(throttle.nowMs + throttle.waitMs).toISOString().slice(11, 16)}`;

const period = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

/** The three wordings seen in the field for a spent call quota. */
function callQuotaText({ limit, wording, waitMs }: Throttle): string {
  const { calls, perMs } = limit ?? { calls: 45, perMs: 60_000 };
  if (wording === "old")
    return `API calls quota exceeded! maximum allowed ${calls} per ${period(perMs)}`;
  return `API calls quota exceeded! Maximum allowed ${calls} per ${period(perMs)} for the key Destination+TenantID+AppID. You can send requests again in ${Math.max(1, Math.ceil(waitMs / 1_000))} seconds.`;
}

const graphThrottled = (exchange: Exchange, throttle: Throttle): Reply =>
  graphError(
    exchange,
    429,
    "TooManyRequests",
    throttle.cause === "run-time" ? runTimeText(throttle) : "Please retry again later.",
    retryAfter(throttle.retryAfterMs),
    throttle.cause === "run-time"
      ? {}
      : { code: "429", message: "Please retry after", status: "429" },
  );

const defenderThrottled = (exchange: Exchange, throttle: Throttle): Reply =>
  throttle.cause === "run-time"
    ? defenderError(
        exchange,
        429,
        "TooManyRequests",
        runTimeText(throttle),
        retryAfter(throttle.retryAfterMs),
      )
    : defenderError(
        exchange,
        429,
        "429",
        callQuotaText(throttle),
        retryAfter(throttle.retryAfterMs),
      );

export const graphFamily: ErrorFamily = {
  badRequest: (exchange, message, code = "BadRequest") => graphError(exchange, 400, code, message),
  unauthorized: (exchange, why = "Access token has expired or is not yet valid.") =>
    graphError(exchange, 401, "InvalidAuthenticationToken", why, {
      "www-authenticate":
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"',
    }),
  forbidden: (exchange, needed, held) =>
    graphError(exchange, 403, "Forbidden", missingRoles(needed, held)),
  notFound: (
    exchange,
    what = `Resource not found for the segment '${exchange.path.split("/").at(-1) ?? ""}'.`,
  ) => graphError(exchange, 404, "ResourceNotFound", what),
  throttled: (exchange, throttle) =>
    throttle.wording === "old" || throttle.wording === "new"
      ? defenderThrottled(exchange, throttle)
      : graphThrottled(exchange, throttle),
  failed: (exchange, status) =>
    status === 503
      ? graphError(
          exchange,
          503,
          "ServiceUnavailable",
          "The service is temporarily unavailable.",
          retryAfter(10_000),
        )
      : graphError(exchange, status, "UnknownError", ""),
};

const defenderError = (
  exchange: Exchange,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Reply =>
  json(
    status,
    {
      error: {
        code,
        message,
        target: `|${exchange.requestId.slice(0, 8)}-${exchange.requestId.slice(-16)}.1.2.`,
      },
    },
    { ...defenderHeaders(exchange), ...headers },
  );

export const defenderFamily: ErrorFamily = {
  badRequest: (exchange, message, code = "BadRequest") =>
    defenderError(exchange, 400, code, message),
  unauthorized: (
    exchange,
    why = "Unauthorized request - reason of failure: token is invalid or has expired",
  ) => defenderError(exchange, 401, "Unauthorized", why),
  forbidden: (exchange, needed, held) =>
    defenderError(exchange, 403, "Forbidden", missingRoles(needed, held)),
  notFound: (exchange, what = `Resource ${exchange.path} was not found`) =>
    defenderError(exchange, 404, "ResourceNotFound", what),
  throttled: (exchange, throttle) =>
    throttle.wording === "graph"
      ? graphThrottled(exchange, throttle)
      : defenderThrottled(exchange, throttle),
  failed: (exchange, status) =>
    defenderError(
      exchange,
      status,
      status === 503 ? "ServiceUnavailable" : "InternalServerError",
      "",
      status === 503 ? retryAfter(10_000) : {},
    ),
};

const detail = (
  status: number,
  text: string,
  more: Record<string, unknown> = {},
  headers = {},
): Reply => json(status, { detail: text, ...more }, headers);

export const cloudAppsFamily: ErrorFamily = {
  badRequest: (_, message) => json(400, { errors: [{ error: message }] }),
  unauthorized: (_, why = "Invalid token.") =>
    detail(401, why, {}, { "www-authenticate": "Token" }),
  forbidden: (exchange) =>
    detail(403, "Insufficient role based permissions", { correlation_id: exchange.requestId }),
  notFound: () => detail(404, "Not found."),
  throttled: (_, throttle) => {
    const seconds = Math.max(1, Math.ceil(throttle.waitMs / 1_000));
    const text = `Request was throttled. Expected available in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
    return detail(429, text, {}, retryAfter(throttle.retryAfterMs));
  },
  failed: (_, status) => ({
    status,
    headers: { "content-type": "text/html" },
    body: "<h1>Server Error</h1>",
  }),
};

const vaultError = (
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Reply => json(status, { error: { code, message } }, headers);

export const vaultFamily: ErrorFamily = {
  badRequest: (_, message, code = "BadParameter") => vaultError(400, code, message),
  unauthorized: (_, why = "[TokenExpired] Error validating token: 'S2S12086'.") =>
    vaultError(401, "Unauthorized", why),
  forbidden: (exchange, needed) =>
    json(403, {
      error: {
        code: "Forbidden",
        message: `Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: appid=${exchange.record.caller ?? ""}\r\nAction: '${needed}'\r\nResource: '${exchange.path}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\nVault: tenant-kv;location=northeurope\r\n`,
        innererror: { code: "ForbiddenByRbac" },
      },
    }),
  notFound: (exchange) =>
    vaultError(404, "NotFound", `The path ${exchange.path} is not found in this key vault.`),
  throttled: (_, throttle) =>
    vaultError(
      429,
      "Throttled",
      "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached",
      retryAfter(throttle.retryAfterMs),
    ),
  failed: (_, status) => vaultError(status, "InternalServerError", "An error occurred."),
};
