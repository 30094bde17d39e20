/** Records a message's verdicts, one record and one marker per alert, before anything is closed. */
import type { AlertId } from "../contracts/alert-id.ts";
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { etagOf, writeRecord, type TypedRecord } from "../storage/typed-record.ts";
import {
  conflictPath,
  createWaitingRecord,
  groupOf,
  isClaimed,
  isSameVerdict,
  isSettled,
  markerPath,
  readAlertRecord,
  recordPath,
  toCloseRequest,
  type AlertRecord,
} from "./alert-record.ts";
import type { AlertDeps } from "./ports.ts";

/** The result of recording one id. */
type AlertRecordResult =
  /** The group is the record's: an agreeing earlier verdict may carry another comment. */
  | { readonly kind: "waiting"; readonly group: string }
  | { readonly kind: "settled" }
  | { readonly kind: "conflict" };

/** Records every id of a message. Safe to repeat after a crash at any line. */
export async function recordAlertVerdicts(
  deps: AlertDeps,
  message: VerdictMessage,
): Promise<Map<AlertId, AlertRecordResult>> {
  const results = new Map<AlertId, AlertRecordResult>();
  await runInParallel(message.alertIds, async (id) => {
    results.set(id, await recordAlertVerdict(deps, message, id));
  });
  return results;
}

async function recordAlertVerdict(
  deps: AlertDeps,
  message: VerdictMessage,
  id: AlertId,
): Promise<AlertRecordResult> {
  for (;;) {
    const read = await readAlertRecord(deps.store, id);
    const result =
      read.kind === "found"
        ? await applyToRecord(deps, message, id, read)
        : await createRecord(deps, message, id, etagOf(read));
    if (result) return result;
  }
}

type FoundRecord = Extract<TypedRecord<AlertRecord>, { kind: "found" }>;

/** @returns `undefined` when another instance wrote first */
async function applyToRecord(
  deps: AlertDeps,
  message: VerdictMessage,
  id: AlertId,
  { value: record, etag, serverNowMs }: FoundRecord,
): Promise<AlertRecordResult | undefined> {
  switch (decideAction(record, message, serverNowMs)) {
    case "settled":
      return { kind: "settled" };
    case "wait":
      return { kind: "waiting", group: groupOf(record) };
    case "mark":
      return createMarker(deps, record);
    case "conflict":
      return recordConflict(deps, message, id, record);
    case "overwrite": {
      const fresh = createWaitingRecord(id, message, deps.clock.now());
      return writeWaitingRecord(deps, { ...fresh, former: record.verdict }, etag);
    }
  }
}

/**
 * @param etag - of an invalid record, which is never taken for absent: a try may have been made, so
 *   the next one looks
 */
async function createRecord(
  deps: AlertDeps,
  message: VerdictMessage,
  id: AlertId,
  etag: string | undefined,
): Promise<AlertRecordResult | undefined> {
  const fresh = createWaitingRecord(id, message, deps.clock.now());
  return writeWaitingRecord(deps, etag === undefined ? fresh : { ...fresh, inDoubt: true }, etag);
}

async function writeWaitingRecord(
  deps: AlertDeps,
  record: AlertRecord,
  etag: string | undefined,
): Promise<AlertRecordResult | undefined> {
  const { kind } = await writeRecord(deps.store, recordPath(record.alertId), record, etag);
  if (kind === "lost") return undefined;
  await deps.failpoint("A2 intent record created");
  return createMarker(deps, record);
}

/** Decides what a verdict does to an alert that already has a record. */
function decideAction(
  record: AlertRecord,
  message: VerdictMessage,
  nowMs: number,
): "settled" | "wait" | "mark" | "conflict" | "overwrite" {
  if (record.state === "reopened") return record.verdict === message.id ? "settled" : "overwrite";
  if (!isSameVerdict(record, toCloseRequest(message))) return "conflict";
  // A failed verdict never took effect, so a new id may ask for it again.
  if (record.state === "failed" && record.verdict !== message.id) return "overwrite";
  if (isSettled(record)) return "settled";
  return isClaimed(record, nowMs) ? "wait" : "mark";
}

/** Creates the marker by which the next call of the group finds the alert. A claim removes it. */
async function createMarker(deps: AlertDeps, record: AlertRecord): Promise<AlertRecordResult> {
  const group = groupOf(record);
  await deps.store.create(markerPath(group, record.alertId), {});
  return { kind: "waiting", group };
}

async function recordConflict(
  deps: AlertDeps,
  message: VerdictMessage,
  id: AlertId,
  record: AlertRecord,
): Promise<AlertRecordResult> {
  const request = toCloseRequest(message);
  const conflict = {
    version: 1,
    alertId: id,
    verdict: message.id,
    requestedBy: message.requestedBy,
    closure: request.closure,
    reason: request.reason,
    inForce: {
      verdict: record.verdict,
      closure: record.closure,
      reason: record.reason,
      state: record.state,
    },
    atMs: deps.clock.now(),
  };
  const path = conflictPath(id, message.id);
  // The audit comes first: a crash in between writes it twice, never zero times.
  if ((await deps.store.read(path)).kind === "absent") {
    await deps.writeAudit({
      kind: "conflict",
      call: deps.newId(),
      action: "close",
      closure: request.closure,
      reason: request.reason,
      alertIds: [id],
      verdicts: [message.id],
      requestedBy: [message.requestedBy],
      former: record.verdict,
    });
    await deps.store.create(path, conflict);
  }
  return { kind: "conflict" };
}
