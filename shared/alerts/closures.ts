/** The closing rules, one table row each. Wire numbers are in `clients/cloud-apps/alerts.ts`. */
import type { VerdictAction, VerdictReason } from "../contracts/alert-verdict.ts";

export type Closure = "truePositive" | "falsePositive" | "benign";

/** The closure of each action. */
export const closureOf = {
  resolve: "truePositive",
  closeTruePositive: "truePositive",
  dismiss: "falsePositive",
  closeFalsePositive: "falsePositive",
  closeBenign: "benign",
} as const satisfies Record<VerdictAction, Closure>;

/** The reasons that Cloud Apps accepts for each closure. */
const reasonsFor = {
  truePositive: [],
  falsePositive: ["notOfInterest", "tooManySimilar", "notAccurate", "other"],
  benign: ["severityLower", "confirmedWithUser", "test", "other"],
} as const satisfies Record<Closure, readonly VerdictReason[]>;

/** Returns what a reason must be for the closure of an action; `undefined` when it fits. */
export function findReasonFault(
  action: VerdictAction,
  reason: VerdictReason | undefined,
): string | undefined {
  if (reason === undefined) return undefined;
  const closure = closureOf[action];
  const allowed: readonly VerdictReason[] = reasonsFor[closure];
  if (allowed.includes(reason)) return undefined;
  return allowed.length === 0
    ? `must be absent: "${action}" closes as ${closure}, which takes no reason`
    : `must be one of ${allowed.join(", ")}, because "${action}" closes as ${closure}`;
}
