/** Starts hunts: a due one for its timer, every overdue one when a timer stopped. */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import { formatInstant, ticksFromMs } from "../runtime/time.ts";
import { readHuntHealth } from "./hunt-health.ts";
import type { HuntDeps } from "./ports.ts";
import { enqueueRun, isWaiting } from "./run/run-queue.ts";

/** Enqueues a run unless one is waiting. @returns true when it was enqueued */
export async function enqueueUnlessWaiting(
  deps: Pick<HuntDeps, "records" | "queues">,
  hunt: CompiledHunt,
  reason: "timer" | "overdue" | "maintenance",
  { delayMs = 0, nowMs }: { readonly nowMs: number; readonly delayMs?: number },
): Promise<boolean> {
  const now = ticksFromMs(nowMs);
  if (await isWaiting(deps, hunt.name, now)) return false;
  const message = { hunt: hunt.name, reason, scheduledFor: formatInstant(now) };
  await enqueueRun(deps, message, now, delayMs);
  return true;
}

/**
 * Starts every hunt whose watermark is older than one interval, as when a timer stopped. @returns
 * their names
 */
export async function startOverdueHunts(
  deps: Pick<HuntDeps, "records" | "queues">,
  hunts: readonly CompiledHunt[],
  reason: "overdue" | "maintenance",
  nowMs: number,
): Promise<string[]> {
  const startedHunts: string[] = [];
  for (const hunt of hunts) {
    const { watermarkAgeSeconds: age } = await readHuntHealth(deps, hunt, nowMs);
    const isDue = age === null || age * 1_000 > hunt.lagMs + hunt.intervalMs;
    if (isDue && (await enqueueUnlessWaiting(deps, hunt, reason, { nowMs })))
      startedHunts.push(hunt.name);
  }
  return startedHunts;
}
