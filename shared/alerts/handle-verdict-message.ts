/**
 * Handles one verdict message: records its alerts, closes them while permits last, and defers the
 * rest.
 */
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { minuteMs, secondMs } from "../runtime/time.ts";
import { findAlertRecord, isSettled } from "./alert-record.ts";
import { countWaiting } from "./claim-group.ts";
import { closeGroup } from "./close-group.ts";
import type { AlertDeps } from "./ports.ts";
import { recordAlertVerdicts } from "./record-verdicts.ts";

/** The result of a message. `deferred`: a delayed copy is on the queue, and this one is done. */
type VerdictMessageResult =
  | { readonly kind: "finished" }
  | { readonly kind: "deferred"; readonly delaySeconds: number };

/** How long one message is worked on before a copy goes back to the queue. */
const budgetMs = minuteMs;
const maxWaitMs = 2 * secondMs;
/** When the queue is deep, a partial batch waits up to `fillWaits` × `fillDelaySeconds` to fill. */
const fillWaits = 3;
const fillDelaySeconds = 10;
const fullCallSize = 100;
/** The delay when another instance is closing this message's alerts: its call takes seconds. */
const busyDelaySeconds = 5;
const maxDelaySeconds = 15 * 60;

/** Handles one message. Faults of Cloud Apps and Key Vault defer it; only storage faults throw. */
export async function handleVerdictMessage(
  deps: AlertDeps,
  message: VerdictMessage,
): Promise<VerdictMessageResult> {
  await deps.failpoint("A1 dequeued");
  const waitMs = await deps.readyInMs();
  if (waitMs > 0) return deferMessage(deps, message, Math.ceil(waitMs / secondMs));
  const deadlineMs = deps.clock.now() + budgetMs;
  const groups = new Map<string, string[]>();
  for (const [id, result] of await recordAlertVerdicts(deps, message))
    if (result.kind === "waiting")
      groups.set(result.group, [...(groups.get(result.group) ?? []), id]);
  for (const [group, ids] of groups) {
    const canFill = (message.deferred ?? 0) < fillWaits;
    const waitSeconds =
      canFill && (await isWorthFilling(deps, group))
        ? fillDelaySeconds
        : await closeMessageAlerts(deps, group, ids, deadlineMs);
    if (waitSeconds !== undefined) return deferMessage(deps, message, waitSeconds);
  }
  await deps.failpoint("A10 before message delete");
  return { kind: "finished" };
}

/**
 * @returns how long the message must wait, in seconds; `undefined` when all its alerts of the group
 *   are settled
 */
async function closeMessageAlerts(
  deps: AlertDeps,
  group: string,
  ids: readonly string[],
  deadlineMs: number,
): Promise<number | undefined> {
  while (deps.clock.now() < deadlineMs) {
    const batch = await closeGroup(deps, group, maxWaitMs);
    if (batch.kind === "later") return Math.ceil(batch.retryAfterMs / secondMs);
    if (await areAllSettled(deps, ids)) return undefined;
    if (batch.kind === "idle") return busyDelaySeconds;
  }
  return 1;
}

/** Tells whether messages behind this one may fill the call: a permit closes 1 alert or 100. */
async function isWorthFilling(deps: AlertDeps, group: string): Promise<boolean> {
  if ((await deps.queues.depth("alert-verdicts")) <= fullCallSize) return false;
  return (await countWaiting(deps, group)) < fullCallSize;
}

async function areAllSettled(deps: AlertDeps, ids: readonly string[]): Promise<boolean> {
  let settledCount = 0;
  await runInParallel(ids, async (id) => {
    const record = await findAlertRecord(deps.store, id);
    if (record && isSettled(record)) settledCount += 1;
  });
  return settledCount === ids.length;
}

/**
 * Enqueues a delayed copy. Throwing would use up one of the message's five delivery attempts
 * (`maxDequeueCount`).
 */
async function deferMessage(
  deps: AlertDeps,
  message: VerdictMessage,
  requestedSeconds: number,
): Promise<VerdictMessageResult> {
  const delaySeconds = Math.min(Math.max(requestedSeconds, 1), maxDelaySeconds);
  await deps.queues.send(
    "alert-verdicts",
    { ...message, deferred: (message.deferred ?? 0) + 1 },
    { delaySeconds },
  );
  await deps.failpoint("A9 deferred copy enqueued");
  return { kind: "deferred", delaySeconds };
}
