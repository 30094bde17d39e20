/**
 * Handles one verdict message: records its alerts, closes them while permits last, and defers the
 * rest.
 */
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import { minuteMs, secondMs } from "../runtime/time.ts";
import { countWaiting } from "./claim-group.ts";
import { closeGroup } from "./close-group.ts";
import type { AlertDeps } from "./ports.ts";
import { recordAlertVerdicts, type WaitingAlert } from "./record-verdicts.ts";

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
  const waitSeconds = await closeMessageAlerts(deps, message);
  if (waitSeconds !== undefined) return deferMessage(deps, message, waitSeconds);
  await deps.failpoint("A10 before message delete");
  return { kind: "finished" };
}

/**
 * Records the message's verdicts and closes its alerts until all are settled or the budget is used
 * up. Alerts that an agreeing verdict was closing are decided again afterwards.
 *
 * @returns how long the message must wait, in seconds; `undefined` when all its alerts are settled
 */
async function closeMessageAlerts(
  deps: AlertDeps,
  message: VerdictMessage,
): Promise<number | undefined> {
  const deadlineMs = deps.clock.now() + budgetMs;
  let canFill = (message.deferred ?? 0) < fillWaits;
  let isIdle = false;
  while (deps.clock.now() < deadlineMs) {
    const recorded = await recordAlertVerdicts(deps, message);
    if (recorded.kind === "later") return Math.ceil(recorded.retryAfterMs / secondMs);
    const waiting = [...recorded.waiting.values()];
    if (waiting.length === 0) return undefined;
    if (isIdle) return getIdleSeconds(deps, waiting);
    for (const group of new Set(waiting.map((alert) => alert.group))) {
      if (canFill && (await isWorthFilling(deps, group))) return fillDelaySeconds;
      const batch = await closeGroup(deps, group, maxWaitMs);
      if (batch.kind === "later") return Math.ceil(batch.retryAfterMs / secondMs);
      isIdle ||= batch.kind === "idle";
    }
    canFill = false;
  }
  return 1;
}

/** Returns the delay until the first of the alerts may be in a call, in seconds. */
function getIdleSeconds(deps: AlertDeps, waiting: readonly WaitingAlert[]): number {
  const nextMs = Math.min(...waiting.map(({ notBeforeMs }) => notBeforeMs ?? 0));
  return Math.max(busyDelaySeconds, Math.ceil((nextMs - deps.clock.now()) / secondMs));
}

/** Tells whether messages behind this one may fill the call: a permit closes 1 alert or 100. */
async function isWorthFilling(deps: AlertDeps, group: string): Promise<boolean> {
  if ((await deps.queues.depth("alert-verdicts")) <= fullCallSize) return false;
  return (await countWaiting(deps, group)) < fullCallSize;
}

/**
 * Enqueues a delayed copy. Throwing would use up one of the message's five delivery attempts
 * (`maxDequeueCount`).
 */
export async function deferMessage(
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
