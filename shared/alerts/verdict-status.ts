/** Reads the status of a verdict: one outcome per alert. */
import type { AlertStatus } from "../contracts/alert-verdict.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { conflictPath, findAlertRecord } from "./alert-record.ts";
import type { AlertDeps } from "./ports.ts";
import { findRequestRecord } from "./request-record.ts";

/** A request's status: `id` as sent, one outcome per alert id, in the order of the request. */
interface VerdictStatus {
  readonly id: string;
  readonly closure: string;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly done: boolean;
  readonly alerts: readonly AlertStatus[];
}

/** Reads a request's status; `undefined` when no request with this id was accepted. */
export async function readVerdictStatus(
  deps: Pick<AlertDeps, "store">,
  id: string,
): Promise<VerdictStatus | undefined> {
  const request = await findRequestRecord(deps.store, id);
  if (!request) return undefined;
  const alerts = await readAlertStatuses(deps, id, request.alertIds);
  const { closure, requestedBy, requestedAt } = request;
  return {
    id,
    closure,
    requestedBy,
    requestedAt,
    done: alerts.every(({ outcome }) => outcome !== "waiting"),
    alerts,
  };
}

/** Reads the status of each alert of a verdict, in the order given. */
export async function readAlertStatuses(
  deps: Pick<AlertDeps, "store">,
  verdict: string,
  alertIds: readonly string[],
): Promise<AlertStatus[]> {
  const statuses = new Map<string, AlertStatus>();
  await runInParallel(alertIds, async (alertId) => {
    statuses.set(alertId, await readAlertStatus(deps, alertId, verdict));
  });
  return alertIds.map(
    (alertId) => statuses.get(alertId) ?? { alertId, outcome: "waiting" as const },
  );
}

async function readAlertStatus(
  deps: Pick<AlertDeps, "store">,
  alertId: string,
  verdict: string,
): Promise<AlertStatus> {
  const conflict = await deps.store.read(conflictPath(alertId, verdict));
  if (conflict.kind !== "absent")
    return {
      alertId,
      outcome: "conflict",
      detail: "another verdict is in force; the alert was not changed",
    };
  const record = await findAlertRecord(deps.store, alertId);
  if (!record) return { alertId, outcome: "waiting" };
  const outcome = record.state === "sending" ? "waiting" : record.state;
  if (record.verdict === verdict || outcome === "waiting")
    return { alertId, outcome, detail: record.detail };
  return { alertId, outcome, detail: record.detail ?? `by the earlier verdict ${record.verdict}` };
}
