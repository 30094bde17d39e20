/** Decides what a failed exchange means and whether to try it again. Pure: the failure in, one plain decision out. */
import { minuteMs, secondMs } from "../runtime/time.ts";
import type { ApiName } from "./api-client.ts";
import {
  askedWaitMs,
  isTenantRefusal,
  missingPermission,
  readFailure,
  throttleCause,
} from "./read-body.ts";
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
      readonly what: string;
      readonly again: boolean;
    }
  /** No answer: `sent` tells whether the request may have reached the service. */
  | {
      readonly kind: "connection";
      readonly sent: boolean;
      readonly code: string;
      readonly again: boolean;
    }
  | { readonly kind: "deadline"; readonly deadlineMs: number };

/** What a failure means for the caller, for everybody, and for the next try. */
export interface Meaning {
  readonly code: UpstreamErrorCode;
  /** Why, in one sentence; the pipe puts API and redacted message around it. */
  readonly why: string;
  readonly report: QuotaReport | undefined;
  /** `token`: once more with a fresh token. `wait`: after the pause that was reported or asked for. `backoff`: soon. */
  readonly again: "never" | "token" | "wait" | "backoff";
  readonly retryAfterMs: number | undefined;
}

const failed: QuotaReport = { kind: "failed" };
const fine: QuotaReport = { kind: "ok" };

/** @param nowMs - the local clock, for `Retry-After` dates and the next quarter hour */
export function meaningOf(api: ApiName, failure: Failure, nowMs: number): Meaning {
  switch (failure.kind) {
    case "status":
      return meaningOfStatus(api, failure, nowMs);
    case "not-the-api":
      return { ...unavailable(failure.what), again: failure.again ? "backoff" : "never" };
    case "connection":
      return {
        ...unavailable(`no connection (${failure.code})`),
        again: failure.again ? "backoff" : "never",
      };
    case "deadline":
      return timedOut(api, `no whole answer within ${failure.deadlineMs} ms`);
    default:
      return failure satisfies never;
  }
}

const unavailable = (why: string) =>
  ({
    code: "unavailable",
    why,
    report: failed,
    again: "backoff",
    retryAfterMs: undefined,
  }) as const;

const refusal = (code: UpstreamErrorCode, why: string): Meaning => ({
  code,
  why,
  report: fine,
  again: "never",
  retryAfterMs: undefined,
});

/** A hunting query that is too heavy says nothing about the service: the hunt makes its window smaller. */
const timedOut = (api: ApiName, why: string): Meaning =>
  api === "hunting" ? { ...unavailable(why), report: undefined, again: "never" } : unavailable(why);

function meaningOfStatus(
  api: ApiName,
  { body, headers, status }: Failure & { kind: "status" },
  nowMs: number,
): Meaning {
  const { message } = readFailure(body);
  if (status === 401) {
    const hopeless = isTenantRefusal(message);
    const why = hopeless
      ? "the tenant's licence or set-up does not allow it (401)"
      : "the token was refused (401)";
    return { ...refusal("unauthorized", why), again: hopeless ? "never" : "token" };
  }
  if (status === 403)
    return refusal("forbidden", `${missingPermission(message) ?? "a permission"} is missing (403)`);
  if (status === 404) return refusal("not-found", "not found (404)");
  if (status === 429) return throttled(api, message, headers, nowMs);
  if (status === 504) return timedOut(api, "the service ran out of time (504)");
  if (status >= 500 || status === 408) {
    const retryAfterMs = askedWaitMs(headers, "", nowMs);
    const again = retryAfterMs === undefined ? "backoff" : "wait";
    return { ...unavailable(`the service failed (${status})`), again, retryAfterMs };
  }
  return refusal("rejected", `the request was refused (${status})`);
}

const quarterHourMs = 15 * minuteMs;

function throttled(api: ApiName, message: string, headers: Headers, nowMs: number): Meaning {
  const cause = api === "hunting" ? throttleCause(message) : "calls";
  const usualMs = cause === "calls" ? minuteMs : quarterHourMs - (nowMs % quarterHourMs);
  // No pause at all would meet the same refusal.
  const retryAfterMs = Math.max(secondMs, askedWaitMs(headers, message, nowMs) ?? usualMs);
  const why =
    cause === "calls" ? "too many calls (429)" : "the run-time quota of queries is spent (429)";
  return {
    code: "throttled",
    why,
    report: { kind: "throttled", retryAfterMs, cause },
    again: "wait",
    retryAfterMs,
  };
}

const firstBackoffMs = 500;
const longestBackoffMs = 20 * secondMs;

/**
 * The pause before the next try, ms; `undefined`: do not try again. Full jitter, so that many instances do not come
 * back together.
 *
 * @param tried - tries made so far, 1 or more
 * @param random - in [0, 1)
 */
export function pauseBefore(
  meaning: Meaning,
  {
    hasQuota,
    random,
    tried,
    tries,
    waitMs,
  }: { tried: number; tries: number; waitMs: number; hasQuota: boolean; random: number },
): number | undefined {
  if (meaning.again === "token") return 0;
  if (meaning.again === "never" || tried >= tries) return undefined;
  if (meaning.again === "backoff")
    return random * Math.min(longestBackoffMs, firstBackoffMs * 2 ** tried);
  const asked = meaning.retryAfterMs ?? 0;
  if (asked > waitMs) return undefined;
  // With a quota the pause is everybody's, and taking the next turn waits for it.
  return meaning.code === "throttled" && hasQuota ? 0 : asked + random * secondMs;
}
