/** The files room's desk: answers at once what fits in a request, opens a job for the rest, works jobs off. */
import type { FileLookupMessage, LookupOptions } from "../contracts/file-lookup.ts";
import type { FileReport } from "../contracts/file-result.ts";
import { findJob, type JobHeader } from "../storage/jobs.ts";
import type { LookupPlan } from "./single-flight.ts";
import { createBulkLookup, type BulkLookup } from "./bulk-lookup.ts";
import { createFileCache } from "./cache.ts";
import {
  findExistingJob,
  findAnsweredParts,
  readResults,
  readSkipped,
  readJobRequest,
  startFileJob,
  enqueueFileJob,
  createFileJob,
  type LookupRequest,
} from "./file-jobs.ts";
import { createHashLookup, type HashOutcome, type FileHash } from "./hash-lookup.ts";
import { estimateRetryAfterMs } from "./retry-after.ts";
import type { FileDeps } from "./ports.ts";
import { createReport, toFileResult, type RequestedHash } from "./report.ts";
import { cancelJob, handleLookupMessage } from "./handle-lookup-message.ts";

/** What a lookup comes to. */
export type LookupOutcome =
  | { readonly kind: "report"; readonly report: FileReport; readonly options: LookupOptions }
  | {
      readonly kind: "job";
      readonly id: string;
      readonly hashes: number;
      readonly retryAfterMs: number;
    }
  /** The same idempotency key, another question. */
  | { readonly kind: "conflict" }
  /** Defender is out of reach and the cache knows nothing of any of the hashes. */
  | { readonly kind: "down"; readonly retryAfterMs: number };

/** How a job stands. */
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
      readonly outcome: "done" | "failed" | "cancelled";
      readonly header: JobHeader;
    }
  /** Of another room: its end carries the answer. */
  | { readonly kind: "result"; readonly result: Readonly<Record<string, unknown>> };

export interface FileLookupService {
  readonly lookUpFiles: (request: LookupRequest) => Promise<LookupOutcome>;
  /** Writes a question down as a job without answering it, for whoever cannot wait; `conflict` as with `lookUpFiles`. */
  readonly createJob: (
    request: LookupRequest,
  ) => Promise<{ kind: "job"; id: string } | { kind: "conflict" }>;
  /** Puts a prepared job on the queue; doing so again changes nothing. */
  readonly enqueueJob: (id: string) => Promise<void>;
  readonly readJob: (id: string) => Promise<JobView>;
  /** Every result of a file job; pending where nothing is known yet. */
  readonly readReport: (
    header: JobHeader,
  ) => Promise<{ report: FileReport; options: LookupOptions }>;
  readonly cancelJob: (header: JobHeader) => Promise<boolean>;
  readonly handleMessage: (message: FileLookupMessage) => Promise<void>;
  /** Until when the short way is off, for health. */
  readonly bulkDisabled: BulkLookup["readDisabled"];
}

/** A request is answered within 25 s: no call starts after 18, none lasts beyond 24. */
const maxStartMs = 18_000;
const maxAnswerMs = 24_000;
/** What the cache has not told by then is a job's to find out: 20,000 blobs may take longer than a request. */
const maxCacheMs = 8_000;
// More requests than this waiting for Defender in one process become jobs at once.
const maxWaiting = 64;
const otherJobRetryMs = 15_000;

