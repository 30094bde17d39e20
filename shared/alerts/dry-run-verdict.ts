/** Plans a verdict without carrying it out, by the decisions of the queue function. */
import type { AlertId } from "../contracts/alert-id.ts";
import { splitIntoMessages, type VerdictRequest } from "../contracts/alert-verdict.ts";
import type { RetryLater } from "../contracts/retry-later.ts";
import { readAlertRecord, toCloseRequest } from "./alert-record.ts";
import { decideByRecord, decideByState } from "./decide-verdict.ts";
import type { AlertDeps, AlertState } from "./ports.ts";

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
  const alerts: PlannedAlert[] = [];
  for (const { alertIds } of splitIntoMessages(request)) {
    const reply = await deps.alerts.getStates(alertIds);
    if (reply.kind !== "answer") return reply;
    for (const alertId of alertIds) {
      const state = reply.alerts.get(alertId);
      const plannedAction = await planAlert(deps, alertId, state, request);
      alerts.push({ alertId, plannedAction, currentState: state ?? "unknown" });
    }
  }
  return { kind: "planned", alerts };
}

async function planAlert(
  deps: AlertDeps,
  alertId: AlertId,
  state: AlertState | undefined,
  request: VerdictRequest,
): Promise<PlannedAlert["plannedAction"]> {
  const expected = toCloseRequest(request);
  const read = await readAlertRecord(deps.store, alertId);
  const record = read.kind === "found" ? read.value : undefined;
  const byRecord = record && decideByRecord(record, request.id, expected, read.serverNowMs);
  if (byRecord === "conflict") return "conflict";
  if (byRecord === "settled") return "leave";
  const byState = decideByState(state, expected, byRecord === "look" ? record : undefined);
  if (byState === "close") return "close";
  return byState.outcome === "conflict" || byState.outcome === "notFound"
    ? byState.outcome
    : "leave";
}
