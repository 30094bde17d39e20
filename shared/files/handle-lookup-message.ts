/**
 * Handles messages of the queue `file-lookups`: splits a job into its parts, answers a part or
 * requeues it.
 */
import type { FileLookupMessage } from "../contracts/file-lookup.ts";
import { acquireLease } from "../storage/lease.ts";
import { endJob, findJob, jobKeyLifetimeMs, jobPaths, type JobHeader } from "../storage/jobs.ts";
import type { LookupPlan } from "./single-flight.ts";
import type { BulkLookup, BulkOutcome } from "./bulk-lookup.ts";
import type { FileCache } from "./cache.ts";
import { isFresh } from "./cached-file.ts";
import {
  endWhenComplete,
  finishPart,
  findAnsweredParts,
  maxParallelRecords,
  readPart,
  readJobRequest,
} from "./job-records.ts";
import { mapInParallel } from "../runtime/concurrency.ts";
import type { HashLookup, HashOutcome, FileHash } from "./hash-lookup.ts";
import type { FileDeps } from "./ports.ts";
import { toFileHashes, toFileResults, type RequestedHash } from "./report.ts";

export interface LookupWorkerDeps extends FileDeps {
  readonly cache: FileCache;
  readonly lookUpHashes: HashLookup;
  readonly bulk: BulkLookup;
}

/**
 * A message starts no call after two minutes, and none after a bulk lookup of more than three
 * minutes.
 */
const maxWorkMs = 120_000;
const maxCallMs = 15_000;
const maxBulkMs = 180_000;
const maxParallelReads = 32;

const minPauseMs = 1_000;
const maxPauseMs = 3_600_000;
const firstDownPauseMs = 15_000;
const maxDownPauseMs = 900_000;
const maxBulkTries = 3;
const bulkLeaseMs = 60_000;

const quotaProblem = "The quota of the file API left no call for this hash within a day.";

/** Handles one message; resolves when its work is done or requeued. Throws when the store fails. */
export async function handleLookupMessage(
  deps: LookupWorkerDeps,
  message: FileLookupMessage,
): Promise<void> {
  const job = await findJob(deps.records, message.job);
  if (job.kind !== "running") return;
  await deps.failpoint("J4 message read");
  const { header } = job;
  if (message.part !== undefined)
    return processPart(deps, { header, part: message.part, retries: message.retries ?? 0 });
  return queueParts(deps, header);
}

/**
 * Sends one message for each part without a result; processes the part of a one-part job at once.
 */
