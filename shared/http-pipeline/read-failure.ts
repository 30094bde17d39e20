/**
 * Reads error responses of Microsoft's services: six kinds of envelope, request ids, times to wait.
 * Pure.
 */
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
 * Reads `{error:{code,message,target,innerError}}`, `{error,error_description}`,
 * `{detail,correlation_id}`, `{filters:[{error}]}`, `{errors:[{error}]}`,
 * `{code|statusCode,message}`. Any other body has no details.
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

const statusTexts: ReadonlyMap<number, string> = new Map([
  [405, "the method is not allowed; a proxy may have changed the request"],
  [406, "the response format is not available"],
  [409, "a conflict with another request"],
  [413, "the request is too large"],
  [415, "the content type is not supported; a proxy may have changed the request"],
  [423, "the resource is locked"],
]);

/** Returns what a refusal's status means, where its number alone does not tell an operator. */
export const describeStatus = (status: number): string | undefined => statusTexts.get(status);

/** True for a 401 about a licence or a product that is switched off: another token cannot help. */
export const isTenantRefusal = (message: string): boolean =>
  /account mode is inactive|no tvm license|not provisioned|license/i.test(message);

/** Returns whether a 429 is about the number of calls or about the run time of queries. */
export const readThrottleCause = (message: string): "calls" | "run-time" =>
  /\b(?:cpu|run ?time|running time|resources?)\b/i.test(message) && !/calls? quota/i.test(message)
    ? "run-time"
    : "calls";

/**
 * Longest pause after a 429 of a quota per minute. A longer wait is not believed: one call probes
 * again.
 */
const maxMinuteQuotaPauseMs = 15 * minuteMs;
/** Longest pause after any other request to wait. */
const maxPauseMs = hourMs;

/** A wait that a service asked for. */
export interface RequestedWait {
  readonly waitMs: number;
  /** True when the service asked for a longer wait than `waitMs`. */
  readonly isCapped: boolean;
}

/** Limits a requested wait to 15 minutes for a quota per minute, else to an hour. */
export function capWait(waitMs: number, isMinuteQuota: boolean): RequestedWait {
  const maxMs = isMinuteQuota ? maxMinuteQuotaPauseMs : maxPauseMs;
  return { waitMs: Math.min(maxMs, waitMs), isCapped: waitMs > maxMs };
}

/** True when the message names a window of an hour or more, such as `1500 per 01:00:00`. */
export const namesLongWindow = (message: string): boolean => (readWindowMs(message) ?? 0) >= hourMs;

/**
 * Returns the longest wait that a 429 or 503 asks for in a header (`Retry-After` in seconds or as a
 * date, `retry-after-ms`, `x-ms-retry-after-ms`), else the wait in the text (`in 8 seconds`, `in 12
 * minutes`, `45 per 00:01:00`). Zero, negative, malformed and past values ask for nothing: the
 * result is then `undefined`.
 */
export function readRetryAfterMs(
  headers: Headers,
  message: string,
  nowMs: number,
): number | undefined {
  const valid = readHeaderWaits(headers, nowMs).filter((ms) => Number.isFinite(ms) && ms > 0);
  return valid.length > 0 ? Math.max(...valid) : readTextWaitMs(message);
}

const httpDate = /[a-z]{3}, \d{1,2} [a-z]{3} \d{4} \d{2}:\d{2}:\d{2} GMT/gi;

/** A repeated header arrives joined by commas, which dates contain too. */
function readHeaderWaits(headers: Headers, nowMs: number): readonly number[] {
  const retryAfter = headers.get("retry-after") ?? "";
  // Both instants are the service's where it sends its date, so that a wrong local clock does not
  // matter.
  const sentMs = Date.parse(headers.get("date") ?? "");
  const fromMs = Number.isNaN(sentMs) ? nowMs : sentMs;
  return [
    ...readNumbers(retryAfter.replaceAll(httpDate, "")).map((seconds) => seconds * secondMs),
    ...(retryAfter.match(httpDate) ?? []).map((date) => Date.parse(date) - fromMs),
    ...readNumbers(headers.get("retry-after-ms") ?? ""),
    ...readNumbers(headers.get("x-ms-retry-after-ms") ?? ""),
  ];
}

const readNumbers = (list: string): readonly number[] =>
  list
    .split(",")
    .map((text) => text.trim())
    .filter((text) => /^\d{1,12}(?:\.\d+)?$/.test(text))
    .map(Number);

const unitsMs: Readonly<Record<string, number>> = {
  second: secondMs,
  minute: minuteMs,
  hour: hourMs,
};

const namedWait = /\b(?:in|after|wait(?: for)?) (\d{1,6}|a|an|one) (second|minute|hour)/i;

function readTextWaitMs(message: string): number | undefined {
  const [, amount = "", unit = ""] = namedWait.exec(message) ?? [];
  const count = /^\d/.test(amount) ? Number(amount) : 1;
  const waitMs = count * (unitsMs[unit.toLowerCase()] ?? 0);
  return waitMs > 0 ? waitMs : readWindowMs(message);
}

/** Returns the window of a quota in the text: `45 per 00:01:00`. */
function readWindowMs(message: string): number | undefined {
  const [, hours, minutes, rest] = /\bper (\d\d):(\d\d):(\d\d)/i.exec(message) ?? [];
  return hours === undefined
    ? undefined
    : Number(hours) * hourMs + Number(minutes) * minuteMs + Number(rest) * secondMs;
}
