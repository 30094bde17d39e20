/** The files room's desk: answers at once what fits in a request, opens a job for the rest, works jobs off. */
import type { FileLookupMessage, LookupOptions } from "../contracts/file-lookup.ts";
import type { FileReport } from "../contracts/file-result.ts";
import { findJob, type JobHeader } from "../storage/jobs.ts";
import type { LookUpPlan } from "./single-flight.ts";
import { openBulk, type Bulk } from "./bulk.ts";
import { openFileCache } from "./cache.ts";
import {
  findRepeated,
  partsDone,
  readResults,
  readSkipped,
  requestOf,
  startJob,
  wakeJob,
  writeJob,
  type FileQuestion,
} from "./file-jobs.ts";
import { openLookUp, type LookUpOutcome, type Wanted } from "./look-up.ts";
import { retryAfterMs } from "./pace.ts";
import type { FilesOutside } from "./ports.ts";
import { reportOf, resultOf, type Asked } from "./report.ts";
import { cancelJob, workOff } from "./work-part.ts";

/** What a lookup comes to. */
export type AskOutcome =
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

export interface FilesDesk {
  readonly ask: (question: FileQuestion) => Promise<AskOutcome>;
  /** Writes a question down as a job without answering it, for whoever cannot wait; `conflict` as with `ask`. */
  readonly prepare: (
    question: FileQuestion,
  ) => Promise<{ kind: "job"; id: string } | { kind: "conflict" }>;
  /** Puts a prepared job on the queue; doing so again changes nothing. */
  readonly wake: (id: string) => Promise<void>;
  readonly job: (id: string) => Promise<JobView>;
  /** Every result of a file job; pending where nothing is known yet. */
  readonly results: (header: JobHeader) => Promise<{ report: FileReport; options: LookupOptions }>;
  readonly cancel: (header: JobHeader) => Promise<boolean>;
  readonly work: (message: FileLookupMessage) => Promise<void>;
  /** Until when the short way is off, for health. */
  readonly shortWayOff: Bulk["off"];
}

/** A request is answered within 25 s: no call starts after 18, none lasts beyond 24. */
const startMs = 18_000;
const answerMs = 24_000;
/** What the cache has not told by then is a job's to find out: 20,000 blobs may take longer than a request. */
const cacheMs = 8_000;
// More requests than this waiting for Defender in one process become jobs at once.
const mostWaiting = 64;
const otherJobMs = 15_000;

