/** Decides what a failed exchange means and whether to try it again. Pure: the failure in, one plain decision out. */
import { minuteMs, secondMs } from "../runtime/time.ts";
import type { ApiName } from "./api-client.ts";
import {
  readRetryAfterMs,
  isTenantRefusal,
  findMissingPermission,
  readFailure,
  readThrottleCause,
} from "./read-failure.ts";
import type { QuotaReport } from "./quota/quota.ts";
import type { UpstreamErrorCode } from "./upstream-error.ts";

/** How an exchange failed, as the pipe saw it. */
export type Failure =
  /** A whole answer with a status that nobody expected. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers: Headers;
      readonly body: unknown;
    }
  /** Something answered, but not the API: a redirect, a page of HTML, JSON that was cut, a body over the cap. */
  | {
      readonly kind: "not-the-api";
      readonly status: number;
      readonly reason: string;
      readonly isRetryable: boolean;
    }
  /** No answer: `isSent` tells whether the request may have reached the service. */
  | {
      readonly kind: "connection";
      readonly isSent: boolean;
      readonly code: string;
      readonly isRetryable: boolean;
    }
  | { readonly kind: "deadline"; readonly deadlineMs: number };

/** What a failure means for the caller, for everybody, and for the next try. */
export interface RetryDecision {
  readonly code: UpstreamErrorCode;
  /** Why, in one sentence; the pipe puts API and redacted message around it. */
  readonly why: string;
  readonly report: QuotaReport | undefined;
  /** `token`: once more with a fresh token. `wait`: after the pause that was reported or asked for. `backoff`: soon. */
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
      return toTimeout(api, `no whole answer within ${failure.deadlineMs} ms`);
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

/** A hunting query that is too heavy says nothing about the service: the hunt makes its window smaller. */
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
      ? "the tenant's licence or set-up does not allow it (401)"
      : "the token was refused (401)";
    return { ...toRefusal("unauthorized", why), retry: isHopeless ? "never" : "token" };
  }
  if (status === 403)
    return toRefusal(
      "forbidden",
      `${findMissingPermission(message) ?? "a permission"} is missing (403)`,
    );
  if (status === 404) return toRefusal("not-found", "not found (404)");
  if (status === 429) return toThrottled(api, message, headers, nowMs);
  if (status === 504) return toTimeout(api, "the service ran out of time (504)");
  if (status >= 500 || status === 408) {
    const retryAfterMs = readRetryAfterMs(headers, "", nowMs);
    const retry = retryAfterMs === undefined ? "backoff" : "wait";
    return { ...toUnavailable(`the service failed (${status})`), retry, retryAfterMs };
  }
  return toRefusal("rejected", `the request was refused (${status})`);
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
  // No pause at all would meet the same refusal.
  const retryAfterMs = Math.max(secondMs, readRetryAfterMs(headers, message, nowMs) ?? defaultMs);
  const why =
    cause === "calls" ? "too many calls (429)" : "the run-time quota of queries is spent (429)";
  return {
    code: "throttled",
    why,
    report: { kind: "throttled", retryAfterMs, cause },
    retry: "wait",
    retryAfterMs,
  };
}

const firstBackoffMs = 500;
const maxBackoffMs = 20 * secondMs;

/**
 * The pause before the next try, ms; `undefined`: do not try again. Full jitter, so that many instances do not come
 * back together.
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
  // With a quota the pause is everybody's, and taking the next turn waits for it.
  return decision.code === "throttled" && hasQuota ? 0 : requestedMs + random * secondMs;
}