/** @returns one desk for a process; its cache and its calls in flight are shared by every door */
export function createFileLookupService(deps: FileDeps): FileLookupService {
  const { records, clock, settings } = deps;
  const cache = createFileCache(records, deps.createAttemptId, clock);
  const lookUpHashes = createHashLookup({ ...deps, cache });
  const bulk = createBulkLookup({ ...deps, cache });
  let waitingRequests = 0;

  const lookUpFiles = async (request: LookupRequest): Promise<LookupOutcome> => {
    const nowMs = clock.now();
    if (request.idempotencyKey !== undefined) {
      const repeatedOutcome = await findRepeatedOutcome(request, nowMs);
      if (repeatedOutcome) return repeatedOutcome;
    }
    const hashes = toFileHashes(request.requested);
    const fromCache = await lookUpHashes(hashes, createPlan(request.options, nowMs, nowMs));
    const unanswered = hashes.filter((_, index) => fromCache[index]?.kind === "later");
    if (unanswered.length === 0) return toReportOutcome(request, fromCache, nowMs);
    const repeatedOutcome =
      request.idempotencyKey === undefined ? await findRepeatedOutcome(request, nowMs) : undefined;
    if (repeatedOutcome) return repeatedOutcome;
    if (
      unanswered.length >= settings.bulkThreshold ||
      unanswered.length > settings.callsPerMinute ||
      waitingRequests >= maxWaiting
    )
      return startLookupJob(request, unanswered.length, 0);
    waitingRequests += 1;
    const fresh = await lookUpHashes(
      unanswered,
      createPlan(request.options, nowMs, nowMs + maxStartMs),
    ).finally(() => (waitingRequests -= 1));
    const byHash = new Map(unanswered.map(({ hash }, index) => [hash, fresh[index]]));
    const outcomes = hashes.map(({ hash }, index) => byHash.get(hash) ?? fromCache[index]);
    const laterPausesMs = outcomes.flatMap((outcome) =>
      outcome?.kind === "later" ? [outcome.retryAfterMs] : [],
    );
    if (laterPausesMs.length > 0)
      return startLookupJob(request, laterPausesMs.length, Math.max(...laterPausesMs));
    const downPausesMs = outcomes.flatMap((outcome) =>
      outcome?.kind === "down" ? [outcome.retryAfterMs] : [],
    );
    if (downPausesMs.length > 0 && downPausesMs.length === outcomes.length)
      return { kind: "down", retryAfterMs: Math.max(...downPausesMs) };
    return toReportOutcome(request, outcomes, nowMs);
  };

  const findRepeatedOutcome = async (
    request: LookupRequest,
    nowMs: number,
  ): Promise<LookupOutcome | undefined> => {
    const existing = await findExistingJob(records, request, nowMs);
    if (existing.kind === "conflict") return existing;
    if (existing.kind === "new") return undefined;
    const { header } = existing.job;
    if (existing.job.kind === "ended") return { kind: "report", ...(await readReport(header)) };
    // The first request may have died between the job and its message.
    await deps.queues.send("file-lookups", {
      version: 1,
      job: header.id,
    } satisfies FileLookupMessage);
    return {
      kind: "job",
      id: header.id,
      hashes: readJobRequest(header).hashes,
      retryAfterMs: await readPauseMs(header),
    };
  };

  const startLookupJob = async (
    request: LookupRequest,
    unanswered: number,
    notBeforeMs: number,
  ): Promise<LookupOutcome> => {
    const isBulk =
      unanswered >= settings.bulkThreshold && (await bulk.readDisabled()) === undefined;
    const existing = await findExistingJob(records, request, clock.now());
    if (existing.kind === "conflict") return existing;
    const id = existing.kind === "new" ? existing.id : existing.job.header.id;
    const started = await startFileJob(deps, id, request, isBulk);
    if (started === "conflict") return { kind: "conflict" };
    const batches = isBulk ? Math.ceil(unanswered / 1_000) : 0;
    const pauseMs = estimateRetryAfterMs({ hashes: unanswered, batches }, settings, notBeforeMs);
    return { kind: "job", id, hashes: request.requested.length, retryAfterMs: pauseMs };
  };

  const createJob: FileLookupService["createJob"] = async (request) => {
    const existing = await findExistingJob(records, request, clock.now());
    if (existing.kind === "conflict") return existing;
    if (existing.kind === "job") return { kind: "job", id: existing.job.header.id };
    const isBulk =
      request.requested.length >= settings.bulkThreshold &&
      (await bulk.readDisabled()) === undefined;
    const written = await createFileJob(deps, existing.id, request, isBulk);
    return written === "conflict" ? { kind: "conflict" } : { kind: "job", id: existing.id };
  };

  const toReportOutcome = (
    request: LookupRequest,
    outcomes: readonly (HashOutcome | undefined)[],
    nowMs: number,
  ): LookupOutcome => {
    let next = 0;
    const results = request.requested.map((requested) =>
      toFileResult(
        requested,
        requested.kind === "invalid" ? undefined : outcomes[next++],
        nowMs,
        true,
      ),
    );
    const report = createReport(results, request.skipped, request.options);
    const cached = results.filter(({ fromCache }) => fromCache).length;
    deps.logEvent({
      kind: "lookup",
      hashes: results.length,
      ...report.summary,
      cached,
      source: "request",
    });
    return { kind: "report", report, options: request.options };
  };

  const readReport: FileLookupService["readReport"] = async (header) => {
    const { options } = readJobRequest(header);
    const [fileResults, skipped] = await Promise.all([
      readResults(records, header),
      readSkipped(records, header),
    ]);
    return { report: createReport(fileResults, skipped, options), options };
  };

  const readPauseMs = async (header: JobHeader): Promise<number> =>
    estimatePauseMs(header, (await findAnsweredParts(records, header.id)).size);

  const estimatePauseMs = (header: JobHeader, done: number): number => {
    const { partSize, bulk: isBulk } = readJobRequest(header);
    const parts = header.parts - done;
    return estimateRetryAfterMs(
      { hashes: parts * partSize, batches: isBulk ? parts : 0 },
      settings,
    );
  };

  return {
    lookUpFiles,
    createJob,
    enqueueJob: (id) => enqueueFileJob(deps, id),
    readReport,
    readJob: async (id) => {
      const job = await findJob(records, id);
      if (job.kind === "absent" || job.kind === "expired") return { kind: "absent" };
      if (job.header.kind !== "files") return toOtherJobView(job);
      if (job.kind === "ended")
        return { kind: "ended", outcome: job.end.outcome, header: job.header };
      const done = (await findAnsweredParts(records, id)).size;
      return {
        kind: "running",
        header: job.header,
        partsDone: done,
        retryAfterMs: estimatePauseMs(job.header, done),
      };
    },
    cancelJob: (header) => cancelJob(deps, header),
    handleMessage: (message) =>
      handleLookupMessage({ ...deps, cache, lookUpHashes, bulk }, message),
    bulkDisabled: bulk.readDisabled,
  };
}

type ReadableJob = Extract<Awaited<ReturnType<typeof findJob>>, { kind: "running" | "ended" }>;

function toOtherJobView(job: ReadableJob): JobView {
  if (job.kind === "running")
    return { kind: "running", header: job.header, partsDone: 0, retryAfterMs: otherJobRetryMs };
  if (job.end.result) return { kind: "result", result: job.end.result };
  return { kind: "ended", outcome: job.end.outcome, header: job.header };
}

const toFileHashes = (requested: readonly RequestedHash[]): FileHash[] =>
  requested.flatMap((each) =>
    each.kind === "invalid" ? [] : [{ hash: each.hash, kind: each.kind }],
  );

/** @param startUntilMs - no call after this; the start itself for the cache alone */
const createPlan = (options: LookupOptions, nowMs: number, startUntilMs: number): LookupPlan => ({
  lookBackHours: options.lookBackHours,
  shouldFetchInformation: options.information,
  freshAtMs: nowMs,
  startUntilMs,
  endMs: nowMs + (startUntilMs > nowMs ? maxAnswerMs : maxCacheMs),
  isFinal: true,
});