/** @returns one desk for a process; its cache and its calls in flight are shared by every door */
export function openFilesDesk(outside: FilesOutside): FilesDesk {
  const { records, clock, settings } = outside;
  const cache = openFileCache(records, outside.newAttempt, clock);
  const lookUp = openLookUp({ ...outside, cache });
  const bulk = openBulk({ ...outside, cache });
  let waiting = 0;

  const ask = async (question: FileQuestion): Promise<AskOutcome> => {
    const nowMs = clock.now();
    if (question.idempotencyKey !== undefined) {
      const known = await repeated(question, nowMs);
      if (known) return known;
    }
    const wanted = wantedOf(question.asked);
    const fromCache = await lookUp(wanted, planOf(question.options, nowMs, nowMs));
    const open = wanted.filter((_, index) => fromCache[index]?.kind === "later");
    if (open.length === 0) return reported(question, fromCache, nowMs);
    const known =
      question.idempotencyKey === undefined ? await repeated(question, nowMs) : undefined;
    if (known) return known;
    if (
      open.length >= settings.bulkFrom ||
      open.length > settings.callsPerMinute ||
      waiting >= mostWaiting
    )
      return toJob(question, open.length, 0);
    waiting += 1;
    const fresh = await lookUp(open, planOf(question.options, nowMs, nowMs + startMs)).finally(
      () => (waiting -= 1),
    );
    const byHash = new Map(open.map(({ hash }, index) => [hash, fresh[index]]));
    const outcomes = wanted.map(({ hash }, index) => byHash.get(hash) ?? fromCache[index]);
    const later = outcomes.flatMap((outcome) =>
      outcome?.kind === "later" ? [outcome.retryAfterMs] : [],
    );
    if (later.length > 0) return toJob(question, later.length, Math.max(...later));
    const down = outcomes.flatMap((outcome) =>
      outcome?.kind === "down" ? [outcome.retryAfterMs] : [],
    );
    if (down.length > 0 && down.length === outcomes.length)
      return { kind: "down", retryAfterMs: Math.max(...down) };
    return reported(question, outcomes, nowMs);
  };

  const repeated = async (
    question: FileQuestion,
    nowMs: number,
  ): Promise<AskOutcome | undefined> => {
    const found = await findRepeated(records, question, nowMs);
    if (found.kind === "conflict") return found;
    if (found.kind === "new") return undefined;
    const { header } = found.job;
    if (found.job.kind === "ended") return { kind: "report", ...(await results(header)) };
    // The first request may have died between the job and its message.
    await outside.queues.send("file-lookups", {
      version: 1,
      job: header.id,
    } satisfies FileLookupMessage);
    return {
      kind: "job",
      id: header.id,
      hashes: requestOf(header).hashes,
      retryAfterMs: await pauseOf(header),
    };
  };

  const toJob = async (
    question: FileQuestion,
    open: number,
    notBeforeMs: number,
  ): Promise<AskOutcome> => {
    const short = open >= settings.bulkFrom && (await bulk.off()) === undefined;
    const found = await findRepeated(records, question, clock.now());
    if (found.kind === "conflict") return found;
    const id = found.kind === "new" ? found.id : found.job.header.id;
    const started = await startJob(outside, id, question, short);
    if (started === "conflict") return { kind: "conflict" };
    const batches = short ? Math.ceil(open / 1_000) : 0;
    const pauseMs = retryAfterMs({ hashes: open, batches }, settings, notBeforeMs);
    return { kind: "job", id, hashes: question.asked.length, retryAfterMs: pauseMs };
  };

  const prepare: FilesDesk["prepare"] = async (question) => {
    const found = await findRepeated(records, question, clock.now());
    if (found.kind === "conflict") return found;
    if (found.kind === "job") return { kind: "job", id: found.job.header.id };
    const short = question.asked.length >= settings.bulkFrom && (await bulk.off()) === undefined;
    const written = await writeJob(outside, found.id, question, short);
    return written === "conflict" ? { kind: "conflict" } : { kind: "job", id: found.id };
  };

  const reported = (
    question: FileQuestion,
    outcomes: readonly (LookUpOutcome | undefined)[],
    nowMs: number,
  ): AskOutcome => {
    let next = 0;
    const results = question.asked.map((asked) =>
      resultOf(asked, asked.kind === "invalid" ? undefined : outcomes[next++], nowMs, true),
    );
    const report = reportOf(results, question.skipped, question.options);
    const cached = results.filter(({ fromCache }) => fromCache).length;
    outside.note({
      kind: "lookup",
      hashes: results.length,
      ...report.summary,
      cached,
      source: "request",
    });
    return { kind: "report", report, options: question.options };
  };

  const results: FilesDesk["results"] = async (header) => {
    const { options } = requestOf(header);
    const [all, skipped] = await Promise.all([
      readResults(records, header),
      readSkipped(records, header),
    ]);
    return { report: reportOf(all, skipped, options), options };
  };

  const pauseOf = async (header: JobHeader): Promise<number> =>
    pauseAfter(header, (await partsDone(records, header.id)).size);

  const pauseAfter = (header: JobHeader, done: number): number => {
    const { partSize, bulk: short } = requestOf(header);
    const parts = header.parts - done;
    return retryAfterMs({ hashes: parts * partSize, batches: short ? parts : 0 }, settings);
  };

  return {
    ask,
    prepare,
    wake: (id) => wakeJob(outside, id),
    results,
    job: async (id) => {
      const job = await findJob(records, id);
      if (job.kind === "absent" || job.kind === "expired") return { kind: "absent" };
      if (job.header.kind !== "files") return otherJob(job);
      if (job.kind === "ended")
        return { kind: "ended", outcome: job.end.outcome, header: job.header };
      const done = (await partsDone(records, id)).size;
      return {
        kind: "running",
        header: job.header,
        partsDone: done,
        retryAfterMs: pauseAfter(job.header, done),
      };
    },
    cancel: (header) => cancelJob(outside, header),
    work: (message) => workOff({ ...outside, cache, lookUp, bulk }, message),
    shortWayOff: bulk.off,
  };
}

type ReadableJob = Extract<Awaited<ReturnType<typeof findJob>>, { kind: "running" | "ended" }>;

function otherJob(job: ReadableJob): JobView {
  if (job.kind === "running")
    return { kind: "running", header: job.header, partsDone: 0, retryAfterMs: otherJobMs };
  if (job.end.result) return { kind: "result", result: job.end.result };
  return { kind: "ended", outcome: job.end.outcome, header: job.header };
}

const wantedOf = (asked: readonly Asked[]): Wanted[] =>
  asked.flatMap((each) => (each.kind === "invalid" ? [] : [{ hash: each.hash, kind: each.kind }]));

/** @param startUntilMs - no call after this; the start itself for the cache alone */
const planOf = (options: LookupOptions, nowMs: number, startUntilMs: number): LookUpPlan => ({
  lookBackHours: options.lookBackHours,
  information: options.information,
  freshAtMs: nowMs,
  startUntilMs,
  endMs: nowMs + (startUntilMs > nowMs ? answerMs : cacheMs),
  settle: true,
});
