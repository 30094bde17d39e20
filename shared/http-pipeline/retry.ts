/**
 * Decides what a failed exchange means and whether to retry it. Pure: a failure in, a decision out.
 */
import { minuteMs, secondMs } from "../runtime/time.ts";
import type { ApiName } from "./api-client.ts";
import {
  capWait,
  describeStatus,
  namesLongWindow,
  readRetryAfterMs,
  isTenantRefusal,
  findMissingPermission,
  readFailure,
  readThrottleCause,
} from "./read-failure.ts";
import type { QuotaReport } from "./quota/quota.ts";
import type { UpstreamErrorCode } from "./upstream-error.ts";

/** How an exchange failed. */
export type Failure =
  /** A complete response with an unexpected status. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers: Headers;
      readonly body: unknown;
    }
  /**
   * The response is not the API's: a redirect, a page of HTML, truncated JSON, a body over the
   * limit.
   */
  | {
      readonly kind: "not-the-api";
      readonly status: number;
      readonly reason: string;
      readonly isRetryable: boolean;
    }
  /** No response. `isSent`: the request may have reached the service. */
  | {
      readonly kind: "connection";
      readonly isSent: boolean;
      readonly code: string;
      readonly isRetryable: boolean;
    }
  | { readonly kind: "deadline"; readonly deadlineMs: number };

/** What a failure means for the caller, for all instances, and for the next try. */
export interface RetryDecision {
  readonly code: UpstreamErrorCode;
  /** Why, in one sentence without the API's name and message. */
  readonly why: string;
  readonly report: QuotaReport | undefined;
  /**
   * `token`: once more with a fresh token. `wait`: after the reported or requested pause.
   * `backoff`: soon.
   */
  readonly retry: "never" | "token" | "wait" | "backoff";
  readonly retryAfterMs: number | undefined;
}

const failedReport: QuotaReport = { kind: "failed" };
const okReport: QuotaReport = { kind: "ok" };

/** @param nowMs - the local clock, for `Retry-After` dates and the next quarter hour */
export function decideRetry(api: ApiName, failure: Failure, nowMs: number): RetryDecision {
  switch (failure.kind) {
    case "status":
      return decideRetryOfStatus(api, failure, nowMs);
    case "not-the-api":
      return { ...toUnavailable(failure.reason), retry: failure.isRetryable ? "backoff" : "never" };
    case "connection":
      return {
        ...toUnavailable(`no connection (${failure.code})`),
        retry: failure.isRetryable ? "backoff" : "never",
      };
    case "deadline":
      return toTimeout(api, `no complete response within ${failure.deadlineMs} ms`);
    default:
      return failure satisfies never;
  }
}

const toUnavailable = (why: string) =>
  ({
    code: "unavailable",
    why,
    report: failedReport,
    retry: "backoff",
    retryAfterMs: undefined,
  }) as const;

const toRefusal = (code: UpstreamErrorCode, why: string): RetryDecision => ({
  code,
  why,
  report: okReport,
  retry: "never",
  retryAfterMs: undefined,
});

/**
 * A hunting query that is too heavy is not a failure of the service: the hunt makes its window
 * smaller.
 */
const toTimeout = (api: ApiName, why: string): RetryDecision =>
  api === "hunting"
    ? { ...toUnavailable(why), report: undefined, retry: "never" }
    : toUnavailable(why);

function decideRetryOfStatus(
  api: ApiName,
  { body, headers, status }: Failure & { kind: "status" },
  nowMs: number,
): RetryDecision {
  const { message } = readFailure(body);
  if (status === 401) {
    const isHopeless = isTenantRefusal(message);
    const why = isHopeless
      ? "the tenant's licence or setup does not allow it (401)"
      : "the token was refused (401)";
    return { ...toRefusal("unauthorized", why), retry: isHopeless ? "never" : "token" };
  }
  if (status === 403)
    return toRefusal(
      "forbidden",
      `${findMissingPermission(message) ?? "a permission"} is missing (403)`,
    );
  if (status === 404) return toRefusal("notFound", "not found (404)");
  if (status === 429) return toThrottled(api, message, headers, nowMs);
  if (status === 504) return toTimeout(api, "the service ran out of time (504)");
  if (status >= 500 || status === 408) return toOutage(status, headers, nowMs);
  return toRefusal(
    "rejected",
    `${describeStatus(status) ?? "the request was refused"} (${status})`,
  );
}

function toOutage(status: number, headers: Headers, nowMs: number): RetryDecision {
  const outage = toUnavailable(`the service failed (${status})`);
  const requestedMs = readRetryAfterMs(headers, "", nowMs);
  if (requestedMs === undefined) return outage;
  return { ...outage, retry: "wait", retryAfterMs: capWait(requestedMs, false).waitMs };
}

const quarterHourMs = 15 * minuteMs;

function toThrottled(
  api: ApiName,
  message: string,
  headers: Headers,
  nowMs: number,
): RetryDecision {
  const cause = api === "hunting" ? readThrottleCause(message) : "calls";
  const defaultMs = cause === "calls" ? minuteMs : quarterHourMs - (nowMs % quarterHourMs);
  const isMinuteQuota = cause === "calls" && !namesLongWindow(message);
  const requestedMs =
    readRetryAfterMs(headers, message, nowMs) ?? Math.max(minOwnPauseMs, defaultMs);
  const { isCapped, waitMs } = capWait(requestedMs, isMinuteQuota);
  const why =
    cause === "calls" ? "too many calls (429)" : "the run-time quota of queries is used up (429)";
  return {
    code: "throttled",
    why,
    report: { kind: "throttled", retryAfterMs: waitMs, cause, ...(isCapped ? { isCapped } : {}) },
    retry: "wait",
    retryAfterMs: waitMs,
  };
}

/** Shortest pause after a 429 that names no valid wait. */
const minOwnPauseMs = 5 * secondMs;

const firstBackoffMs = 500;
const maxBackoffMs = 20 * secondMs;

/**
 * Returns the pause before the next try, ms; `undefined`: no further try. Full jitter, so that many
 * instances do not retry together.
 *
 * @param triesMade - tries made so far, 1 or more
 * @param random - in [0, 1)
 */
export function computePauseMs(
  decision: RetryDecision,
  {
    hasQuota,
    random,
    triesMade,
    tries,
    maxWaitMs,
  }: { triesMade: number; tries: number; maxWaitMs: number; hasQuota: boolean; random: number },
): number | undefined {
  if (decision.retry === "token") return 0;
  if (decision.retry === "never" || triesMade >= tries) return undefined;
  if (decision.retry === "backoff")
    return random * Math.min(maxBackoffMs, firstBackoffMs * 2 ** triesMade);
  const requestedMs = decision.retryAfterMs ?? 0;
  if (requestedMs > maxWaitMs) return undefined;
  // With a quota the pause applies to all instances, and acquiring the next permit waits for it.
  return decision.code === "throttled" && hasQuota ? 0 : requestedMs + random * secondMs;
}
