/**
 * Answers a lookup at once when its hashes fit into a request of 25 s; starts a job for the rest.
 */
import type { LookupOptions } from "../contracts/file-lookup.ts";
import type { FileReport } from "../contracts/file-result.ts";
import type { JobHeader } from "../storage/jobs.ts";
import type { BulkLookup } from "./bulk-lookup.ts";
import {
  createFileJob,
  enqueueFileJob,
  findExistingJob,
  startFileJob,
  type LookupRequest,
} from "./file-jobs.ts";
import type { FileHash, HashLookup, HashOutcome } from "./hash-lookup.ts";
import { findAnsweredParts, readJobRequest, readResults, readSkipped } from "./job-records.ts";
import type { FileDeps, Unreachable } from "./ports.ts";
import { createReport, toFileHashes, toFileResults } from "./report.ts";
import { estimateJobPauseMs, estimateRetryAfterMs } from "./retry-after.ts";
import type { LookupPlan } from "./single-flight.ts";

/** The outcome of a lookup. */
export type LookupOutcome =
  | { readonly kind: "report"; readonly report: FileReport; readonly options: LookupOptions }
  | {
      readonly kind: "job";
      readonly id: string;
      readonly hashes: number;
      readonly retryAfterMs: number;
    }
  /** The same idempotency key with another request. */
  | { readonly kind: "conflict" }
  /** Defender is out of reach and the cache knows none of the hashes. */
  | Unreachable;

export interface AnswerDeps extends FileDeps {
  readonly lookUpHashes: HashLookup;
  readonly bulk: Pick<BulkLookup, "readDisabled">;
}

/** A request is answered within 25 s: no call starts after 18 s, none lasts beyond 24 s. */
const maxStartMs = 18_000;
const maxAnswerMs = 24_000;
/**
 * Reading 20,000 cache blobs may take longer than a request: what is unread by then becomes a job.
 */
const maxCacheMs = 8_000;
/** Requests of one process that wait for Defender; more become jobs at once. */
const maxWaiting = 64;
const bulkBatchSize = 1_000;

/** Answers the lookups of one process. */
export class LookupAnswerer {
  readonly #deps: AnswerDeps;
  #waitingRequests = 0;

  constructor(deps: AnswerDeps) {
    this.#deps = deps;
  }

  /** Answers a lookup, or turns it into a job. */
  async answer(request: LookupRequest): Promise<LookupOutcome> {
    const { clock, lookUpHashes } = this.#deps;
    const nowMs = clock.now();
    if (request.idempotencyKey !== undefined) {
      const repeatedOutcome = await this.#findRepeatedOutcome(request, nowMs);
      if (repeatedOutcome) return repeatedOutcome;
    }
    const hashes = toFileHashes(request.requested);
    const fromCache = await lookUpHashes(hashes, createPlan(request.options, nowMs, nowMs));
    const unanswered = hashes.filter((_, index) => fromCache[index]?.kind === "later");
    if (unanswered.length === 0) return this.#toReportOutcome(request, fromCache, nowMs);
    const repeatedOutcome =
      request.idempotencyKey === undefined
        ? await this.#findRepeatedOutcome(request, nowMs)
        : undefined;
    if (repeatedOutcome) return repeatedOutcome;
    if (this.#mustBecomeJob(unanswered.length))
      return this.#startJob(request, unanswered.length, 0);
    const fresh = await this.#lookUpNow(unanswered, request.options, nowMs);
    const byHash = new Map(unanswered.map(({ hash }, index) => [hash, fresh[index]]));
    const outcomes = hashes.map(({ hash }, index) => byHash.get(hash) ?? fromCache[index]);
    return this.#toOutcome(request, outcomes, nowMs);
  }

  /** Stores a request as a job, unless its job exists. */
  async createJob(
    request: LookupRequest,
  ): Promise<{ kind: "job"; id: string } | { kind: "conflict" }> {
    const { records, clock } = this.#deps;
    const existing = await findExistingJob(records, request, clock.now());
    if (existing.kind === "conflict") return existing;
    if (existing.kind === "job") return { kind: "job", id: existing.job.header.id };
    const isBulk = await this.#usesBulkPath(request.requested.length);
    const written = await createFileJob(this.#deps, existing.id, request, isBulk);
    return written === "conflict" ? { kind: "conflict" } : { kind: "job", id: existing.id };
  }

  /** Reads every result of a file job. */
  async readReport(header: JobHeader): Promise<{ report: FileReport; options: LookupOptions }> {
    const { records } = this.#deps;
    const { options } = readJobRequest(header);
    const [fileResults, skipped] = await Promise.all([
      readResults(records, header),
      readSkipped(records, header),
    ]);
    return { report: createReport(fileResults, skipped, options), options };
  }

  async #findRepeatedOutcome(
    request: LookupRequest,
    nowMs: number,
  ): Promise<LookupOutcome | undefined> {
    const { records, settings } = this.#deps;
    const existing = await findExistingJob(records, request, nowMs);
    if (existing.kind === "conflict") return existing;
    if (existing.kind === "new") return undefined;
    const { header } = existing.job;
    if (existing.job.kind === "ended")
      return { kind: "report", ...(await this.readReport(header)) };
    // The process of the first request may have crashed between the job and its message.
    await enqueueFileJob(this.#deps, header.id);
    const partsDone = (await findAnsweredParts(records, header.id)).size;
    return {
      kind: "job",
      id: header.id,
      hashes: readJobRequest(header).hashes,
      retryAfterMs: estimateJobPauseMs(header, partsDone, settings),
    };
  }

  #mustBecomeJob(unanswered: number): boolean {
    const { bulkThreshold, callsPerMinute } = this.#deps.settings;
    return (
      unanswered >= bulkThreshold ||
      unanswered > callsPerMinute ||
      this.#waitingRequests >= maxWaiting
    );
  }

  async #usesBulkPath(hashes: number): Promise<boolean> {
    const { settings, bulk } = this.#deps;
    return hashes >= settings.bulkThreshold && (await bulk.readDisabled()) === undefined;
  }

