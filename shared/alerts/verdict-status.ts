/** Reads the status of a verdict: one outcome per alert, each of this verdict. */
import type { AlertStatus } from "../contracts/alert-verdict.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { findAlertRecord, type AlertRecord } from "./alert-record.ts";
import type { AlertDeps } from "./ports.ts";
import { findRequestRecord } from "./request-record.ts";
import { findOutcome } from "./verdict-outcomes.ts";

/** A request's status: `id` as sent, one outcome per alert id, in the order of the request. */
interface VerdictStatus {
  readonly id: string;
  readonly closure: string;
  /** Null when it was erased. */
  readonly requestedBy: string | null;
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
    requestedBy: requestedBy || null,
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
  return alertIds.map((alertId) => statuses.get(alertId) ?? createWaitingStatus(alertId));
}

/**
 * The record is read first: a verdict stores the outcome of the former one before it replaces the
 * record.
 */
async function readAlertStatus(
  { store }: Pick<AlertDeps, "store">,
  alertId: string,
  verdict: string,
): Promise<AlertStatus> {
  const record = await findAlertRecord(store, alertId);
  if (record?.verdict === verdict) return toAlertStatus(record);
  const stored = await findOutcome(store, alertId, verdict);
  return stored
    ? { alertId, outcome: stored.outcome, detail: stored.detail ?? null }
    : createWaitingStatus(alertId);
}

const createWaitingStatus = (alertId: string, detail: string | null = null): AlertStatus => ({
  alertId,
  outcome: "waiting",
  detail,
});

function toAlertStatus({ alertId, blockedSinceMs, detail, state }: AlertRecord): AlertStatus {
  if (state !== "waiting" && state !== "sending")
    return { alertId, outcome: state, detail: detail ?? null };
  if (detail === undefined || blockedSinceMs === undefined) return createWaitingStatus(alertId);
  const since = new Date(blockedSinceMs).toISOString();
  return createWaitingStatus(alertId, `${detail} (since ${since})`);
}
