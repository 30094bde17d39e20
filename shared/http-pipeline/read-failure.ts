/** Reads error responses of Microsoft's services: six kinds of envelope, request ids, times to wait. Pure. */
import { hourMs, minuteMs, secondMs } from "../runtime/time.ts";

/** The details in an error body. */
export interface ErrorDetails {
  readonly code: string | undefined;
  readonly message: string;
  readonly requestId: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  // A narrowing to an object whose members stay unknown.
  typeof value === "object" && value !== null ? (value as Fields) : {};
const toText = (value: unknown): string | undefined =>
  typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : undefined;

/**
 * Reads `{error:{code,message,target,innerError}}`, `{error,error_description}`, `{detail,correlation_id}`,
 * `{filters:[{error}]}`, `{errors:[{error}]}`, `{code|statusCode,message}`. Any other body has no details.
 */
export function readFailure(body: unknown): ErrorDetails {
  const top = fieldsOf(body);
  const error = fieldsOf(top["error"]);
  const inner = fieldsOf(error["innerError"] ?? error["innererror"]);
  const entries = [top["filters"], top["errors"]].flatMap((list) =>
    Array.isArray(list) ? (list as unknown[]) : [],
  );
  return {
    code: firstText(error["code"], top["error"], top["code"], top["statusCode"]),
    message:
      firstText(
        error["message"],
        top["error_description"],
        top["detail"],
        top["message"],
        ...entries.map((entry) => fieldsOf(entry)["error"]),
      ) ?? "",
    requestId: firstText(
      inner["request-id"],
      error["target"],
      top["correlation_id"],
      top["trace_id"],
    ),
  };
}

const firstText = (...values: readonly unknown[]): string | undefined =>
  values.map(toText).find((text) => text !== undefined);

const idHeaders = [
  "request-id",
  "x-ms-request-id",
  "x-ms-correlation-id",
  "x-correlation-id",
  "client-request-id",
];

/** Returns the service's id of the request from the headers. */
export const requestIdOf = (headers: Headers): string | undefined =>
  idHeaders
    .map((name) => headers.get(name))
    .find((id) => id !== null && /^[\w|.:-]{1,100}$/.test(id)) ?? undefined;

/** Returns the name of the permission that a 403 requires: `ThreatHunting.Read.All`. */
export function findMissingPermission(message: string): string | undefined {
  const list = /required roles: ([\w., ]+?)(?:,\s*application roles:|[^\w., ]|\.?\s*$)/i.exec(
    message,
  )?.[1];
  return (
    list?.replace(/[,.\s]+$/, "") ??
    (/insufficient role based permissions/i.test(message) ? "a Cloud Apps role" : undefined)
  );
}

/** True for a 401 about a licence or a product that is switched off: another token cannot help. */
export const isTenantRefusal = (message: string): boolean =>
  /account mode is inactive|no tvm license|not provisioned|license/i.test(message);

/** Returns whether a 429 is about the number of calls or about the run time of queries. */
export const readThrottleCause = (message: string): "calls" | "run-time" =>
  /\b(?:cpu|run ?time|running time|resource)\b/i.test(message) && !/calls? quota/i.test(message)
    ? "run-time"
    : "calls";

const maxRetryAfterMs = 24 * hourMs;

/**
 * Returns the wait that a 429 or 503 asks for: the header `Retry-After` (seconds or a date), else the text (`in 8
 * seconds`, `45 per 00:01:00`), else undefined.
 */
export function readRetryAfterMs(
  headers: Headers,
  message: string,
  nowMs: number,
): number | undefined {
  const waitMs = readHeaderWaitMs(headers, nowMs) ?? readTextWaitMs(message);
  return waitMs === undefined ? undefined : Math.min(maxRetryAfterMs, Math.max(0, waitMs));
}

function readHeaderWaitMs(headers: Headers, nowMs: number): number | undefined {
  const ms = Number(
    headers.get("retry-after-ms") ?? headers.get("x-ms-retry-after-ms") ?? Number.NaN,
  );
  if (Number.isFinite(ms) && ms >= 0) return ms;
  const header = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(header)) return Number(header) * secondMs;
  const atMs = Date.parse(header);
  if (Number.isNaN(atMs)) return undefined;
  // Both instants are the service's where it sends its date, so that a wrong local clock does not matter.
  const serverMs = Date.parse(headers.get("date") ?? "");
  return atMs - (Number.isNaN(serverMs) ? nowMs : serverMs);
}

function readTextWaitMs(message: string): number | undefined {
  const seconds = /\bin (\d+) second/i.exec(message)?.[1];
  if (seconds) return Number(seconds) * secondMs;
  const [, hours, minutes, rest] = /\bper (\d\d):(\d\d):(\d\d)/i.exec(message) ?? [];
  return hours === undefined
    ? undefined
    : Number(hours) * hourMs + Number(minutes) * minuteMs + Number(rest) * secondMs;
}
