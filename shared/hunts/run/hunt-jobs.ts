/** Jobs of hunts: a run or a backfill that was requested over HTTP, and how it ended. */
import { endJob, findJob, createJobHeader, deriveJobId, jobPaths } from "../../storage/jobs.ts";
import * as z from "zod/mini";
import type { HuntRun } from "../../contracts/hunt-run.ts";
import { huntHead } from "../../contracts/hunt-state.ts";
import { formatInstant, ticksFromMs } from "../../runtime/time.ts";
import { listExportsAfter } from "./announce.ts";
import { parseExportPath } from "../log/paths.ts";
import type { ExportRecord, HuntContext, HuntDeps } from "../ports.ts";
import type { LogEnd } from "../log/log-end.ts";
import { formatCursor } from "../poll-exports.ts";

/** The stored request of a hunt job. */
const jobRequestSchema = z.object({
  hunt: z.string(),
  scheduledFor: z.string(),
  backfill: z.optional(z.object({ from: z.string(), to: z.string() })),
  /** The newest export when the request arrived; the result lists what follows it. */
  after: huntHead.shape.notified,
});
type HuntJobRequest = z.infer<typeof jobRequestSchema>;

/** How a run with a job ended. */
export type RunOutcome =
  | {
      readonly outcome: "succeeded";
      readonly records: readonly ExportRecord[];
      readonly logEnd: Pick<LogEnd, "version" | "from"> | undefined;
    }
  | { readonly outcome: "failed"; readonly reason: string };

/** Maximum exports in a job's result; `windows` counts all of them. */
const maxListed = 1_000;

/** Ends the job of a message, if it has one. */
export async function endHuntJob(
  { deps, serverNow }: HuntContext,
  message: HuntRun,
  end: RunOutcome,
): Promise<void> {
  if (message.job === undefined) return;
  const endedAt = formatInstant(serverNow).replace(/\.\d+Z$/, "Z");
  const outcome =
    end.outcome === "succeeded"
      ? { result: await buildJobResult(deps, message, message.job, end) }
      : { error: { code: "huntFailed", message: end.reason } };
  const ended = await endJob(deps.records, message.job, {
    version: 1,
    endedAt,
    outcome: end.outcome,
    ...outcome,
  });
  if (ended)
    deps.logEvent("job.finished", { job: message.job, kind: "hunt", outcome: end.outcome });
}

/** Lists all exports since the request, those of earlier runs included. */
async function buildJobResult(
  deps: HuntDeps,
  message: HuntRun,
  job: string,
  { records, logEnd }: Extract<RunOutcome, { outcome: "succeeded" }>,
): Promise<Record<string, unknown>> {
  const stored = await findJob(deps.records, job);
  const request =
    stored.kind === "running" ? jobRequestSchema.safeParse(stored.header.request).data : undefined;
  const allExports =
    request && logEnd && !message.backfill
      ? await listExportsAfter(deps, message.hunt, request.after, logEnd)
      : records;
  const exports = allExports.filter(({ metadata }) => metadata.complete !== "closed");
  return {
    hunt: message.hunt,
    windows: exports.length,
    rows: exports.reduce((sum, { metadata }) => sum + metadata.rows, 0),
    exports: exports.slice(0, maxListed).map(toListedExport),
  };
}

/**
 * Returns an export as JSON; with the cursor for reading its rows when it belongs to the hunt's own
 * log.
 */
export const toListedExport = ({ path, metadata }: ExportRecord): object => ({
  cursor: toCursor(parseExportPath(path)),
  seq: metadata.seq,
  from: metadata.from,
  to: metadata.to,
  rows: metadata.rows,
  complete: metadata.complete,
  blob: path,
});

const toCursor = (cursor: ReturnType<typeof parseExportPath>): string | null =>
  cursor === undefined ? null : formatCursor(cursor);

/** The job of a request, or a different request under the same key. */
export type JobCreation =
  | {
      readonly kind: "open";
      readonly id: string;
      readonly createdAtMs: number;
      readonly isNew: boolean;
      readonly request: HuntJobRequest;
    }
  | { readonly kind: "other-request" };

/**
 * Creates the job of a request, or finds the one that the same key and request created.
 *
 * @param key - the caller's idempotency key, or a random one
 */
export async function createHuntJob(
  deps: Pick<HuntDeps, "records" | "createAttemptId">,
  key: string,
  request: HuntJobRequest,
  serverNowMs: number,
): Promise<JobCreation> {
  const id = deriveJobId("hunt", request.hunt, key);
  const requestHash = deriveJobId("hunt", request.hunt, JSON.stringify(request.backfill ?? null));
  const header = createJobHeader(serverNowMs, {
    id,
    kind: "hunt",
    attempt: deps.createAttemptId(),
    requestHash,
    parts: 0,
    request,
  });
  const outcome = await deps.records.create(jobPaths.header(id), header);
  if (outcome.kind === "written")
    return { kind: "open", id, createdAtMs: serverNowMs, isNew: true, request };
  const existing = await findJob(deps.records, id);
  const existingHeader =
    existing.kind === "running" || existing.kind === "ended" ? existing.header : undefined;
  const existingRequest = existingHeader && jobRequestSchema.safeParse(existingHeader.request).data;
  if (!existingHeader || !existingRequest || existingHeader.requestHash !== requestHash)
    return { kind: "other-request" };
  return {
    kind: "open",
    id,
    createdAtMs: Date.parse(existingHeader.createdAt),
    isNew: false,
    request: existingRequest,
  };
}

/** Formats the instant of a request for its job and its message. */
export const formatInstantFromMs = (ms: number): string => formatInstant(ticksFromMs(ms));
