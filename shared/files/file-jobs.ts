/**
 * Lookups that outlive their request. A job's input is stored in parts; each part is one queue
 * message, is answered from the cache first, and ends as one record that is written once. Every
 * answer is cached as soon as it is known, so a crashed worker loses only the calls in progress.
 */
import { createHash } from "node:crypto";
import type { FileLookupMessage, LookupOptions } from "../contracts/file-lookup.ts";
import type { SkippedResult } from "../contracts/file-result.ts";
import {
  findJob,
  createJobHeader,
  deriveJobId,
  jobPaths,
  type JobStatus,
} from "../storage/jobs.ts";
import { writeInput, type FileJobRequest, type JobRecords } from "./job-records.ts";
import type { FileDeps } from "./ports.ts";
import type { RequestedHash } from "./report.ts";

/** A lookup, independent of the function that received it. */
export interface LookupRequest {
  readonly requested: readonly RequestedHash[];
  readonly skipped: readonly SkippedResult[];
  readonly options: LookupOptions;
  /** Makes repeated requests one; without it, equal requests are one for 10 minutes. */
  readonly idempotencyKey?: string | undefined;
}

const sameRequestMs = 600_000;
const bulkPartSize = 1_000;
const partSize = 100;
const maxJobsPerKey = 4;

/** Hashes a request: equal requests have equal hashes. */
const hashLookupRequest = ({ requested, skipped, options }: LookupRequest): string =>
  createHash("sha256")
    .update(JSON.stringify([requested, skipped, options]))
    .digest("hex");

/** The job of the same request: running, or ended and repeated under its key. */
export type ExistingJobResult =
  | { readonly kind: "job"; readonly job: Extract<JobStatus, { kind: "running" | "ended" }> }
  | { readonly kind: "conflict" }
  | { readonly kind: "new"; readonly id: string };

/** Finds the job that this request has already become; otherwise returns the id for a new one. */
export async function findExistingJob(
  records: JobRecords,
  request: LookupRequest,
  nowMs: number,
): Promise<ExistingJobResult> {
  const requestHash = hashLookupRequest(request);
  const { idempotencyKey } = request;
  const result =
    idempotencyKey === undefined
      ? await findJobOfRequest(records, requestHash, nowMs)
      : await findJobOfKey(records, requestHash, idempotencyKey);
  return result ?? { kind: "new", id: deriveJobId("files", "late", requestHash, String(nowMs)) };
}

/** The job of an equal request of the last 10 minutes. */
async function findJobOfRequest(
  records: JobRecords,
  requestHash: string,
  nowMs: number,
): Promise<ExistingJobResult | undefined> {
  const timeSlot = Math.floor(nowMs / sameRequestMs);
  let freeId: string | undefined;
  for (const slot of [timeSlot - 1, timeSlot]) {
    const id = deriveJobId("files", "body", requestHash, String(slot));
    const job = await findJob(records, id);
    if (job.kind === "absent") freeId = id;
    if (job.kind === "absent" || job.kind === "expired" || isCanceled(job)) continue;
    const isRecent = nowMs - Date.parse(job.header.createdAt) < sameRequestMs;
    if (isRecent && job.header.requestHash === requestHash) return { kind: "job", job };
  }
  return freeId === undefined ? undefined : { kind: "new", id: freeId };
}

/**
 * The job under a key. Up to four of its jobs may exist until expired ones are removed; a fifth
 * gets its own id.
 */
async function findJobOfKey(
  records: JobRecords,
  requestHash: string,
  idempotencyKey: string,
): Promise<ExistingJobResult | undefined> {
  for (let index = 0; index < maxJobsPerKey; index += 1) {
    const id = deriveJobId("files", "key", idempotencyKey, String(index));
    const job = await findJob(records, id);
    if (job.kind === "absent") return { kind: "new", id };
    if (job.kind !== "expired")
      return job.header.requestHash === requestHash ? { kind: "job", job } : { kind: "conflict" };
  }
  return undefined;
}

const isCanceled = (job: JobStatus): boolean =>
  job.kind === "ended" && job.end.outcome === "canceled";

type CreateJobDeps = Pick<FileDeps, "records" | "clock" | "createAttemptId" | "failpoint">;

/** Creates a job, unless it exists, and puts its first message on the queue. */
export async function startFileJob(
  deps: CreateJobDeps & Pick<FileDeps, "queues">,
  id: string,
  request: LookupRequest,
  bulk: boolean,
): Promise<"started" | "conflict"> {
  if ((await createFileJob(deps, id, request, bulk)) === "conflict") return "conflict";
  await enqueueFileJob(deps, id);
  return "started";
}

/** Puts a job's first message on the queue. */
export async function enqueueFileJob(
  { queues, failpoint }: Pick<FileDeps, "queues" | "failpoint">,
  id: string,
): Promise<void> {
  await queues.send("file-lookups", { version: 1, job: id } satisfies FileLookupMessage);
  await failpoint("J3 message sent");
}

/** Stores a job: its input, then the header, whose existence makes the job accepted. */
export async function createFileJob(
  deps: CreateJobDeps,
  id: string,
  request: LookupRequest,
  bulk: boolean,
): Promise<"written" | "conflict"> {
  const { records, clock, failpoint } = deps;
  const size = bulk ? bulkPartSize : partSize;
  const parts = Array.from({ length: Math.ceil(request.requested.length / size) }, (_, part) =>
    request.requested.slice(part * size, (part + 1) * size),
  );
  const header = createJobHeader(clock.now(), {
    id,
    kind: "files",
    attempt: deps.createAttemptId(),
    requestHash: hashLookupRequest(request),
    parts: parts.length,
    request: {
      options: request.options,
      hashes: request.requested.length,
      partSize: size,
      bulk,
    } satisfies FileJobRequest,
  });
  await writeInput(records, header, parts, request.skipped);
  await failpoint("J1 input written");
  const written = await records.create(jobPaths.header(id), header);
  await failpoint("J2 header written");
  if (written.kind === "lost") {
    const existing = await findJob(records, id);
    if (existing.kind === "running" && existing.header.requestHash !== header.requestHash)
      return "conflict";
  }
  return "written";
}
