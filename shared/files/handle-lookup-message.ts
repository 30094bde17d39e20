/** Works off what lies on the queue `file-lookups`: a job is spread into its parts, a part is answered or put back. */
import * as z from "zod/mini";
import type { FileLookupMessage } from "../contracts/file-lookup.ts";
import { endJob, findJob, jobKeyLifetimeMs, jobPaths, type JobHeader } from "../storage/jobs.ts";
import type { LookupPlan } from "./single-flight.ts";
import type { BulkLookup, BulkOutcome } from "./bulk-lookup.ts";
import type { FileCache } from "./cache.ts";
import { isFresh } from "./cached-file.ts";
import {
  endWhenComplete,
  finishPart,
  findAnsweredParts,
  readPart,
  readJobRequest,
} from "./file-jobs.ts";
import { mapInParallel } from "../runtime/concurrency.ts";
import type { HashLookup, HashOutcome, FileHash } from "./hash-lookup.ts";
import type { FileDeps } from "./ports.ts";
import { toFileResult, type RequestedHash } from "./report.ts";

export interface LookupWorkerDeps extends FileDeps {
  readonly cache: FileCache;
  readonly lookUpHashes: HashLookup;
  readonly bulk: BulkLookup;
}

/** A message starts no new call after two minutes, and none behind a short way that took long. */
const maxWorkMs = 120_000;
const maxCallMs = 15_000;
const maxBulkMs = 180_000;
const maxParallel = 8;

const minPauseMs = 1_000;
const maxPauseMs = 3_600_000;
const firstDownPauseMs = 15_000;
const maxDownPauseMs = 900_000;
const maxBulkTries = 3;

/** Works off one message; resolves when its work is done or put back on the queue. Throws when the store fails. */
export async function handleLookupMessage(
  deps: LookupWorkerDeps,
  message: FileLookupMessage,
): Promise<void> {
  const job = await findJob(deps.records, message.job);
  if (job.kind !== "running") return;
  await deps.failpoint("J4 message read");
  if (message.part !== undefined)
    return processPart(deps, {
      header: job.header,
      part: message.part,
      retries: message.again ?? 0,
    });
  return queueParts(deps, job.header);
}

/** One message a part that is not answered yet; a job of one part is worked off at once. */
async function queueParts(deps: LookupWorkerDeps, header: JobHeader): Promise<void> {
  if (header.parts === 1) return processPart(deps, { header, part: 0, retries: 0 });
  const done = await findAnsweredParts(deps.records, header.id);
  const open = Array.from({ length: header.parts }, (_, part) => part).filter(
    (part) => !done.has(part),
  );
  await mapInParallel(open, maxParallel, (part) =>
    deps.queues.send("file-lookups", {
      version: 1,
      job: header.id,
      part,
    } satisfies FileLookupMessage),
  );
  if (open.length === 0) await finishJob(deps, header);
}

interface PartTask {
  readonly header: JobHeader;
  readonly part: number;
  readonly retries: number;
}

async function processPart(deps: LookupWorkerDeps, task: PartTask): Promise<void> {
  const { records, clock } = deps;
  const { header, part, retries } = task;
  if (part >= header.parts) return;
  if ((await findAnsweredParts(records, header.id)).has(part)) return finishJob(deps, header);
  const request = readJobRequest(header);
  const requested = await readPart(records, header, part);
  const plan = createPlan(header, request.options, clock.now());
  const hashes = requested.flatMap((each) =>
    each.kind === "invalid" ? [] : [{ hash: each.hash, kind: each.kind }],
  );
  const bulkOutcome = request.bulk
    ? await tryBulkLookup(deps, task, hashes, plan)
    : { kind: "off" as const };
  if (bulkOutcome.kind === "later") return requeuePart(deps, task, bulkOutcome.retryAfterMs);
  if (bulkOutcome.kind === "failed" && retries < maxBulkTries)
    return requeuePart(deps, { ...task, retries: retries + 1 }, computeDownPauseMs(retries));
  if (clock.now() - (plan.startUntilMs - maxWorkMs) > maxBulkMs) return requeuePart(deps, task, 0);
  const startedMs = clock.now();
  const outcomes = await deps.lookUpHashes(hashes, plan);
  await deps.failpoint("J5 part looked up");
  const unanswered = outcomes.filter(isOpen);
  if (unanswered.length > 0 && !plan.isFinal) {
    const isDown = unanswered.some(({ kind }) => kind === "down");
    // The first refusal may be as old as this round: better a moment too early than a turn left unused.
    const soonestMs =
      Math.min(...unanswered.map(({ retryAfterMs }) => retryAfterMs)) - (clock.now() - startedMs);
    const pauseMs = isDown ? computeDownPauseMs(retries) : soonestMs;
    return requeuePart(deps, { ...task, retries: isDown ? retries + 1 : 0 }, pauseMs);
  }
  const results = toResults(requested, outcomes, plan);
  if (await finishPart(deps, header, part, results)) deps.logEvent(toFinishedEvent(header));
}

