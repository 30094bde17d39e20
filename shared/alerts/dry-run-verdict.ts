/** Plans a verdict without carrying it out. */
import type { AlertId } from "../contracts/alert-id.ts";
import { splitIntoMessages, type VerdictRequest } from "../contracts/alert-verdict.ts";
import type { RetryLater } from "../contracts/retry-later.ts";
import { findAlertRecord, toCloseRequest } from "./alert-record.ts";
import type { AlertDeps, AlertState, CloseRequest } from "./ports.ts";

/** The plan for one id. */
interface PlannedAlert {
  readonly alertId: string;
  readonly plannedAction: "close" | "leave" | "conflict" | "notFound";
  readonly currentState: AlertState | "unknown";
}

type DryRunResult =
  | { readonly kind: "planned"; readonly alerts: readonly PlannedAlert[] }
  | RetryLater
  | { readonly kind: "refused"; readonly message: string };

/** Plans a request with one list call per 100 ids; changes nothing. */
export async function dryRunVerdict(
  deps: AlertDeps,
  request: VerdictRequest,
): Promise<DryRunResult> {
  const expected = toCloseRequest(request);
  const alerts: PlannedAlert[] = [];
  for (const { alertIds } of splitIntoMessages(request)) {
    const reply = await deps.alerts.getStates(alertIds);
    if (reply.kind !== "answer") return reply;
    for (const alertId of alertIds)
      alerts.push(await planAlert(deps, alertId, reply.alerts.get(alertId), expected));
  }
  return { kind: "planned", alerts };
}

async function planAlert(
  deps: AlertDeps,
  alertId: AlertId,
  state: AlertState | undefined,
  expected: CloseRequest,
): Promise<PlannedAlert> {
  if (state === undefined) return { alertId, plannedAction: "notFound", currentState: "unknown" };
  const record = await findAlertRecord(deps.store, alertId);
  const isInForce =
    record !== undefined && record.state !== "reopened" && record.state !== "failed";
  if (isInForce && (record.closure !== expected.closure || record.reason !== expected.reason))
    return { alertId, plannedAction: "conflict", currentState: state };
  return { alertId, plannedAction: state === "open" ? "close" : "leave", currentState: state };
}
