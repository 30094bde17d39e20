/** What each source may ask: a table by what its payload can say, and a table by how well it proves where it comes from. */
import type { WebhookAction } from "../contracts/webhook.ts";

/** The readers there are; a source whose name is one of them is read by it. */
export const readerNames = [
  "sentinel",
  "defender",
  "cloud-apps",
  "splunk",
  "elastic",
  "generic",
] as const;
export type ReaderName = (typeof readerNames)[number];

/** The ways of proving where a request comes from. */
export const authMethods = ["standard", "bodyHmac", "bearer", "entra", "functionKey"] as const;
export type AuthMethod = (typeof authMethods)[number];

/** What a payload of each kind can lead to. */
export const readerAllows = {
  sentinel: ["enrich", "verdict", "hunt"],
  defender: ["enrich", "verdict", "hunt"],
  "cloud-apps": ["enrich", "hunt"],
  splunk: ["enrich"],
  elastic: ["enrich", "hunt"],
  generic: ["enrich", "verdict", "hunt"],
} as const satisfies Record<ReaderName, readonly WebhookAction[]>;

interface AuthPolicy {
  readonly anywhere: readonly WebhookAction[];
  /** From the addresses that the source is bound to. */
  readonly fromItsAddresses: readonly WebhookAction[];
}

/** A shared token can be read off the wire's ends and a URL's key off any log, so those may change less. */
export const authAllows = {
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

/** Both tables together: what a source may ask at most. */
export function listAllowedVerbs(
  reader: ReaderName,
  auth: AuthMethod,
  isBoundToAddresses: boolean,
): readonly WebhookAction[] {
  const authVerbs: readonly WebhookAction[] =
    authAllows[auth][isBoundToAddresses ? "fromItsAddresses" : "anywhere"];
  return readerAllows[reader].filter((verb) => authVerbs.includes(verb));
}