async function queueParts(deps: LookupWorkerDeps, header: JobHeader): Promise<void> {
  if (header.parts === 1) return processPart(deps, { header, part: 0, retries: 0 });
  const done = await findAnsweredParts(deps.records, header.id);
  const open = Array.from({ length: header.parts }, (_, part) => part).filter(
    (part) => !done.has(part),
  );
  await mapInParallel(open, maxParallelRecords, (part) =>
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

/** A part with its hashes and the limits of this attempt. */
interface PartWork extends PartTask {
  readonly requested: readonly RequestedHash[];
  readonly hashes: readonly FileHash[];
  readonly plan: LookupPlan;
}

async function processPart(deps: LookupWorkerDeps, task: PartTask): Promise<void> {
  const { records, clock } = deps;
  const { header, part, retries } = task;
  if (part >= header.parts) return;
  if ((await findAnsweredParts(records, header.id)).has(part)) return finishJob(deps, header);
  const request = readJobRequest(header);
  const requested = await readPart(records, header, part);
  const startedMs = clock.now();
  const plan = createPlan(header, request.options, startedMs);
  const work: PartWork = { ...task, requested, hashes: toFileHashes(requested), plan };
  const bulkOutcome: BulkOutcome = request.bulk
    ? await tryBulkLookup(deps, work)
    : { kind: "disabled" };
  if (bulkOutcome.kind === "later") return requeuePart(deps, task, bulkOutcome.retryAfterMs);
  if (bulkOutcome.kind === "failed" && retries < maxBulkTries)
    return requeuePart(deps, { ...task, retries: retries + 1 }, computeDownPauseMs(retries));
  if (clock.now() - startedMs > maxBulkMs) return requeuePart(deps, task, 0);
  return lookUpPart(deps, work);
}

async function lookUpPart(deps: LookupWorkerDeps, work: PartWork): Promise<void> {
  const { header, part, retries, requested, plan } = work;
  const startedMs = deps.clock.now();
  const outcomes = await deps.lookUpHashes(work.hashes, plan);
  await deps.failpoint("J5 part looked up");
  const open = outcomes.filter(isOpen);
  if (open.length > 0 && !plan.isFinal) {
    const isDown = open.some(({ kind }) => kind === "down");
    // Measured from the start of this attempt: the first refusal may be that old.
    const soonestMs =
      Math.min(...open.map(({ retryAfterMs }) => retryAfterMs)) - (deps.clock.now() - startedMs);
    const pauseMs = isDown ? computeDownPauseMs(retries) : soonestMs;
    return requeuePart(deps, { ...work, retries: isDown ? retries + 1 : 0 }, pauseMs);
  }
  const results = toFileResults(requested, outcomes.map(endOpenOutcome), plan.freshAtMs);
  if (await finishPart(deps, header, part, results)) logFinished(deps, header, "succeeded");
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
  // The job's URL expires after a day: open hashes end before, with what is known.
  isFinal: nowMs - Date.parse(header.createdAt) >= jobKeyLifetimeMs - maxPauseMs,
});

/**
 * Fills the cache over hunting with what it lacks; does nothing while the bulk path is disabled.
 */
async function tryBulkLookup(deps: LookupWorkerDeps, work: PartWork): Promise<BulkOutcome> {
  const { header, part, retries, hashes, plan } = work;
  if (retries >= maxBulkTries || (await deps.bulk.readDisabled())) return { kind: "disabled" };
  const open = await mapInParallel(hashes, maxParallelReads, async (each) =>
    (await isCached(deps, each, plan)) ? [] : [each],
  );
  if (open.flat().length === 0) return { kind: "done" };
  // A message may arrive twice and a request may be repeated; the lease saves the two hunting
  // calls.
  const acquired = await acquireLease(deps.records, {
    path: jobPaths.lease(header.id, part),
    leaseMs: bulkLeaseMs,
    owner: deps.createAttemptId(),
  });
  if (acquired.kind === "busy") return { kind: "later", retryAfterMs: acquired.waitMs };
  const outcome = await deps.bulk.fillCache(open.flat(), plan.lookBackHours);
  await acquired.lease.release();
  return outcome;
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

const endOpenOutcome = (outcome: HashOutcome): HashOutcome =>
  outcome.kind === "later" ? { kind: "refused", problem: quotaProblem } : outcome;

const computeDownPauseMs = (retries: number): number =>
  Math.min(maxDownPauseMs, firstDownPauseMs * 2 ** Math.min(retries, 10));

async function requeuePart(
  deps: LookupWorkerDeps,
  { header, part, retries }: PartTask,
  pauseMs: number,
): Promise<void> {
  const delayMs = Math.min(maxPauseMs, Math.max(minPauseMs, pauseMs));
  const message = { version: 1, job: header.id, part, retries } satisfies FileLookupMessage;
  await deps.queues.send("file-lookups", message, { delaySeconds: Math.ceil(delayMs / 1_000) });
  await deps.failpoint("J7 part requeued");
}

async function finishJob(deps: LookupWorkerDeps, header: JobHeader): Promise<void> {
  if (await endWhenComplete(deps.records, header, deps.clock.now()))
    logFinished(deps, header, "succeeded");
}

const logFinished = (
  deps: Pick<FileDeps, "logEvent">,
  header: JobHeader,
  outcome: "succeeded" | "canceled",
): void => deps.logEvent({ kind: "job-finished", job: header.id, outcome });

/** Cancels a job; its results stay readable. Returns false when the job had ended before. */
export async function cancelJob(deps: FileDeps, header: JobHeader): Promise<boolean> {
  const endedAt = new Date(deps.clock.now()).toISOString();
  const isCanceled = await endJob(deps.records, header.id, {
    version: 1,
    endedAt,
    outcome: "canceled",
  });
  if (isCanceled) logFinished(deps, header, "canceled");
  return isCanceled;
}
