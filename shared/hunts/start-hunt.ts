/** A run that somebody asked for over HTTP: its job first, then its message, so that the job is readable before the 202 leaves. */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import type { StartHuntRequest } from "../contracts/hunt-run.ts";
import { parseInstant, ticksFromMs } from "../runtime/time.ts";
import { backfillFault } from "./run/backfill.ts";
import { asInstant, openHuntJob } from "./run/hunt-jobs.ts";
import type { HuntPorts } from "./ports.ts";
import { enqueueRun } from "./run/run-queue.ts";
import { readHead } from "./log/state.ts";

export type Started =
  | { readonly kind: "started"; readonly job: string }
  | { readonly kind: "fault"; readonly message: string }
  | { readonly kind: "other-request" };

/** @param key - the caller's idempotency key: the same one finds the same job */
export async function startHunt(
  ports: HuntPorts,
  hunt: CompiledHunt,
  asked: StartHuntRequest,
  key: string | undefined,
): Promise<Started> {
  const nowMs = await ports.exports.serverNowMs();
  const now = ticksFromMs(nowMs);
  const { from, to } = asked;
  const span =
    from !== undefined && to !== undefined
      ? { from: parseInstant(from) ?? 0n, to: parseInstant(to) ?? 0n }
      : undefined;
  const message = span && backfillFault(hunt, span, now);
  if (message !== undefined) return { kind: "fault", message };
  const { value: head } = await readHead(ports, hunt.name);
  const request = {
    hunt: hunt.name,
    scheduledFor: asInstant(nowMs),
    ...(from !== undefined && to !== undefined ? { backfill: { from, to } } : {}),
    // Without a head the log is new: everything it will hold begins at the look-back.
    after: head?.notified ?? { version: 1, seq: -1, from: asInstant(nowMs - hunt.lookBackMs) },
  };
  const opened = await openHuntJob(ports, key ?? ports.attemptId(), request, nowMs);
  if (opened.kind === "other-request") return opened;
  const { scheduledFor, backfill } = opened.request;
  const order = {
    hunt: hunt.name,
    reason: "request" as const,
    scheduledFor,
    job: opened.id,
    ...(backfill ? { backfill } : {}),
  };
  // Sent again for a repeated request, too: the first may have died before its message.
  await enqueueRun(ports, order, now);
  return { kind: "started", job: opened.id };
}
