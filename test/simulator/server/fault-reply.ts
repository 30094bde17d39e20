/** Converts an injected fault to a reply in the wording of the affected service. */
import {
  toHtmlReply,
  toJsonReply,
  toRetryAfterHeader,
  type Exchange,
  type Reply,
  type Route,
} from "./exchange.ts";
import { createDefenderHeaders } from "./families.ts";
import type { Fault } from "./faults.ts";
import { toBadQueryReply } from "../hunting/query-errors.ts";

/**
 * Returns the reply that replaces the route's; undefined if the fault only changes the route's
 * reply.
 */
export function toFaultReply(fault: Fault, exchange: Exchange, route: Route): Reply | undefined {
  const { family } = route;
  switch (fault.kind) {
    case "answer":
      return {
        status: fault.status,
        headers: { "content-type": "application/json; charset=utf-8", ...fault.headers },
        body: typeof fault.body === "string" ? fault.body : JSON.stringify(fault.body ?? {}),
      };
    case "throttled":
      return toThrottledReply(fault, exchange, route);
    case "bad-query":
      return toBadQueryReply(fault.class, exchange, family);
    case "unauthorized":
      return family.unauthorized(exchange);
    case "forbidden":
      return family.forbidden(exchange, "(withdrawn by a fault)", []);
    case "failed":
      return family.failed(exchange, fault.status);
    case "html":
      return toHtmlReply(fault.status, "Bad Gateway");
    case "login-redirect":
      return {
        status: 302,
        headers: {
          location: "https://login.microsoftonline.com/common/oauth2/authorize?client_id=tenant",
        },
        body: "",
      };
    case "token-echo":
      return toJsonReply(
        fault.status,
        {
          error: {
            code: "InternalServerError",
            message: `Could not read ${exchange.headers.authorization ?? ""}`,
          },
        },
        createDefenderHeaders(exchange),
      );
    case "delay":
    case "hang":
    case "reset":
    case "cut":
    case "slow-body":
    case "content-type":
    case "late-rows":
      return undefined;
  }
}

function toThrottledReply(
  fault: Fault & { kind: "throttled" },
  exchange: Exchange,
  { family }: Route,
): Reply {
  const waitMs = (fault.waitS ?? fault.retryAfterS ?? 10) * 1_000;
  const reply = family.throttled(exchange, {
    cause: fault.cause,
    retryAfterMs: fault.retryAfterS === null ? undefined : fault.retryAfterS * 1_000,
    waitMs,
    limit: undefined,
    nowMs: exchange.arrivedAtMs,
    wording: fault.wording,
  });
  return fault.retryAfterS === null
    ? reply
    : { ...reply, headers: { ...reply.headers, ...toRetryAfterHeader(waitMs) } };
}
