/** A run that somebody asked for over HTTP: its job first, then its message, so that the job is readable before the 202 leaves. */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import type { StartHuntRequest } from "../contracts/hunt-run.ts";
import { parseInstant, ticksFromMs } from "../runtime/time.ts";
import { findBackfillFault } from "./run/backfill.ts";
import { formatInstantFromMs, createHuntJob } from "./run/hunt-jobs.ts";
import type { HuntDeps } from "./ports.ts";
import { enqueueRun } from "./run/run-queue.ts";
import { readHead } from "./log/state.ts";

export type StartResult =
  | { readonly kind: "started"; readonly job: string }
  | { readonly kind: "fault"; readonly message: string }
  | { readonly kind: "other-request" };

/** @param key - the caller's idempotency key: the same one finds the same job */
export async function startHunt(
  deps: HuntDeps,
  hunt: CompiledHunt,
  request: StartHuntRequest,
  key: string | undefined,
): Promise<StartResult> {
  const nowMs = await deps.exports.serverNowMs();
  const now = ticksFromMs(nowMs);
  const { from, to } = request;
  const span =
    from !== undefined && to !== undefined
      ? { from: parseInstant(from) ?? 0n, to: parseInstant(to) ?? 0n }
      : undefined;
  const fault = span && findBackfillFault(hunt, span, now);
  if (fault !== undefined) return { kind: "fault", message: fault };
  const { value: head } = await readHead(deps, hunt.name);
  const jobRequest = {
    hunt: hunt.name,
    scheduledFor: formatInstantFromMs(nowMs),
    ...(from !== undefined && to !== undefined ? { backfill: { from, to } } : {}),
    // Without a head the log is new: everything it will hold begins at the look-back.
    after: head?.notified ?? {
      version: 1,
      seq: -1,
      from: formatInstantFromMs(nowMs - hunt.lookBackMs),
    },
  };
  const creation = await createHuntJob(deps, key ?? deps.createAttemptId(), jobRequest, nowMs);
  if (creation.kind === "other-request") return creation;
  const { scheduledFor, backfill } = creation.request;
  const message = {
    hunt: hunt.name,
    reason: "request" as const,
    scheduledFor,
    job: creation.id,
    ...(backfill ? { backfill } : {}),
  };
  // Sent again for a repeated request, too: the first may have died before its message.
  await enqueueRun(deps, message, now);
  return { kind: "started", job: creation.id };
}
