/** One queue message at the desk: write down, close while turns last, go back to wait for the rest. Never throws for the outside's sake. */
import type { VerdictMessage } from "../contracts/alert-verdict.ts";
import { minuteMs, secondMs } from "../runtime/time.ts";
import { alertRecord, isSettled, recordPath } from "./alert-record.ts";
import { countWaiting } from "./claim-group.ts";
import { closeGroup } from "./close-group.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import type { AlertDeps } from "./ports.ts";
import { recordAlertVerdicts } from "./record-verdicts.ts";

/** What became of the message. `deferred`: a copy waits on the queue, this one is done with. */
export type VerdictMessageResult =
  | { readonly kind: "finished" }
  | { readonly kind: "deferred"; readonly delaySeconds: number };

/** A message is worked on for so long; then a copy goes back. */
const budgetMs = minuteMs;
const maxWaitMs = 2 * secondMs;
/** Behind a deep queue a short batch waits so often, so long, for the call to fill. */
const fillWaits = 3;
const fillDelaySeconds = 10;
const fullCallSize = 100;
/** Others hold this message's alerts: their call and its accounting take seconds. */
const othersDelaySeconds = 5;
const maxDelaySeconds = 15 * 60;

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
    const waitSeconds = await closeMessageAlerts(deps, message, group, ids, deadlineMs);
    if (waitSeconds !== undefined) return deferMessage(deps, message, waitSeconds);
  }
  await deps.failpoint("A10 before message delete");
  return { kind: "finished" };
}

/** @returns how long the message had better wait, in seconds; `undefined` when all its alerts of the group are settled */
async function closeMessageAlerts(
  deps: AlertDeps,
  message: VerdictMessage,
  group: string,
  ids: readonly string[],
  deadlineMs: number,
): Promise<number | undefined> {
  if (await shouldWaitToFill(deps, message, group)) return fillDelaySeconds;
  while (deps.clock.now() < deadlineMs) {
    const batch = await closeGroup(deps, group, maxWaitMs);
    if (batch.kind === "later") return Math.ceil(batch.retryAfterMs / secondMs);
    if (await areAllSettled(deps, ids)) return undefined;
    if (batch.kind === "idle") return othersDelaySeconds;
  }
  return 1;
}

/** True while more of the same may come soon and fill the call: a turn spent on few alerts is a turn lost for many. */
async function shouldWaitToFill(
  deps: AlertDeps,
  message: VerdictMessage,
  group: string,
): Promise<boolean> {
  if ((message.deferred ?? 0) >= fillWaits) return false;
  if ((await deps.queues.depth("alert-verdicts")) <= fullCallSize) return false;
  return (await countWaiting(deps, group)) < fullCallSize;
}

async function areAllSettled(deps: AlertDeps, ids: readonly string[]): Promise<boolean> {
  let settledCount = 0;
  await runInParallel(ids, async (id) => {
    const read = await deps.store.read(recordPath(id));
    const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
    if (record && isSettled(record)) settledCount += 1;
  });
  return settledCount === ids.length;
}

/** Puts a copy back with a delay instead of throwing: a throw would cost one of the message's five lives. */
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
