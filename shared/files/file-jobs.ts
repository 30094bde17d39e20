/**
 * Lookups that outlive their request. A job's input lies in parts; each part is one queue message, answered from the
 * cache as far as it goes, and ends as one record that is written once. Every answer is kept the moment it is known,
 * so a worker that dies loses the calls in flight and nothing else.
 */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import {
  lookupOptionsSchema,
  type FileLookupMessage,
  type LookupOptions,
} from "../contracts/file-lookup.ts";
import {
  fileResultSchema,
  skippedSchema,
  type FileResult,
  type SkippedResult,
} from "../contracts/file-result.ts";
import {
  endJob,
  findJob,
  jobRetentionMs,
  deriveJobId,
  jobPaths,
  type JobStatus,
  type JobHeader,
} from "../storage/jobs.ts";
import { mapInParallel } from "../runtime/concurrency.ts";
import type { FileDeps } from "./ports.ts";
import type { RequestedHash } from "./report.ts";
import { toFileResult } from "./report.ts";

/** A lookup as the room takes it, whoever asks. */
export interface LookupRequest {
  readonly requested: readonly RequestedHash[];
  readonly skipped: readonly SkippedResult[];
  readonly options: LookupOptions;
  /** Makes repeated requests one; without it, equal requests are one for 10 minutes. */
  readonly idempotencyKey?: string | undefined;
}

export const fileJobRequestSchema = z.object({
  options: lookupOptionsSchema,
  hashes: z.int(),
  partSize: z.int().check(z.gte(1)),
  /** Whether the parts go the short way. */
  bulk: z.boolean(),
});
export type FileJobRequest = z.infer<typeof fileJobRequestSchema>;

const requestedHashSchema = z.object({
  hash: z.string(),
  kind: z.enum(["sha1", "sha256", "md5", "invalid"]),
  where: z.optional(z.array(z.string())),
});
const inputSchema = z.object({ version: z.literal(1), asked: z.array(requestedHashSchema) });
const skippedListSchema = z.object({ version: z.literal(1), skipped: z.array(skippedSchema) });
const resultSchema = z.object({
  version: z.literal(1),
  attempt: z.string(),
  results: z.array(fileResultSchema),
});

const sameRequestMs = 600_000;
const bulkPartSize = 1_000;
const partSize = 100;
const maxParallel = 8;

/** What is asked, in one hash: the same question has the same. */
export const hashLookupRequest = ({ requested, skipped, options }: LookupRequest): string =>
  createHash("sha256")
    .update(JSON.stringify([requested, skipped, options]))
    .digest("hex");

/** A job that answers the same question: running, or ended and asked for under a key. */
export type ExistingJobResult =
  | { readonly kind: "job"; readonly job: Extract<JobStatus, { kind: "running" | "ended" }> }
  | { readonly kind: "conflict" }
  | { readonly kind: "new"; readonly id: string };

type Records = Pick<FileDeps["records"], "read" | "create" | "list">;

/** Looks for the job that this question has already become; else names the id that it will have. */
export async function findExistingJob(
  records: Records,
  request: LookupRequest,
  nowMs: number,
): Promise<ExistingJobResult> {
  const requestHash = hashLookupRequest(request);
  const timeSlot = Math.floor(nowMs / sameRequestMs);
  const ids =
    request.idempotencyKey === undefined
      ? [timeSlot - 1, timeSlot].map((each) =>
          deriveJobId("files", "body", requestHash, String(each)),
        )
      : [0, 1, 2, 3].map((each) =>
          deriveJobId("files", "key", request.idempotencyKey ?? "", String(each)),
        );
  let freeId: string | undefined;
  for (const id of ids) {
    const job = await findJob(records, id);
    if (job.kind === "absent") freeId = id;
    if (job.kind === "absent" && request.idempotencyKey !== undefined) break;
    if (job.kind === "absent" || job.kind === "expired") continue;
    const isSame = job.header.askedHash === requestHash;
    if (request.idempotencyKey !== undefined)
      return isSame ? { kind: "job", job } : { kind: "conflict" };
    if (isSame && nowMs - Date.parse(job.header.createdAt) < sameRequestMs && !isCanceled(job))
      return { kind: "job", job };
  }
  // Four jobs of one key in the days before they are swept away: the fifth gets an id of its own time.
  return { kind: "new", id: freeId ?? deriveJobId("files", "late", requestHash, String(nowMs)) };
}

const isCanceled = (job: JobStatus): boolean =>
  job.kind === "ended" && job.end.outcome === "cancelled";

