/** Reopens the alerts that a verdict closed. */
import type { AlertId } from "../contracts/alert-id.ts";
import { maxAlertsPerMessage, type AlertStatus } from "../contracts/alert-verdict.ts";
import { retryLater, type RetryLater } from "../contracts/retry-later.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { minuteMs } from "../runtime/time.ts";
import { readAlertRecord, recordPath } from "./alert-record.ts";
import type { Claim } from "./claim-group.ts";
import type { AlertDeps } from "./ports.ts";
import { findRequestRecord, type RequestRecord } from "./request-record.ts";
import { alertIdOf } from "./settle-claims.ts";
import { readVerdictStatus } from "./verdict-status.ts";

type UndoResult =
  | { readonly kind: "reopened"; readonly alerts: readonly AlertStatus[] }
  | { readonly kind: "unknownVerdict" }
  | RetryLater;

/**
 * Reopens the alerts that a request closed. Best effort: the call is undocumented. Alerts that the
 * request did not close itself are not changed.
 */
export async function undoVerdict(deps: AlertDeps, id: string): Promise<UndoResult> {
  const request = await findRequestRecord(deps.store, id);
  if (!request) return { kind: "unknownVerdict" };
  const closedRecords: Pick<Claim, "record" | "etag">[] = [];
  await runInParallel(request.alertIds, async (alertId) => {
    const read = await readAlertRecord(deps.store, alertId);
    if (read.kind === "found" && read.value.verdict === id && read.value.state === "closed")
      closedRecords.push({ record: read.value, etag: read.etag });
  });
  for (let start = 0; start < closedRecords.length; start += maxAlertsPerMessage) {
    const batch = closedRecords.slice(start, start + maxAlertsPerMessage);
    const wait = await reopenBatch(deps, batch, request);
    if (wait) return wait;
  }
  return { kind: "reopened", alerts: (await readVerdictStatus(deps, id))?.alerts ?? [] };
}

/**
 * @returns `RetryLater` when the call got no usable answer; the records stay closed and the undo
 *   may be repeated
 */
async function reopenBatch(
  deps: AlertDeps,
  closedRecords: readonly Pick<Claim, "record" | "etag">[],
  request: RequestRecord,
): Promise<RetryLater | undefined> {
  const ids: readonly AlertId[] = closedRecords.map(alertIdOf);
  const auditFields = {
    call: deps.newId(),
    action: "reopen",
    closure: request.closure,
    alertIds: ids,
    verdicts: [request.id],
    requestedBy: [request.requestedBy],
  } as const;
  await deps.writeAudit({ kind: "intent", ...auditFields });
  const reply = await deps.alerts.reopen(ids, undefined);
  if (reply.kind !== "answer") {
    await deps.writeAudit({ kind: "outcome", ...auditFields, outcomes: { [reply.kind]: ids } });
    return reply.kind === "later" ? reply : retryLater(minuteMs);
  }
  await runInParallel(closedRecords, async ({ record, etag }) => {
    await deps.store.replace(
      recordPath(record.alertId),
      { ...record, state: "reopened", detail: "reopened on request" },
      etag,
    );
  });
  await deps.writeAudit({ kind: "outcome", ...auditFields, outcomes: { reopened: ids } });
  return undefined;
}
