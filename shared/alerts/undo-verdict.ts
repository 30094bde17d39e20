/** Reopens the alerts that a verdict closed and that Cloud Apps still shows as it closed them. */
import type { AlertId } from "../contracts/alert-id.ts";
import { maxAlertsPerMessage, type AlertStatus } from "../contracts/alert-verdict.ts";
import { retryLater, type RetryLater } from "../contracts/retry-later.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { minuteMs } from "../runtime/time.ts";
import { readAlertRecord, recordPath } from "./alert-record.ts";
import type { Claim } from "./claim-group.ts";
import { toUndoText } from "./personal-data.ts";
import type { AlertDeps, AlertStatesReply } from "./ports.ts";
import { findRequestRecord, type RequestRecord } from "./request-record.ts";
import { alertIdOf } from "./settle-claims.ts";
import { recordOutcome } from "./verdict-outcomes.ts";
import { readVerdictStatus } from "./verdict-status.ts";

type UndoResult =
  | { readonly kind: "reopened"; readonly alerts: readonly AlertStatus[] }
  | { readonly kind: "unknownVerdict" }
  | RetryLater;

type ClosedRecord = Pick<Claim, "record" | "etag">;
type AlertStates = Extract<AlertStatesReply, { kind: "answer" }>["alerts"];

/** A reopening, as it is recorded in the audit log. */
interface Reopening {
  readonly request: RequestRecord;
  /** The person who asks for the reopening. */
  readonly requestedBy: string;
}

/**
 * Reopens the alerts that a request closed. Best effort: the call is undocumented. Alerts that the
 * request did not close itself, or that were closed otherwise since, are not changed.
 */
export async function undoVerdict(
  deps: AlertDeps,
  id: string,
  requestedBy: string,
): Promise<UndoResult> {
  const request = await findRequestRecord(deps.store, id);
  if (!request) return { kind: "unknownVerdict" };
  const closedRecords: ClosedRecord[] = [];
  await runInParallel(request.alertIds, async (alertId) => {
    const read = await readAlertRecord(deps.store, alertId);
    if (read.kind === "found" && read.value.verdict === id && read.value.state === "closed")
      closedRecords.push({ record: read.value, etag: read.etag });
  });
  for (let start = 0; start < closedRecords.length; start += maxAlertsPerMessage) {
    const batch = closedRecords.slice(start, start + maxAlertsPerMessage);
    const wait = await reopenBatch(deps, batch, { request, requestedBy });
    if (wait) return wait;
  }
  return { kind: "reopened", alerts: (await readVerdictStatus(deps, id))?.alerts ?? [] };
}

/** Looks up alerts; a refused look is repeated later. */
async function lookUpAlerts(
  deps: AlertDeps,
  records: readonly ClosedRecord[],
): Promise<AlertStates | RetryLater> {
  const reply = await deps.alerts.getStates(records.map(alertIdOf));
  if (reply.kind === "answer") return reply.alerts;
  return retryLater(reply.kind === "later" ? reply.retryAfterMs : minuteMs);
}

/**
 * @returns `RetryLater` when a call got no usable answer; the records stay closed and the undo may
 *   be repeated
 */
async function reopenBatch(
  deps: AlertDeps,
  closedRecords: readonly ClosedRecord[],
  reopening: Reopening,
): Promise<RetryLater | undefined> {
  const states = await lookUpAlerts(deps, closedRecords);
  if ("kind" in states) return states;
  const isOpen = (record: ClosedRecord): boolean => states.get(alertIdOf(record)) === "open";
  await recordReopened(deps, closedRecords.filter(isOpen), "found open at the request to reopen");
  const toReopen = closedRecords.filter(
    ({ record }) => states.get(alertIdOf({ record })) === record.closure,
  );
  return toReopen.length === 0 ? undefined : reopenRecords(deps, toReopen, reopening);
}

async function reopenRecords(
  deps: AlertDeps,
  records: readonly ClosedRecord[],
  { request, requestedBy }: Reopening,
): Promise<RetryLater | undefined> {
  const ids: readonly AlertId[] = records.map(alertIdOf);
  const auditFields = {
    call: deps.newId(),
    action: "reopen",
    closure: request.closure,
    alertIds: ids,
    verdicts: [request.id],
    texts: await deps.storeTexts([toUndoText(request.id, requestedBy)]),
  } as const;
  const audit = (outcomes: Readonly<Record<string, readonly string[]>>, detail?: string) =>
    deps.writeAudit({ kind: "outcome", ...auditFields, outcomes, detail });
  await deps.writeAudit({ kind: "intent", ...auditFields });
  const reply = await deps.alerts.reopen(ids, undefined);
  if (reply.kind !== "answer") {
    await audit({ [reply.kind]: ids }, reply.kind === "later" ? reply.reason : reply.message);
    return retryLater(reply.kind === "later" ? reply.retryAfterMs : minuteMs);
  }
  let reopened = records;
  if (reply.changed !== ids.length || reply.notFound.length > 0) {
    const states = await lookUpAlerts(deps, records);
    if ("kind" in states) {
      await audit({ unknown: ids });
      return states;
    }
    reopened = records.filter((record) => states.get(alertIdOf(record)) === "open");
  }
  await recordReopened(deps, reopened, "reopened on request");
  const unchanged = records.filter((record) => !reopened.includes(record));
  await audit({ reopened: reopened.map(alertIdOf), unchanged: unchanged.map(alertIdOf) });
  return undefined;
}

/** Records reopened alerts; where a later verdict has the record, among the outcomes. */
async function recordReopened(
  deps: AlertDeps,
  records: readonly ClosedRecord[],
  detail: string,
): Promise<void> {
  await runInParallel(records, async ({ record, etag }) => {
    const { alertId, verdict } = record;
    const next = { ...record, state: "reopened", detail };
    const { kind } = await deps.store.replace(recordPath(alertId), next, etag);
    if (kind === "lost")
      await recordOutcome(
        deps.store,
        { alertId, verdict },
        { outcome: "reopened", detail },
        deps.clock.now(),
      );
  });
}
