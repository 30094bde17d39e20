/**
 * The actions that a source may trigger: a table by its reader, and a table by its authentication.
 */
import type { WebhookAction } from "../contracts/webhook.ts";

/** The readers. A source that is named like a reader uses it by default. */
export const readerNames = [
  "sentinel",
  "defender",
  "cloud-apps",
  "splunk",
  "elastic",
  "generic",
  "any",
] as const;
export type ReaderName = (typeof readerNames)[number];

/** The authentication methods of sources. */
export const authMethods = ["standard", "bodyHmac", "bearer", "entra", "functionKey"] as const;
export type AuthMethod = (typeof authMethods)[number];

/** The actions that a payload of each reader can lead to. */
const readerAllows = {
  sentinel: ["enrich", "verdict", "hunt"],
  defender: ["enrich", "verdict", "hunt"],
  "cloud-apps": ["enrich", "hunt"],
  splunk: ["enrich"],
  elastic: ["enrich", "hunt"],
  generic: ["enrich", "verdict", "hunt"],
  any: ["enrich", "hunt"],
} as const satisfies Record<ReaderName, readonly WebhookAction[]>;

interface AuthPolicy {
  readonly anywhere: readonly WebhookAction[];
  /** From the addresses that the source is restricted to. */
  readonly fromItsAddresses: readonly WebhookAction[];
}

/** A bearer token or a key in a URL can leak into logs, so these methods allow fewer actions. */
const authAllows = {
  standard: {
    anywhere: ["enrich", "verdict", "hunt"],
    fromItsAddresses: ["enrich", "verdict", "hunt"],
  },
  bodyHmac: {
    anywhere: ["enrich", "verdict", "hunt"],
    fromItsAddresses: ["enrich", "verdict", "hunt"],
  },
  entra: {
    anywhere: ["enrich", "verdict", "hunt"],
    fromItsAddresses: ["enrich", "verdict", "hunt"],
  },
  bearer: { anywhere: ["enrich"], fromItsAddresses: ["enrich", "verdict", "hunt"] },
  functionKey: { anywhere: ["enrich"], fromItsAddresses: ["enrich"] },
} as const satisfies Record<AuthMethod, AuthPolicy>;

/** Lists the actions that both tables allow. */
export function listAllowedActions(
  reader: ReaderName,
  auth: AuthMethod,
  isRestrictedToAddresses: boolean,
): readonly WebhookAction[] {
  const authActions: readonly WebhookAction[] =
    authAllows[auth][isRestrictedToAddresses ? "fromItsAddresses" : "anywhere"];
  return readerAllows[reader].filter((action) => authActions.includes(action));
}
