/** What stands before every API: a token for it, a permission, a turn of its quota. */
import type { Clock } from "../../../shared/runtime/time.ts";
import { audiences, type Resource } from "../entra/directory.ts";
import type { Claims, Tokens } from "../entra/tokens.ts";
import type { Exchange, Reply } from "./exchange.ts";
import type { ErrorFamily, Throttle } from "./families.ts";
import type { Quota } from "./quota.ts";

/** A caller that proved itself, or the refusal. */
export type Proof =
  | { readonly kind: "caller"; readonly claims: Claims }
  | { readonly kind: "refused"; readonly reply: Reply };

/** A bearer token for `resource` that carries `role`. */
export async function proveBearer(
  exchange: Exchange,
  tokens: Tokens,
  family: ErrorFamily,
  want: { readonly resource: Resource; readonly role?: string },
): Promise<Proof> {
  const token = /^Bearer +(\S+)$/i.exec(exchange.headers.authorization ?? "")?.[1];
  if (token === undefined)
    return refused(family.unauthorized(exchange, missingToken[want.resource]));
  const check = await tokens.check(token);
  if (check.kind !== "sound") return refused(family.unauthorized(exchange));
  exchange.record.caller = check.claims.appid;
  if (!audiences[want.resource].includes(check.claims.aud)) {
    return refused(family.unauthorized(exchange, wrongAudience[want.resource]));
  }
  if (want.role !== undefined && !check.claims.roles.includes(want.role)) {
    return refused(family.forbidden(exchange, want.role, check.claims.roles));
  }
  return { kind: "caller", claims: check.claims };
}

const refused = (reply: Reply): Proof => ({ kind: "refused", reply });

const missingToken: Partial<Record<Resource, string>> = { graph: "Access token is empty." };
const wrongAudience: Partial<Record<Resource, string>> = {
  graph: "Access token validation failure. Invalid audience.",
};

/** Takes a turn of the quota; the refusal when there is none. */
export function takeTurn(
  exchange: Exchange,
  quota: Quota,
  family: ErrorFamily,
  how: {
    readonly clock: Clock;
    readonly retryAfter: boolean;
    readonly wording: Throttle["wording"];
  },
): Reply | undefined {
  const grant = quota.take(how.clock.now());
  exchange.record.quota = grant.kind;
  if (grant.kind === "granted") return undefined;
  return family.throttled(exchange, {
    cause: "calls",
    retryAfterMs: how.retryAfter ? grant.retryAfterMs : undefined,
    waitMs: grant.retryAfterMs,
    limit: grant.limit,
    nowMs: how.clock.now(),
    wording: how.wording,
  });
}
