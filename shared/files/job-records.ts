/**
 * The records of a lookup that became a job: its input in parts, what was skipped, and one result
 * per part.
 */
import * as z from "zod/mini";
import { lookupOptionsSchema } from "../contracts/file-lookup.ts";
import {
  fileResultSchema,
  skippedSchema,
  type FileResult,
  type SkippedResult,
} from "../contracts/file-result.ts";
import { endJob, jobPaths, type JobHeader } from "../storage/jobs.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { readValue } from "../storage/typed-record.ts";
import { mapInParallel } from "../runtime/concurrency.ts";
import type { FileDeps } from "./ports.ts";
import { toFileResult, type RequestedHash } from "./report.ts";

const jobRequestSchema = z.object({
  options: lookupOptionsSchema,
  hashes: z.int(),
  partSize: z.int().check(z.gte(1)),
  /** Whether the parts use the bulk path. */
  bulk: z.boolean(),
});
export type FileJobRequest = z.infer<typeof jobRequestSchema>;

const requestedHashSchema = z.object({
  hash: z.string(),
  kind: z.enum(["sha1", "sha256", "md5", "invalid"]),
  where: z.optional(z.array(z.string())),
});
const inputSchema = z.object({ version: z.literal(1), requested: z.array(requestedHashSchema) });
const skippedListSchema = z.object({ version: z.literal(1), skipped: z.array(skippedSchema) });
const resultSchema = z.object({
  version: z.literal(1),
  attempt: z.string(),
  results: z.array(fileResultSchema),
});

/** Records read or written at once. */
export const maxParallelRecords = 8;

export type JobRecords = Pick<RecordStore, "read" | "create" | "list">;

/** Reads the request in a job's header. @throws Error when the header holds no file lookup */
export function readJobRequest(header: JobHeader): FileJobRequest {
  const parsed = jobRequestSchema.safeParse(header.request);
  if (!parsed.success) throw new Error(`job ${header.id} holds no file lookup`);
  return parsed.data;
}

/** Writes the hashes of each part, and what was skipped behind them. */
export async function writeInput(
  records: Pick<RecordStore, "create">,
  header: Pick<JobHeader, "id" | "attempt">,
  parts: readonly (readonly RequestedHash[])[],
  skipped: readonly SkippedResult[],
): Promise<void> {
  const { id, attempt } = header;
  await mapInParallel(parts, maxParallelRecords, (requested, index) =>
    records.create(jobPaths.input(id, attempt, index), { version: 1, requested }),
  );
  await records.create(jobPaths.input(id, attempt, parts.length), { version: 1, skipped });
}

/** Reads the hashes of one part. @throws Error when the record is absent or invalid */
export async function readPart(
  records: JobRecords,
  header: JobHeader,
  part: number,
): Promise<readonly RequestedHash[]> {
  const input = await readValue(
    records,
    jobPaths.input(header.id, header.attempt, part),
    inputSchema,
  );
  if (!input) throw new Error(`part ${part} of job ${header.id} cannot be read`);
  return input.requested;
}

/** Reads what was skipped when the job's hashes were found. */
export async function readSkipped(
  records: JobRecords,
  header: JobHeader,
): Promise<readonly SkippedResult[]> {
  const path = jobPaths.input(header.id, header.attempt, header.parts);
  return (await readValue(records, path, skippedListSchema))?.skipped ?? [];
}

/** Lists the numbers of the parts that have a result. */
export async function findAnsweredParts(
  records: JobRecords,
  id: string,
): Promise<ReadonlySet<number>> {
  const answeredParts = new Set<number>();
  for await (const { path } of records.list(jobPaths.results(id)))
    answeredParts.add(Number(path.slice(jobPaths.results(id).length, -".json".length)));
  return answeredParts;
}

/**
 * Writes the results of a part once; ends the job after the last part. Returns whether this call
 * ended it.
 */
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

/** Ends a job whose parts all have a result. Returns whether this call ended it. */
export async function endWhenComplete(
  records: JobRecords,
  header: JobHeader,
  nowMs: number,
): Promise<boolean> {
  const answeredParts = await findAnsweredParts(records, header.id);
  if (answeredParts.size < header.parts) return false;
  return endJob(records, header.id, {
    version: 1,
    endedAt: new Date(nowMs).toISOString(),
    outcome: "succeeded",
  });
}

/** Reads every result of a job in the order of its request; a hash without a result is pending. */
export async function readResults(records: JobRecords, header: JobHeader): Promise<FileResult[]> {
  const parts = Array.from({ length: header.parts }, (_, part) => part);
  const results = await mapInParallel(parts, maxParallelRecords, async (part) => {
    const record = await readValue(records, jobPaths.result(header.id, part), resultSchema);
    if (record) return record.results;
    const requested = await readPart(records, header, part);
    return requested.map((each) => toFileResult(each, undefined, 0, false));
  });
  return results.flat();
}
