/** Puts runs on the queue `hunt-runs`, and remembers that one is waiting so that a timer does not pile up more. */
import { huntWaiting } from "../messages/hunt-state.ts";
import type { HuntRun } from "../messages/hunt-run.ts";
import { formatInstant, hourMs, parseInstant, ticksFromMs, type Ticks } from "../time.ts";
import { statePaths } from "./paths.ts";
import type { HuntPorts } from "./ports.ts";
import { readKept, writeKept } from "./state.ts";

type Ports = Pick<HuntPorts, "records" | "queues">;

/** A note of a waiting run is believed for this long: its message may have been poisoned without our being called. */
const believedMs = hourMs;

/** True while a run of the hunt is on the queue, as far as anybody knows. */
export async function isWaiting(ports: Ports, hunt: string, serverNow: Ticks): Promise<boolean> {
  const { value } = await readKept(ports, statePaths.waiting(hunt), huntWaiting);
  const since = value && parseInstant(value.since);
  return since !== undefined && serverNow - since < ticksFromMs(believedMs) && since <= serverNow;
}

/** Sends first and notes after: a crash between costs one more message, never a run. */
export async function enqueueRun(ports: Ports, order: HuntRun, serverNow: Ticks, delayMs = 0): Promise<void> {
  await ports.queues.send("hunt-runs", order, { delaySeconds: Math.min(604_800, Math.ceil(delayMs / 1_000)) });
  const path = statePaths.waiting(order.hunt);
  const { etag } = await readKept(ports, path, huntWaiting);
  await writeKept(ports, path, { since: formatInstant(serverNow) }, etag);
}

/** The run is no longer waiting: it has begun. */
export const clearWaiting = ({ records }: Ports, hunt: string): Promise<void> =>
  records.remove(statePaths.waiting(hunt));
