/**
 * Starts a run that was requested over HTTP. It creates the job before the message, so that the job
 * can be read before the 202 is sent.
 */
import type { CompiledHunt } from "../contracts/compiled-hunt.ts";
import type { HuntRun, StartHuntRequest } from "../contracts/hunt-run.ts";
import type { HuntHead } from "../contracts/hunt-state.ts";
import { formatInstant, parseInstant, ticksFromMs } from "../runtime/time.ts";
import { findLogEnd } from "./log/find-log-end.ts";
import { readHead } from "./log/state.ts";
import type { HuntContext, HuntDeps } from "./ports.ts";
import { findBackfillFault, type BackfillFault } from "./run/backfill.ts";
import { createHuntJob, formatInstantFromMs } from "./run/hunt-jobs.ts";
import { enqueueRun } from "./run/run-queue.ts";

export type StartResult =
  | { readonly kind: "started"; readonly job: string }
  | ({ readonly kind: "fault" } & BackfillFault)
  | { readonly kind: "other-request" };

/** @param key - the caller's idempotency key: the same key finds the same job */
export async function startHunt(
  deps: HuntDeps,
  hunt: CompiledHunt,
  request: StartHuntRequest,
  key: string | undefined,
): Promise<StartResult> {
  const nowMs = await deps.exports.serverNowMs();
  const now = ticksFromMs(nowMs);
  const range = toRange(request);
  if (range) {
    const span = { from: parseInstant(range.from) ?? 0n, to: parseInstant(range.to) ?? 0n };
    const fault = findBackfillFault(hunt, span, now);
    if (fault) return { kind: "fault", ...fault };
  }
  const head = await readHead(deps, hunt.name);
  const jobRequest = {
    hunt: hunt.name,
    scheduledFor: formatInstantFromMs(nowMs),
    ...(range ? { backfill: range } : {}),
    after:
      head.kind === "found"
        ? head.value.notified
        : await findNewestPosition({ deps, hunt, serverNow: now }),
  };
  const creation = await createHuntJob(deps, key ?? deps.createAttemptId(), jobRequest, nowMs);
  if (creation.kind === "other-request") return creation;
  const { scheduledFor, backfill } = creation.request;
  const message: HuntRun = {
    hunt: hunt.name,
    reason: "request",
    scheduledFor,
    job: creation.id,
    ...(backfill ? { backfill } : {}),
  };
  // Also sent for a repeated request: the first one may have ended before its message.
  await enqueueRun(deps, message, now);
  return { kind: "started", job: creation.id };
}

/** Finds the newest export of a log without a cached head, or the position before its first one. */
async function findNewestPosition(context: HuntContext): Promise<HuntHead["notified"]> {
  const { logEnd } = await findLogEnd(context, undefined);
  const from = logEnd.last?.metadata.from ?? formatInstant(logEnd.from);
  return { version: logEnd.version, seq: logEnd.seq - 1, from };
}

const toRange = ({ from, to }: StartHuntRequest): { from: string; to: string } | undefined =>
  from === undefined || to === undefined ? undefined : { from, to };
