/** Puts runs on the queue `hunt-runs`, and remembers that one is waiting so that a timer does not pile up more. */
import { huntWaiting } from "../../contracts/hunt-state.ts";
import type { HuntRun } from "../../contracts/hunt-run.ts";
import {
  formatInstant,
  hourMs,
  parseInstant,
  ticksFromMs,
  type Ticks,
} from "../../runtime/time.ts";
import { statePaths } from "../log/paths.ts";
import type { HuntDeps } from "../ports.ts";
import { readRecord, writeRecord } from "../log/state.ts";

type QueueDeps = Pick<HuntDeps, "records" | "queues">;

/** A note of a waiting run is believed for this long: its message may have been poisoned without our being called. */
const maxWaitingMs = hourMs;

/** When the run that waits on the queue was put there, as far as anybody knows; `undefined` when none waits. */
async function readWaitingSince(
  deps: QueueDeps,
  hunt: string,
  serverNow: Ticks,
): Promise<string | undefined> {
  const { value } = await readRecord(deps, statePaths.waiting(hunt), huntWaiting);
  const since = value && parseInstant(value.since);
  const isCurrent =
    since !== undefined && serverNow - since < ticksFromMs(maxWaitingMs) && since <= serverNow;
  return isCurrent ? value?.since : undefined;
}

/** True while a run of the hunt is on the queue. */
export const isWaiting = async (
  deps: QueueDeps,
  hunt: string,
  serverNow: Ticks,
): Promise<boolean> => (await readWaitingSince(deps, hunt, serverNow)) !== undefined;

/** True while a run other than this one is on the queue: it will do what this one cannot. */
export async function isOtherWaiting(
  deps: QueueDeps,
  message: HuntRun,
  serverNow: Ticks,
): Promise<boolean> {
  const since = await readWaitingSince(deps, message.hunt, serverNow);
  return since !== undefined && since !== message.queuedAt;
}

/** Sends first and notes after: a crash between costs one more message, never a run. */
export async function enqueueRun(
  deps: QueueDeps,
  message: HuntRun,
  serverNow: Ticks,
  delayMs = 0,
): Promise<void> {
  const since = formatInstant(serverNow);
  const delaySeconds = Math.min(604_800, Math.ceil(delayMs / 1_000));
  await deps.queues.send("hunt-runs", { ...message, queuedAt: since }, { delaySeconds });
  const path = statePaths.waiting(message.hunt);
  const { etag } = await readRecord(deps, path, huntWaiting);
  await writeRecord(deps, path, { since }, etag);
}

/** The run is no longer waiting: it has begun. */
export const clearWaiting = ({ records }: QueueDeps, hunt: string): Promise<void> =>
  records.remove(statePaths.waiting(hunt));
