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
import type { HuntPorts } from "../ports.ts";
import { readKept, writeKept } from "../log/state.ts";

type Ports = Pick<HuntPorts, "records" | "queues">;

/** A note of a waiting run is believed for this long: its message may have been poisoned without our being called. */
const believedMs = hourMs;

/** When the run that waits on the queue was put there, as far as anybody knows; `undefined` when none waits. */
async function waitingSince(
  ports: Ports,
  hunt: string,
  serverNow: Ticks,
): Promise<string | undefined> {
  const { value } = await readKept(ports, statePaths.waiting(hunt), huntWaiting);
  const since = value && parseInstant(value.since);
  const believed =
    since !== undefined && serverNow - since < ticksFromMs(believedMs) && since <= serverNow;
  return believed ? value?.since : undefined;
}

/** True while a run of the hunt is on the queue. */
export const isWaiting = async (ports: Ports, hunt: string, serverNow: Ticks): Promise<boolean> =>
  (await waitingSince(ports, hunt, serverNow)) !== undefined;

/** True while a run other than this one is on the queue: it will do what this one cannot. */
export async function isOtherWaiting(
  ports: Ports,
  order: HuntRun,
  serverNow: Ticks,
): Promise<boolean> {
  const since = await waitingSince(ports, order.hunt, serverNow);
  return since !== undefined && since !== order.queuedAt;
}

/** Sends first and notes after: a crash between costs one more message, never a run. */
export async function enqueueRun(
  ports: Ports,
  order: HuntRun,
  serverNow: Ticks,
  delayMs = 0,
): Promise<void> {
  const since = formatInstant(serverNow);
  const delaySeconds = Math.min(604_800, Math.ceil(delayMs / 1_000));
  await ports.queues.send("hunt-runs", { ...order, queuedAt: since }, { delaySeconds });
  const path = statePaths.waiting(order.hunt);
  const { etag } = await readKept(ports, path, huntWaiting);
  await writeKept(ports, path, { since }, etag);
}

/** The run is no longer waiting: it has begun. */
export const clearWaiting = ({ records }: Ports, hunt: string): Promise<void> =>
  records.remove(statePaths.waiting(hunt));
