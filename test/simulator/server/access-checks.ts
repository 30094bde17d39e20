/** Checks before every API call: token, permission, quota. */
import type { Clock } from "../../../shared/runtime/time.ts";
import { audiences, type Resource } from "../entra/directory.ts";
import type { Claims, Tokens } from "../entra/tokens.ts";
import type { Exchange, Reply } from "./exchange.ts";
import type { ErrorFamily, Throttle } from "./families.ts";
import type { Quota } from "./quota.ts";

/** An authenticated caller, or the refusal. */
export type Authentication =
  | { readonly kind: "caller"; readonly claims: Claims }
  | { readonly kind: "refused"; readonly reply: Reply };

/** Checks for a bearer token for `resource` with `role`. */
export async function authenticateBearer(
  exchange: Exchange,
  tokens: Tokens,
  family: ErrorFamily,
  required: { readonly resource: Resource; readonly role?: string },
): Promise<Authentication> {
  const token = /^Bearer +(\S+)$/i.exec(exchange.headers.authorization ?? "")?.[1];
  if (token === undefined)
    return toRefusal(family.unauthorized(exchange, missingToken[required.resource]));
  const check = await tokens.check(token);
  if (check.kind !== "valid") return toRefusal(family.unauthorized(exchange));
  exchange.record.caller = check.claims.appid;
  if (!audiences[required.resource].includes(check.claims.aud)) {
    return toRefusal(family.unauthorized(exchange, wrongAudience[required.resource]));
  }
  if (required.role !== undefined && !check.claims.roles.includes(required.role)) {
    return toRefusal(family.forbidden(exchange, required.role, check.claims.roles));
  }
  return { kind: "caller", claims: check.claims };
}

const toRefusal = (reply: Reply): Authentication => ({ kind: "refused", reply });

const missingToken: Partial<Record<Resource, string>> = { graph: "Access token is empty." };
const wrongAudience: Partial<Record<Resource, string>> = {
  graph: "Access token validation failure. Invalid audience.",
};

/** Takes one call of the quota; returns the refusal if there is none. */
export function acquirePermit(
  exchange: Exchange,
  quota: Quota,
  family: ErrorFamily,
  options: {
    readonly clock: Clock;
    readonly retryAfter: boolean;
    readonly wording: Throttle["wording"];
  },
): Reply | undefined {
  const permit = quota.acquirePermit(options.clock.now());
  exchange.record.quota = permit.kind;
  if (permit.kind === "granted") return undefined;
  return family.throttled(exchange, {
    cause: "calls",
    retryAfterMs: options.retryAfter ? permit.retryAfterMs : undefined,
    waitMs: permit.retryAfterMs,
    limit: permit.limit,
    nowMs: options.clock.now(),
    wording: options.wording,
  });
}
