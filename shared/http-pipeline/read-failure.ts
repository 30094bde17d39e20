/** Reads what Microsoft's services say of a failure: six kinds of envelope, ids of the request, times to wait. Pure. */
import { hourMs, minuteMs, secondMs } from "../runtime/time.ts";

/** What an error body says. */
export interface ErrorDetails {
  readonly code: string | undefined;
  readonly message: string;
  readonly requestId: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  // Narrowed to an object here; its members stay unknown.
  typeof value === "object" && value !== null ? (value as Fields) : {};
const toText = (value: unknown): string | undefined =>
  typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : undefined;

/**
 * Understands `{error:{code,message,target,innerError}}`, `{error,error_description}`, `{detail,correlation_id}`,
 * `{filters:[{error}]}`, `{errors:[{error}]}`, `{code|statusCode,message}`; anything else says nothing.
 */
export function readFailure(body: unknown): ErrorDetails {
  const top = fieldsOf(body);
  const error = fieldsOf(top["error"]);
  const inner = fieldsOf(error["innerError"] ?? error["innererror"]);
  const entries = [top["filters"], top["errors"]].flatMap((list) =>
    Array.isArray(list) ? (list as unknown[]) : [],
  );
  return {
    code:
      toText(error["code"]) ??
      toText(top["error"]) ??
      toText(top["code"]) ??
      toText(top["statusCode"]),
    message:
      toText(error["message"]) ??
      toText(top["error_description"]) ??
      toText(top["detail"]) ??
      toText(top["message"]) ??
      entries
        .map((entry) => toText(fieldsOf(entry)["error"]))
        .find((message) => message !== undefined) ??
      "",
    requestId:
      toText(inner["request-id"]) ??
      toText(error["target"]) ??
      toText(top["correlation_id"]) ??
      toText(top["trace_id"]),
  };
}

const idHeaders = [
  "request-id",
  "x-ms-request-id",
  "x-ms-correlation-id",
  "x-correlation-id",
  "client-request-id",
];

/** The service's own id of the request, from the headers. */
export const requestIdOf = (headers: Headers): string | undefined =>
  idHeaders
    .map((name) => headers.get(name))
    .find((id) => id !== null && /^[\w|.:-]{1,100}$/.test(id)) ?? undefined;

/** The permission a 403 asks for, by name: `ThreatHunting.Read.All`. */
export function findMissingPermission(message: string): string | undefined {
  const list = /required roles: ([\w., ]+?)(?:,\s*application roles:|[^\w., ]|\.?\s*$)/i.exec(
    message,
  )?.[1];
  return (
    list?.replace(/[,.\s]+$/, "") ??
    (/insufficient role based permissions/i.test(message) ? "a Cloud Apps role" : undefined)
  );
}

/** A licence or a switched-off product speaks as a 401, too; another token cannot help. */
export const isTenantRefusal = (message: string): boolean =>
  /account mode is inactive|no tvm license|not provisioned|license/i.test(message);

/** Whether a 429 is about calls or about the run time of queries. */
export const readThrottleCause = (message: string): "calls" | "run-time" =>
  /\b(?:cpu|run ?time|running time|resource)\b/i.test(message) && !/calls? quota/i.test(message)
    ? "run-time"
    : "calls";

const maxRetryAfterMs = 24 * hourMs;

/**
 * How long a 429 or 503 asks to wait: header `Retry-After` (seconds or a date), else the text (`in 8 seconds`,
 * `until 10:15`, `45 per 00:01:00`), else undefined.
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
  // Both instants from the service's clock where it tells it, so that ours may be wrong.
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