  async #lookUpNow(
    hashes: readonly FileHash[],
    options: LookupOptions,
    nowMs: number,
  ): Promise<HashOutcome[]> {
    this.#waitingRequests += 1;
    try {
      return await this.#deps.lookUpHashes(hashes, createPlan(options, nowMs, nowMs + maxStartMs));
    } finally {
      this.#waitingRequests -= 1;
    }
  }

  async #toOutcome(
    request: LookupRequest,
    outcomes: readonly (HashOutcome | undefined)[],
    nowMs: number,
  ): Promise<LookupOutcome> {
    const laterPausesMs = collectPauses(outcomes, "later");
    if (laterPausesMs.length > 0)
      return this.#startJob(request, laterPausesMs.length, Math.max(...laterPausesMs));
    const downPausesMs = collectPauses(outcomes, "down");
    if (downPausesMs.length > 0 && downPausesMs.length === outcomes.length)
      return { kind: "down", retryAfterMs: Math.max(...downPausesMs) };
    return this.#toReportOutcome(request, outcomes, nowMs);
  }

  async #startJob(
    request: LookupRequest,
    unanswered: number,
    notBeforeMs: number,
  ): Promise<LookupOutcome> {
    const { records, clock, settings } = this.#deps;
    const isBulk = await this.#usesBulkPath(unanswered);
    const existing = await findExistingJob(records, request, clock.now());
    if (existing.kind === "conflict") return existing;
    const id = existing.kind === "new" ? existing.id : existing.job.header.id;
    const started = await startFileJob(this.#deps, id, request, isBulk);
    if (started === "conflict") return { kind: "conflict" };
    const batches = isBulk ? Math.ceil(unanswered / bulkBatchSize) : 0;
    const retryAfterMs = estimateRetryAfterMs(
      { hashes: unanswered, batches },
      settings,
      notBeforeMs,
    );
    return { kind: "job", id, hashes: request.requested.length, retryAfterMs };
  }

  #toReportOutcome(
    request: LookupRequest,
    outcomes: readonly (HashOutcome | undefined)[],
    nowMs: number,
  ): LookupOutcome {
    const results = toFileResults(request.requested, outcomes, nowMs);
    const report = createReport(results, request.skipped, request.options);
    const cached = results.filter(({ fromCache }) => fromCache).length;
    this.#deps.logEvent({
      kind: "lookup",
      hashes: results.length,
      ...report.summary,
      cached,
      source: "request",
    });
    return { kind: "report", report, options: request.options };
  }
}

const collectPauses = (
  outcomes: readonly (HashOutcome | undefined)[],
  kind: "later" | "down",
): number[] =>
  outcomes.flatMap((outcome) =>
    outcome?.kind === kind && "retryAfterMs" in outcome ? [outcome.retryAfterMs] : [],
  );

/** @param startUntilMs - no call starts after this; equal to `nowMs` to read the cache alone */
const createPlan = (options: LookupOptions, nowMs: number, startUntilMs: number): LookupPlan => ({
  lookBackHours: options.lookBackHours,
  shouldFetchInformation: options.information,
  freshAtMs: nowMs,
  startUntilMs,
  endMs: nowMs + (startUntilMs > nowMs ? maxAnswerMs : maxCacheMs),
  isFinal: true,
});
