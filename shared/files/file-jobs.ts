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
  jobAgeMs,
  jobIdFor,
  jobPaths,
  type FoundJob,
  type JobHeader,
} from "../storage/jobs.ts";
import { inParallel } from "./in-parallel.ts";
import type { FilesOutside } from "./ports.ts";
import type { Asked } from "./report.ts";
import { resultOf } from "./report.ts";

/** A lookup as the room takes it, whoever asks. */
export interface FileQuestion {
  readonly asked: readonly Asked[];
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

const askedSchema = z.object({
  hash: z.string(),
  kind: z.enum(["sha1", "sha256", "md5", "invalid"]),
  where: z.optional(z.array(z.string())),
});
const inputSchema = z.object({ version: z.literal(1), asked: z.array(askedSchema) });
const skippedListSchema = z.object({ version: z.literal(1), skipped: z.array(skippedSchema) });
const resultSchema = z.object({
  version: z.literal(1),
  attempt: z.string(),
  results: z.array(fileResultSchema),
});

const sameRequestMs = 600_000;
const bulkPartSize = 1_000;
const partSize = 100;
const width = 8;

/** What is asked, in one hash: the same question has the same. */
export const askedHashOf = ({ asked, skipped, options }: FileQuestion): string =>
  createHash("sha256")
    .update(JSON.stringify([asked, skipped, options]))
    .digest("hex");

/** A job that answers the same question: running, or ended and asked for under a key. */
export type Repeated =
  | { readonly kind: "job"; readonly job: Extract<FoundJob, { kind: "running" | "ended" }> }
  | { readonly kind: "conflict" }
  | { readonly kind: "new"; readonly id: string };

type Records = Pick<FilesOutside["records"], "read" | "create" | "list">;

/** Looks for the job that this question has already become; else names the id that it will have. */
export async function findRepeated(
  records: Records,
  question: FileQuestion,
  nowMs: number,
): Promise<Repeated> {
  const asked = askedHashOf(question);
  const turn = Math.floor(nowMs / sameRequestMs);
  const ids =
    question.idempotencyKey === undefined
      ? [turn - 1, turn].map((each) => jobIdFor("files", "body", asked, String(each)))
      : [0, 1, 2, 3].map((each) =>
          jobIdFor("files", "key", question.idempotencyKey ?? "", String(each)),
        );
  let free: string | undefined;
  for (const id of ids) {
    const job = await findJob(records, id);
    if (job.kind === "absent") free = id;
    if (job.kind === "absent" && question.idempotencyKey !== undefined) break;
    if (job.kind === "absent" || job.kind === "expired") continue;
    const isSame = job.header.askedHash === asked;
    if (question.idempotencyKey !== undefined)
      return isSame ? { kind: "job", job } : { kind: "conflict" };
    if (isSame && nowMs - Date.parse(job.header.createdAt) < sameRequestMs && !cancelled(job))
      return { kind: "job", job };
  }
  // Four jobs of one key in the days before they are swept away: the fifth gets an id of its own time.
  return { kind: "new", id: free ?? jobIdFor("files", "late", asked, String(nowMs)) };
}

const cancelled = (job: FoundJob): boolean =>
  job.kind === "ended" && job.end.outcome === "cancelled";

/** Writes a job down and puts its first message on the queue; a job that is there already is only woken again. */
export async function startJob(
  outside: Pick<FilesOutside, "records" | "queues" | "clock" | "newAttempt" | "reach">,
  id: string,
  question: FileQuestion,
  bulk: boolean,
): Promise<"started" | "conflict"> {
  if ((await writeJob(outside, id, question, bulk)) === "conflict") return "conflict";
  await wakeJob(outside, id);
  return "started";
}

/** Puts a job's first message on the queue. */
export async function wakeJob(
  { queues, reach }: Pick<FilesOutside, "queues" | "reach">,
  id: string,
): Promise<void> {
  await queues.send("file-lookups", { version: 1, job: id } satisfies FileLookupMessage);
  await reach("J3 message sent");
}

/** Writes a job down: its input, then the header that makes it count. */
export async function writeJob(
  outside: Pick<FilesOutside, "records" | "clock" | "newAttempt" | "reach">,
  id: string,
  question: FileQuestion,
  bulk: boolean,
): Promise<"written" | "conflict"> {
  const { records, clock, reach } = outside;
  const attempt = outside.newAttempt();
  const size = bulk ? bulkPartSize : partSize;
  const parts = Array.from({ length: Math.ceil(question.asked.length / size) }, (_, part) =>
    question.asked.slice(part * size, (part + 1) * size),
  );
  const nowMs = clock.now();
  const header: JobHeader = {
    version: 1,
    id,
    kind: "files",
    createdAt: new Date(nowMs).toISOString(),
    expiresAt: new Date(nowMs + jobAgeMs).toISOString(),
    attempt,
    askedHash: askedHashOf(question),
    parts: parts.length,
    request: {
      options: question.options,
      hashes: question.asked.length,
      partSize: size,
      bulk,
    } satisfies FileJobRequest,
  };
  await inParallel(parts, width, (asked, part) =>
    records.create(jobPaths.input(id, attempt, part), { version: 1, asked }),
  );
  await records.create(jobPaths.input(id, attempt, parts.length), {
    version: 1,
    skipped: question.skipped,
  });
  await reach("J1 input written");
  const written = await records.create(jobPaths.header(id), header);
  await reach("J2 header written");
  if (written.kind === "lost") {
    const there = await findJob(records, id);
    if (there.kind === "running" && there.header.askedHash !== header.askedHash) return "conflict";
  }
  return "written";
}

/** The job's own request; a header that holds none was not written here. @throws Error */
export function requestOf(header: JobHeader): FileJobRequest {
  const parsed = fileJobRequestSchema.safeParse(header.request);
  if (!parsed.success) throw new Error(`job ${header.id} holds no file lookup`);
  return parsed.data;
}

/** The entries of one part. @throws Error when the record is not there or broken */
export async function readPart(
  records: Records,
  header: JobHeader,
  part: number,
): Promise<readonly Asked[]> {
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
export async function partsDone(records: Records, id: string): Promise<ReadonlySet<number>> {
  const done = new Set<number>();
  for await (const { path } of records.list(jobPaths.results(id)))
    done.add(Number(path.slice(jobPaths.results(id).length, -".json".length)));
  return done;
}

/** Writes the results of a part once, and ends the job when it was the last; `true` for whoever ended it. */
export async function finishPart(
  outside: Pick<FilesOutside, "records" | "clock" | "newAttempt" | "reach">,
  header: JobHeader,
  part: number,
  results: readonly FileResult[],
): Promise<boolean> {
  const { records, clock, reach } = outside;
  const record = { version: 1, attempt: outside.newAttempt(), results };
  await records.create(jobPaths.result(header.id, part), record);
  await reach("J6 result written");
  return endWhenComplete(records, header, clock.now());
}

/** Ends a job all of whose parts are answered. */
export async function endWhenComplete(
  records: Records,
  header: JobHeader,
  nowMs: number,
): Promise<boolean> {
  const done = await partsDone(records, header.id);
  if (done.size < header.parts) return false;
  return endJob(records, header.id, {
    version: 1,
    endedAt: new Date(nowMs).toISOString(),
    outcome: "done",
  });
}

/** Every result of a job in the order of its request; what is not answered yet is pending. */
export async function readResults(records: Records, header: JobHeader): Promise<FileResult[]> {
  const parts = Array.from({ length: header.parts }, (_, part) => part);
  const results = await inParallel(parts, width, async (part) => {
    const record = await records.read(jobPaths.result(header.id, part));
    const parsed = record.kind === "found" ? resultSchema.safeParse(record.value) : undefined;
    if (parsed?.success) return parsed.data.results;
    const asked = await readPart(records, header, part);
    return asked.map((each) => resultOf(each, undefined, 0, false));
  });
  return results.flat();
}
