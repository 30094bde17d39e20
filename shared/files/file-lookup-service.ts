/**
 * The entry to file lookups: answers a request at once or as a job, shows jobs, and handles their
 * messages.
 */
import type { FileLookupMessage, LookupOptions } from "../contracts/file-lookup.ts";
import type { FileReport } from "../contracts/file-result.ts";
import type { OperationError } from "../contracts/operation.ts";
import { findJob, type JobEnd, type JobHeader, type JobStatus } from "../storage/jobs.ts";
import { LookupAnswerer, type LookupOutcome } from "./answer-lookup.ts";
import { BulkLookup } from "./bulk-lookup.ts";
import { StoredFileCache } from "./cache.ts";
import { enqueueFileJob, type LookupRequest } from "./file-jobs.ts";
import { cancelJob, handleLookupMessage } from "./handle-lookup-message.ts";
import { createHashLookup } from "./hash-lookup.ts";
import { findAnsweredParts } from "./job-records.ts";
import type { FileDeps } from "./ports.ts";
import { estimateJobPauseMs } from "./retry-after.ts";

/** The state of a job. */
export type JobView =
  | { readonly kind: "absent" }
  | {
      readonly kind: "running";
      readonly header: JobHeader;
      readonly partsDone: number;
      readonly retryAfterMs: number;
    }
  | {
      readonly kind: "ended";
      readonly status: JobEnd["outcome"];
      readonly header: JobHeader;
      /** Null for a file job, whose result is its report. */
      readonly result: Readonly<Record<string, unknown>> | null;
      readonly error: OperationError | null;
    };

export interface FileLookupService {
  readonly lookUpFiles: (request: LookupRequest) => Promise<LookupOutcome>;
  /** Stores a request as a job without answering it, for a caller that cannot wait. */
  readonly createJob: (
    request: LookupRequest,
  ) => Promise<{ kind: "job"; id: string } | { kind: "conflict" }>;
  /** Puts a created job on the queue; a repetition has no effect. */
  readonly enqueueJob: (id: string) => Promise<void>;
  readonly readJob: (id: string) => Promise<JobView>;
  /** Reads every result of a file job; a hash without a result is pending. */
  readonly readReport: (
    header: JobHeader,
  ) => Promise<{ report: FileReport; options: LookupOptions }>;
  readonly cancelJob: (header: JobHeader) => Promise<boolean>;
  readonly handleMessage: (message: FileLookupMessage) => Promise<void>;
  /** Returns until when the bulk path is disabled, and why; for the health report. */
  readonly bulkDisabled: BulkLookup["readDisabled"];
}

const otherJobRetryMs = 15_000;

/** Creates the lookups of one process; its functions share the cache and the calls in progress. */
export function createFileLookupService(deps: FileDeps): FileLookupService {
  const cache = new StoredFileCache(deps);
  const lookUpHashes = createHashLookup({ ...deps, cache });
  const bulk = new BulkLookup({ ...deps, cache });
  const answerer = new LookupAnswerer({ ...deps, lookUpHashes, bulk });
  return {
    lookUpFiles: (request) => answerer.answer(request),
    createJob: (request) => answerer.createJob(request),
    enqueueJob: (id) => enqueueFileJob(deps, id),
    readReport: (header) => answerer.readReport(header),
    readJob: (id) => readJob(deps, id),
    cancelJob: (header) => cancelJob(deps, header),
    handleMessage: (message) =>
      handleLookupMessage({ ...deps, cache, lookUpHashes, bulk }, message),
    bulkDisabled: () => bulk.readDisabled(),
  };
}

async function readJob({ records, settings }: FileDeps, id: string): Promise<JobView> {
  const job = await findJob(records, id);
  if (job.kind === "absent" || job.kind === "expired") return { kind: "absent" };
  const { header } = job;
  if (header.kind !== "files") return toOtherJobView(job);
  if (job.kind === "ended") return toEndedView(job);
  const partsDone = (await findAnsweredParts(records, id)).size;
  const retryAfterMs = estimateJobPauseMs(header, partsDone, settings);
  return { kind: "running", header, partsDone, retryAfterMs };
}

function toOtherJobView(job: Extract<JobStatus, { kind: "running" | "ended" }>): JobView {
  if (job.kind === "running")
    return { kind: "running", header: job.header, partsDone: 0, retryAfterMs: otherJobRetryMs };
  return toEndedView(job);
}

const toEndedView = ({ header, end }: Extract<JobStatus, { kind: "ended" }>): JobView => ({
  kind: "ended",
  status: end.outcome,
  header,
  result: end.result ?? null,
  error: end.error ?? null,
});
