/**
 * Sends runs to the queue `hunt-runs` and records that one is waiting, so that a timer does not add
 * more.
 */
import type { HuntRun } from "../../contracts/hunt-run.ts";
import { huntWaiting } from "../../contracts/hunt-state.ts";
import {
  formatInstant,
  hourMs,
  parseInstant,
  ticksFromMs,
  type Ticks,
} from "../../runtime/time.ts";
import { etagOf, readRecord, readValue, writeRecord } from "../../storage/typed-record.ts";
import { statePaths } from "../log/paths.ts";
import type { HuntDeps } from "../ports.ts";

type QueueDeps = Pick<HuntDeps, "records" | "queues">;

/**
 * An older record of a waiting run is ignored: its message may have become a dead letter without a
 * run.
 */
const maxWaitingMs = hourMs;

/** Returns when the waiting run was put on the queue; undefined when none is known to wait. */
async function readWaitingSince(
  { records }: QueueDeps,
  hunt: string,
  serverNow: Ticks,
): Promise<string | undefined> {
  const waiting = await readValue(records, statePaths.waiting(hunt), huntWaiting);
  const since = waiting && parseInstant(waiting.since);
  const isCurrent =
    since !== undefined && serverNow - since < ticksFromMs(maxWaitingMs) && since <= serverNow;
  return isCurrent ? waiting?.since : undefined;
}

/** Returns true while a run of the hunt is on the queue. */
export const isWaiting = async (
  deps: QueueDeps,
  hunt: string,
  serverNow: Ticks,
): Promise<boolean> => (await readWaitingSince(deps, hunt, serverNow)) !== undefined;

/**
 * Returns true while another run of the hunt is on the queue; it will do the remaining work of this
 * one.
 */
export async function isOtherWaiting(
  deps: QueueDeps,
  message: HuntRun,
  serverNow: Ticks,
): Promise<boolean> {
  const since = await readWaitingSince(deps, message.hunt, serverNow);
  return since !== undefined && since !== message.queuedAt;
}

/**
 * Sends the message first and records it after: a crash between costs one more message, never a
 * run.
 */
export async function enqueueRun(
  { queues, records }: QueueDeps,
  message: HuntRun,
  serverNow: Ticks,
  delayMs = 0,
): Promise<void> {
  const since = formatInstant(serverNow);
  const delaySeconds = Math.min(604_800, Math.ceil(delayMs / 1_000));
  await queues.send("hunt-runs", { ...message, queuedAt: since }, { delaySeconds });
  const path = statePaths.waiting(message.hunt);
  await writeRecord(records, path, { since }, etagOf(await readRecord(records, path, huntWaiting)));
}

/** Removes the record of the waiting run: it has started. */
export const clearWaiting = ({ records }: QueueDeps, hunt: string): Promise<void> =>
  records.remove(statePaths.waiting(hunt));
