/**
 * Receives the messages of the queue `alert-verdicts`. The app's own messages carry a seal; those
 * of other writers, who proved no more than their right on the queue, are recorded, audited and
 * counted first.
 */
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import type { DeadLetterReason } from "../contracts/dead-letter.ts";
import { secondMs } from "../runtime/time.ts";
import { dailyLimitPath, takeFromDailyCount } from "../storage/daily-limit.ts";
import { etagOf, writeRecord } from "../storage/typed-record.ts";
import { deferMessage, handleVerdictMessage } from "./handle-verdict-message.ts";
import { toMessageText } from "./personal-data.ts";
import type { AlertDeps } from "./ports.ts";
import {
  createRequestRecord,
  readRequestRecord,
  requestPath,
  type RequestRecord,
} from "./request-record.ts";
import { digestOf } from "./submit-verdict.ts";
import { toCloseRequest } from "./alert-record.ts";

/** What messages without a seal may do. */
export interface UnsealedPolicy {
  readonly isAllowed: boolean;
  /** Alerts of a UTC day. */
  readonly maxAlertsPerDay: number;
}

export interface ReceivingDeps extends AlertDeps {
  /** Tells whether the app wrote the message. */
  readonly isSealed: (message: VerdictMessage) => Promise<boolean>;
  readonly unsealed: () => UnsealedPolicy;
}

/** Why a message is not carried out. */
interface MessageRefusal {
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

/**
 * The source of requests that arrived without a seal. No webhook can have this name, so no webhook
 * shares its count.
 */
export const unsealedSource = "queue/unsealed";

/** Handles a message. @returns why it is not carried out, if it is not */
export async function receiveVerdictMessage(
  deps: ReceivingDeps,
  message: VerdictMessage,
): Promise<MessageRefusal | undefined> {
  const waitMs = await deps.readyInMs();
  if (waitMs > 0) {
    await deferMessage(deps, message, Math.ceil(waitMs / secondMs));
    return undefined;
  }
  if (!(await deps.isSealed(message))) {
    const refusal = await admitUnsealedMessage(deps, message);
    if (refusal) return refusal;
  }
  await handleVerdictMessage(deps, message);
  return undefined;
}

/**
 * Admits a message without a seal: counts its alerts and records it like a request over HTTP, so
 * that its status can be read and it can be undone. A repetition counts nothing.
 */
async function admitUnsealedMessage(
  deps: ReceivingDeps,
  message: VerdictMessage,
): Promise<MessageRefusal | undefined> {
  const { isAllowed, maxAlertsPerDay } = deps.unsealed();
  if (!isAllowed) return refuseUnsealed();
  const read = await readRequestRecord(deps.store, message.id);
  if (read.kind === "invalid") return refuseId();
  const existing = read.kind === "found" ? read.value : undefined;
  const added = findAddedAlerts(existing, message);
  if (added === "other") return refuseId();
  if (added.length === 0) return undefined;
  const path = dailyLimitPath(unsealedSource, deps.clock.now());
  const taken = await takeFromDailyCount(deps.store, path, maxAlertsPerDay, (remaining) =>
    added.length <= remaining ? added.length : 0,
  );
  if (taken === 0) return refuseForToday(maxAlertsPerDay);
  await auditAdmission(deps, message, added);
  const record: RequestRecord = {
    ...(existing ??
      createRequestRecord(message, digestOf(message), unsealedSource, deps.clock.now())),
    alertIds: [...(existing?.alertIds ?? []), ...added],
    enqueued: true,
  };
  const written = await writeRecord(deps.store, requestPath(message.id), record, etagOf(read));
  return written.kind === "written" ? undefined : admitUnsealedMessage(deps, message);
}

const refuseUnsealed = (): MessageRefusal => ({
  reason: "unsealed",
  detail:
    "Messages of other writers are refused (ALLOW_UNSEALED_VERDICTS is false). Send the verdict to POST /api/alerts/verdicts.",
});

const refuseId = (): MessageRefusal => ({
  reason: "permanent",
  detail: "/id: must be new: it was used for another verdict.",
});

const refuseForToday = (maxAlertsPerDay: number): MessageRefusal => ({
  reason: "dailyLimit",
  detail: `The ${maxAlertsPerDay} alerts that messages of other writers may close in a day are used up (MAX_UNSEALED_ALERTS_PER_DAY). Replay the message on another day.`,
});

/**
 * Returns the alerts of a message that its request does not have yet; `other` when the id belongs
 * to another verdict. A sender may split a verdict into messages of 100 alerts under one id.
 */
function findAddedAlerts(
  existing: RequestRecord | undefined,
  message: VerdictMessage,
): readonly string[] | "other" {
  if (!existing) return message.alertIds;
  const isSame =
    existing.closure === toCloseRequest(message).closure &&
    existing.requestedBy === message.requestedBy;
  const added = message.alertIds.filter((id) => !existing.alertIds.includes(id));
  return isSame && (added.length === 0 || existing.source === unsealedSource) ? added : "other";
}

/** Audits where the message came from: `requestedBy` is a claim of its writer. */
async function auditAdmission(
  deps: ReceivingDeps,
  message: VerdictMessage,
  alertIds: readonly string[],
): Promise<void> {
  const { closure, reason } = toCloseRequest(message);
  await deps.writeAudit({
    kind: "unsealed",
    call: deps.newId(),
    action: "close",
    closure,
    reason,
    alertIds,
    verdicts: [message.id],
    texts: await deps.storeTexts([toMessageText(message)]),
    detail: "accepted from the queue without a seal",
  });
}
