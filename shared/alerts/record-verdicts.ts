/** First half of the desk: write down what was asked, one record and one marker per alert, before anything is closed. */
import type { AlertId } from "../contracts/alert-id.ts";
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import {
  agrees,
  alertRecord,
  closingOf,
  conflictPath,
  groupOf,
  isHeld,
  isSettled,
  markerPath,
  recordPath,
  waitingRecord,
  type AlertRecord,
} from "./alert-record.ts";
import type { VerdictDesk } from "./ports.ts";
import { inParallel } from "../runtime/concurrency.ts";

/** What writing one id down came to. */
export type Noted =
  /** The group is the record's: an agreeing earlier verdict may carry another comment. */
  | { readonly kind: "waiting"; readonly group: string }
  | { readonly kind: "settled" }
  | { readonly kind: "conflict" };

/** Writes down every id of a message; safe to repeat after a crash at any line. */
export async function writeDown(
  desk: VerdictDesk,
  message: VerdictMessage,
): Promise<Map<AlertId, Noted>> {
  const noted = new Map<AlertId, Noted>();
  await inParallel(message.alertIds, async (id) => {
    noted.set(id, await noteOne(desk, message, id));
  });
  return noted;
}

async function noteOne(desk: VerdictDesk, message: VerdictMessage, id: AlertId): Promise<Noted> {
  const fresh = waitingRecord(id, message, desk.clock.now());
  const path = recordPath(id);
  for (;;) {
    const read = await desk.store.read(path);
    if (read.kind === "absent") {
      const { kind } = await desk.store.create(path, fresh);
      if (kind === "lost") continue;
      await desk.reach("A2 intent record created");
      return mark(desk, fresh);
    }
    const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
    const decided = decide(record, message, read.serverNowMs);
    if (decided === "settled") return { kind: "settled" };
    if (decided === "wait" && record) return { kind: "waiting", group: groupOf(record) };
    if (decided === "mark" && record) return mark(desk, record);
    if (decided === "conflict" && record) return recordConflict(desk, message, id, record);
    // A record that cannot be read is never taken for absent: a try may have been made, so the next one looks first.
    const successor: AlertRecord = record
      ? { ...fresh, former: record.verdict }
      : { ...fresh, inDoubt: true };
    if ((await desk.store.replace(path, successor, read.etag)).kind === "written")
      return mark(desk, successor);
  }
}

/** What a verdict means for an alert that already has a record. */
function decide(
  record: AlertRecord | undefined,
  message: VerdictMessage,
  nowMs: number,
): "settled" | "wait" | "mark" | "conflict" | "overwrite" {
  if (!record) return "overwrite";
  if (record.state === "reopened") return record.verdict === message.id ? "settled" : "overwrite";
  if (!agrees(record, closingOf(message))) return "conflict";
  // A failed verdict may be asked for again under a new id: it never took effect.
  if (record.state === "failed" && record.verdict !== message.id) return "overwrite";
  if (isSettled(record)) return "settled";
  return isHeld(record, nowMs) ? "wait" : "mark";
}

/** Makes the alert found by whoever gets the next turn. Markers stand for free alerts: a claim takes its marker away. */
async function mark(desk: VerdictDesk, record: AlertRecord): Promise<Noted> {
  const group = groupOf(record);
  await desk.store.create(markerPath(group, record.alertId), {});
  return { kind: "waiting", group };
}

async function recordConflict(
  desk: VerdictDesk,
  message: VerdictMessage,
  id: AlertId,
  record: AlertRecord,
): Promise<Noted> {
  const wanted = closingOf(message);
  const conflict = {
    version: 1,
    alertId: id,
    verdict: message.id,
    requestedBy: message.requestedBy,
    closure: wanted.closure,
    reason: wanted.reason,
    inForce: {
      verdict: record.verdict,
      closure: record.closure,
      reason: record.reason,
      state: record.state,
    },
    atMs: desk.clock.now(),
  };
  const path = conflictPath(id, message.id);
  // The audit first: a death in between tells it twice, the other way round never.
  if ((await desk.store.read(path)).kind === "absent") {
    await desk.audit({
      kind: "conflict",
      call: desk.newId(),
      action: "close",
      closure: wanted.closure,
      reason: wanted.reason,
      alertIds: [id],
      verdicts: [message.id],
      requestedBy: [message.requestedBy],
      former: record.verdict,
    });
    await desk.store.create(path, conflict);
  }
  return { kind: "conflict" };
}
