/**
 * Records a message's verdicts, one record and one marker per alert, before anything is closed.
 * Where an earlier verdict closed an alert, the service's state decides, not the record.
 */
import type { AlertId } from "../contracts/alert-id.ts";
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import { retryLater, type RetryLater } from "../contracts/retry-later.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { secondMs } from "../runtime/time.ts";
import { etagOf, writeRecord, type TypedRecord } from "../storage/typed-record.ts";
import {
  createWaitingRecord,
  groupOf,
  isSettled,
  markerPath,
  readAlertRecord,
  recordPath,
  toCloseRequest,
  type AlertRecord,
} from "./alert-record.ts";
import { decideByRecord, decideByState } from "./decide-verdict.ts";
import { toMessageText } from "./personal-data.ts";
import type { AlertDeps, AlertState } from "./ports.ts";
import { findOutcome, recordOutcome, type VerdictOutcome } from "./verdict-outcomes.ts";

type FoundRecord = Extract<TypedRecord<AlertRecord>, { kind: "found" }>;

/** An alert that waits for a call of its group. */
export interface WaitingAlert {
  /** The group is the record's: an agreeing earlier verdict may carry another comment. */
  readonly group: string;
  /** When the next call may include the alert, in epoch milliseconds; undefined for now. */
  readonly notBeforeMs: number | undefined;
}

/** The alerts of a message that are not settled yet. */
type RecordedVerdicts =
  | { readonly kind: "recorded"; readonly waiting: ReadonlyMap<AlertId, WaitingAlert> }
  | RetryLater;

type AlertRecordResult =
  | ({ readonly kind: "waiting" } & WaitingAlert)
  | { readonly kind: "settled" }
  | { readonly kind: "look"; readonly read: FoundRecord };

/** Records every id of a message. Safe to repeat after a crash at any line. */
export async function recordAlertVerdicts(
  deps: AlertDeps,
  message: VerdictMessage,
): Promise<RecordedVerdicts> {
  const waiting = new Map<AlertId, WaitingAlert>();
  let ids: readonly AlertId[] = message.alertIds;
  while (ids.length > 0) {
    const toLookUp = new Map<AlertId, FoundRecord>();
    await runInParallel(ids, async (id) => {
      const result = await recordAlertVerdict(deps, message, id);
      if (result.kind === "look") toLookUp.set(id, result.read);
      if (result.kind === "waiting") waiting.set(id, result);
    });
    if (toLookUp.size === 0) break;
    const reply = await deps.alerts.getStates([...toLookUp.keys()]);
    if (reply.kind === "later") return reply;
    if (reply.kind === "refused") return retryLater(refusedPauseMs);
    const changedMeanwhile: AlertId[] = [];
    await runInParallel(toLookUp, async ([id, read]) => {
      const result = await applyState(deps, message, read, reply.alerts.get(id));
      if (!result) changedMeanwhile.push(id);
      if (result?.kind === "waiting") waiting.set(id, result);
    });
    ids = changedMeanwhile;
  }
  return { kind: "recorded", waiting };
}

/** The pause after a refused list call. */
const refusedPauseMs = 30 * secondMs;

async function recordAlertVerdict(
  deps: AlertDeps,
  message: VerdictMessage,
  id: AlertId,
): Promise<AlertRecordResult> {
  for (;;) {
    const read = await readAlertRecord(deps.store, id);
    const result =
      read.kind === "found"
        ? await applyToRecord(deps, message, read)
        : await createRecord(deps, message, id, etagOf(read));
    if (result) return result;
  }
}

/** @returns `undefined` when another instance wrote first */
async function applyToRecord(
  deps: AlertDeps,
  message: VerdictMessage,
  read: FoundRecord,
): Promise<AlertRecordResult | undefined> {
  const { value: record, serverNowMs } = read;
  if (
    record.verdict !== message.id &&
    (await findOutcome(deps.store, record.alertId, message.id)) !== undefined
  )
    return { kind: "settled" };
  switch (decideByRecord(record, message.id, toCloseRequest(message), serverNowMs)) {
    case "settled":
      return { kind: "settled" };
    case "wait":
      return toWaiting(record);
    case "mark":
      return createMarker(deps, record);
    case "look":
      return { kind: "look", read };
    case "conflict":
      return recordConflict(deps, message, record, {
        outcome: "conflict",
        detail: "another verdict is being carried out; the alert was not changed",
      });
  }
}

/** @returns `undefined` when the record changed after the look, which is then out of date */
async function applyState(
  deps: AlertDeps,
  message: VerdictMessage,
  read: FoundRecord,
  state: AlertState | undefined,
): Promise<AlertRecordResult | undefined> {
  const { value: record } = read;
  const decision = decideByState(state, toCloseRequest(message), record);
  if (decision === "close") return replaceRecord(deps, message, read);
  if (decision.outcome === "conflict") return recordConflict(deps, message, record, decision);
  await recordOutcome(
    deps.store,
    { alertId: record.alertId, verdict: message.id },
    decision,
    deps.clock.now(),
  );
  return { kind: "settled" };
}

/**
 * Creates the record of an alert.
 *
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

/** Replaces the record of an earlier verdict, whose outcome is stored first. */
async function replaceRecord(
  deps: AlertDeps,
  message: VerdictMessage,
  { value: record, etag }: FoundRecord,
): Promise<AlertRecordResult | undefined> {
  const { alertId, detail, state, verdict } = record;
  if (isSettled(record) && state !== "waiting" && state !== "sending")
    await recordOutcome(
      deps.store,
      { alertId, verdict },
      { outcome: state, detail },
      deps.clock.now(),
    );
  const fresh = createWaitingRecord(alertId as AlertId, message, deps.clock.now());
  return writeWaitingRecord(deps, { ...fresh, former: verdict }, etag);
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

const toWaiting = (record: AlertRecord): AlertRecordResult => ({
  kind: "waiting",
  group: groupOf(record),
  notBeforeMs: record.notBeforeMs,
});

/** Creates the marker by which the next call of the group finds the alert. A claim removes it. */
async function createMarker(deps: AlertDeps, record: AlertRecord): Promise<AlertRecordResult> {
  await deps.store.create(markerPath(groupOf(record), record.alertId), {});
  return toWaiting(record);
}

async function recordConflict(
  deps: AlertDeps,
  message: VerdictMessage,
  record: AlertRecord,
  outcome: VerdictOutcome,
): Promise<AlertRecordResult> {
  const { closure, reason } = toCloseRequest(message);
  // The audit comes first: a crash in between writes it twice, never zero times.
  await deps.writeAudit({
    kind: "conflict",
    call: deps.newId(),
    action: "close",
    closure,
    reason,
    alertIds: [record.alertId],
    verdicts: [message.id],
    texts: await deps.storeTexts([toMessageText(message)]),
    former: record.verdict,
  });
  await recordOutcome(
    deps.store,
    { alertId: record.alertId, verdict: message.id },
    outcome,
    deps.clock.now(),
  );
  return { kind: "settled" };
}