/** Writes a job down and puts its first message on the queue; a job that is there already is only woken again. */
export async function startFileJob(
  deps: Pick<FileDeps, "records" | "queues" | "clock" | "createAttemptId" | "failpoint">,
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

/** Writes a job down: its input, then the header that makes it count. */
export async function createFileJob(
  deps: Pick<FileDeps, "records" | "clock" | "createAttemptId" | "failpoint">,
  id: string,
  request: LookupRequest,
  bulk: boolean,
): Promise<"written" | "conflict"> {
  const { records, clock, failpoint } = deps;
  const attempt = deps.createAttemptId();
  const size = bulk ? bulkPartSize : partSize;
  const parts = Array.from({ length: Math.ceil(request.requested.length / size) }, (_, part) =>
    request.requested.slice(part * size, (part + 1) * size),
  );
  const nowMs = clock.now();
  const header: JobHeader = {
    version: 1,
    id,
    kind: "files",
    createdAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + jobRetentionMs).toISOString(),
    attempt,
    askedHash: hashLookupRequest(request),
    parts: parts.length,
    request: {
      options: request.options,
      hashes: request.requested.length,
      partSize: size,
      bulk,
    } satisfies FileJobRequest,
  };
  await mapInParallel(parts, maxParallel, (part, index) =>
    records.create(jobPaths.input(id, attempt, index), { version: 1, asked: part }),
  );
  await records.create(jobPaths.input(id, attempt, parts.length), {
    version: 1,
    skipped: request.skipped,
  });
  await failpoint("J1 input written");
  const written = await records.create(jobPaths.header(id), header);
  await failpoint("J2 header written");
  if (written.kind === "lost") {
    const existing = await findJob(records, id);
    if (existing.kind === "running" && existing.header.askedHash !== header.askedHash)
      return "conflict";
  }
  return "written";
}

/** The job's own request; a header that holds none was not written here. @throws Error */
export function readJobRequest(header: JobHeader): FileJobRequest {
  const parsed = fileJobRequestSchema.safeParse(header.request);
  if (!parsed.success) throw new Error(`job ${header.id} holds no file lookup`);
  return parsed.data;
}

/** The entries of one part. @throws Error when the record is not there or broken */
export async function readPart(
  records: Records,
  header: JobHeader,
  part: number,
): Promise<readonly RequestedHash[]> {
  const record = await records.read(jobPaths.input(header.id, header.attempt, part));
  const parsed = record.kind === "found" ? inputSchema.safeParse(record.value) : undefined;
  if (!parsed?.success) throw new Error(`part ${part} of job ${header.id} cannot be read`);
  return parsed.data.asked;
}

/** What was skipped when the job's hashes were found. */
export async function readSkipped(
  records: Records,
  header: JobHeader,
): Promise<readonly SkippedResult[]> {
  const record = await records.read(jobPaths.input(header.id, header.attempt, header.parts));
  const parsed = record.kind === "found" ? skippedListSchema.safeParse(record.value) : undefined;
  return parsed?.data?.skipped ?? [];
}

/** The numbers of the parts that are answered. */
export async function findAnsweredParts(
  records: Records,
  id: string,
): Promise<ReadonlySet<number>> {
  const answeredParts = new Set<number>();
  for await (const { path } of records.list(jobPaths.results(id)))
    answeredParts.add(Number(path.slice(jobPaths.results(id).length, -".json".length)));
  return answeredParts;
}

/** Writes the results of a part once, and ends the job when it was the last; `true` for whoever ended it. */
export async function finishPart(
  deps: Pick<FileDeps, "records" | "clock" | "createAttemptId" | "failpoint">,
  header: JobHeader,
  part: number,
  results: readonly FileResult[],
): Promise<boolean> {
  const { records, clock, failpoint } = deps;
  const record = { version: 1, attempt: deps.createAttemptId(), results };
  await records.create(jobPaths.result(header.id, part), record);
  await failpoint("J6 result written");
  return endWhenComplete(records, header, clock.now());
}

/** Ends a job all of whose parts are answered. */
export async function endWhenComplete(
  records: Records,
  header: JobHeader,
  nowMs: number,
): Promise<boolean> {
  const answeredParts = await findAnsweredParts(records, header.id);
  if (answeredParts.size < header.parts) return false;
  return endJob(records, header.id, {
    version: 1,
    endedAt: new Date(nowMs).toISOString(),
    outcome: "done",
  });
}

/** Every result of a job in the order of its request; what is not answered yet is pending. */
export async function readResults(records: Records, header: JobHeader): Promise<FileResult[]> {
  const parts = Array.from({ length: header.parts }, (_, part) => part);
  const results = await mapInParallel(parts, maxParallel, async (part) => {
    const record = await records.read(jobPaths.result(header.id, part));
    const parsed = record.kind === "found" ? resultSchema.safeParse(record.value) : undefined;
    if (parsed?.success) return parsed.data.results;
    const requested = await readPart(records, header, part);
    return requested.map((each) => toFileResult(each, undefined, 0, false));
  });
  return results.flat();
}