const createPlan = (
  header: JobHeader,
  options: { lookBackHours: number; information: boolean },
  nowMs: number,
): LookupPlan => ({
  lookBackHours: options.lookBackHours,
  shouldFetchInformation: options.information,
  freshAtMs: Date.parse(header.createdAt),
  startUntilMs: nowMs + maxWorkMs,
  endMs: nowMs + maxWorkMs + maxCallMs,
  // Nobody can read the job once its key is too old: what is still open then ends as it stands.
  isFinal: nowMs - Date.parse(header.createdAt) >= jobKeyLifetimeMs - maxPauseMs,
});

/** Fills the cache over hunting with what is not in it; nothing to do when it is switched off. */
async function tryBulkLookup(
  deps: LookupWorkerDeps,
  { header, part, retries }: PartTask,
  hashes: readonly FileHash[],
  plan: LookupPlan,
): Promise<BulkOutcome> {
  if (retries >= maxBulkTries || (await deps.bulk.readDisabled())) return { kind: "off" };
  const open = await mapInParallel(hashes, maxParallel * 4, async (each) =>
    (await isCached(deps, each, plan)) ? [] : [each],
  );
  if (open.flat().length === 0) return { kind: "done" };
  const path = jobPaths.lease(header.id, part);
  const lease = await acquireLease(deps, path);
  if (lease.kind === "busy") return { kind: "later", retryAfterMs: lease.retryAfterMs };
  const outcome = await deps.bulk.fillCache(open.flat(), plan.lookBackHours);
  await deps.records.remove(path, lease.etag);
  return outcome;
}

const leaseSchema = z.object({ untilMs: z.number() });
const leaseMs = 60_000;

type LeaseResult =
  | { readonly kind: "mine"; readonly etag: string }
  | { readonly kind: "busy"; readonly retryAfterMs: number };

/** A message may come twice and a request may be repeated; two hunting calls are worth a look at who is at work. */
async function acquireLease(
  { records, createAttemptId: newAttempt }: LookupWorkerDeps,
  path: string,
): Promise<LeaseResult> {
  const existing = await records.read(path);
  const heldUntilMs =
    existing.kind === "found" ? (leaseSchema.safeParse(existing.value).data?.untilMs ?? 0) : 0;
  if (heldUntilMs > existing.serverNowMs)
    return { kind: "busy", retryAfterMs: Math.min(leaseMs, heldUntilMs - existing.serverNowMs) };
  const lease = { version: 1, attempt: newAttempt(), untilMs: existing.serverNowMs + leaseMs };
  const written = await (existing.kind === "absent"
    ? records.create(path, lease)
    : records.replace(path, lease, existing.etag));
  return written.kind === "written"
    ? { kind: "mine", etag: written.etag }
    : { kind: "busy", retryAfterMs: leaseMs };
}

async function isCached(
  { cache, settings }: LookupWorkerDeps,
  { hash, kind }: FileHash,
  plan: LookupPlan,
): Promise<boolean> {
  const file = await cache.read(hash, () => true);
  const known = kind === "sha1" ? file?.statistics[String(plan.lookBackHours)] : file?.sha1;
  return known !== undefined && isFresh(known, settings, plan.freshAtMs);
}

type OpenOutcome = Extract<HashOutcome, { kind: "later" | "down" }>;
const isOpen = (outcome: HashOutcome): outcome is OpenOutcome =>
  outcome.kind === "later" || outcome.kind === "down";

function toResults(
  requested: readonly RequestedHash[],
  outcomes: readonly HashOutcome[],
  plan: LookupPlan,
) {
  let next = 0;
  return requested.map((each) => {
    const outcome = each.kind === "invalid" ? undefined : outcomes[next++];
    const finalOutcome: HashOutcome | undefined =
      outcome?.kind === "later" ? { kind: "refused", problem: quotaProblem } : outcome;
    return toFileResult(each, finalOutcome, plan.freshAtMs, true);
  });
}

const quotaProblem = "The quota of the file API left no call for this hash within a day.";

const computeDownPauseMs = (retries: number): number =>
  Math.min(maxDownPauseMs, firstDownPauseMs * 2 ** Math.min(retries, 10));

async function requeuePart(
  deps: LookupWorkerDeps,
  { header, part, retries }: PartTask,
  pauseMs: number,
): Promise<void> {
  const delayMs = Math.min(maxPauseMs, Math.max(minPauseMs, pauseMs));
  const message = { version: 1, job: header.id, part, again: retries } satisfies FileLookupMessage;
  await deps.queues.send("file-lookups", message, { delaySeconds: Math.ceil(delayMs / 1_000) });
  await deps.failpoint("J7 part requeued");
}

async function finishJob(deps: LookupWorkerDeps, header: JobHeader): Promise<void> {
  if (await endWhenComplete(deps.records, header, deps.clock.now()))
    deps.logEvent(toFinishedEvent(header));
}

const toFinishedEvent = (header: JobHeader) =>
  ({ kind: "job-finished", job: header.id, outcome: "done" }) as const;

/** Ends a job before its time; what is answered stays readable. `false` when it had ended before. */
export async function cancelJob(deps: FileDeps, header: JobHeader): Promise<boolean> {
  const endedAt = new Date(deps.clock.now()).toISOString();
  const isEnded = await endJob(deps.records, header.id, {
    version: 1,
    endedAt,
    outcome: "cancelled",
  });
  if (isEnded) deps.logEvent({ kind: "job-finished", job: header.id, outcome: "cancelled" });
  return isEnded;
}
