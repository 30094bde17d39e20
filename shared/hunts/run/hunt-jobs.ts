/** Jobs of hunts: a run or a backfill that somebody asked for over HTTP, and how it ended. */
import {
  endJob,
  findJob,
  jobAgeMs,
  jobIdFor,
  jobPaths,
  type JobHeader,
} from "../../storage/jobs.ts";
import * as z from "zod/mini";
import type { HuntRun } from "../../contracts/hunt-run.ts";
import { huntHead } from "../../contracts/hunt-state.ts";
import { formatInstant, ticksFromMs, type Ticks } from "../../runtime/time.ts";
import { exportsAfter } from "./announce.ts";
import { placeOf } from "../log/paths.ts";
import type { FoundExport, HuntPorts } from "../ports.ts";
import type { Tip } from "../log/log-end.ts";
import { writeCursor } from "../views.ts";

/** What a hunt job remembers of its request. */
const request = z.object({
  hunt: z.string(),
  scheduledFor: z.string(),
  backfill: z.optional(z.object({ from: z.string(), to: z.string() })),
  /** The newest export as the request came in; the result lists what came after it. */
  after: huntHead.shape.notified,
});
type Request = z.infer<typeof request>;

/** How a run that belongs to a job has ended. */
export type RunEnd =
  | {
      readonly outcome: "done";
      readonly records: readonly FoundExport[];
      readonly tip: Pick<Tip, "version" | "from"> | undefined;
    }
  | { readonly outcome: "failed"; readonly reason: string };

/** The most exports that a job's result lists; the rest is named by number. */
const mostListed = 1_000;

/** Tells the order's job, if it has one, how it ended. */
export async function endHuntJob(
  ports: HuntPorts,
  order: HuntRun,
  end: RunEnd,
  serverNow: Ticks,
): Promise<void> {
  if (order.job === undefined) return;
  const endedAt = formatInstant(serverNow).replace(/\.\d+Z$/, "Z");
  const result =
    end.outcome === "done" ? await resultOf(ports, order, order.job, end) : { problem: end.reason };
  const ended = await endJob(ports.records, order.job, {
    version: 1,
    endedAt,
    outcome: end.outcome,
    result: { hunt: order.hunt, outcome: end.outcome, ...result },
  });
  if (ended) ports.log("job.finished", { job: order.job, kind: "hunt", outcome: end.outcome });
}

/** All exports since the request, also those of the runs before this one. */
async function resultOf(
  ports: HuntPorts,
  order: HuntRun,
  job: string,
  { records, tip }: Extract<RunEnd, { outcome: "done" }>,
): Promise<object> {
  const found = await findJob(ports.records, job);
  const asked = found.kind === "running" ? request.safeParse(found.header.request).data : undefined;
  const all =
    asked && tip && !order.backfill
      ? await exportsAfter(ports, order.hunt, asked.after, tip)
      : records;
  const exports = all.filter(({ metadata }) => metadata.complete !== "closed");
  return {
    windows: exports.length,
    rows: exports.reduce((sum, { metadata }) => sum + metadata.rows, 0),
    exports: exports.slice(0, mostListed).map(listed),
  };
}

/** An export as JSON lists it; with the cursor under which its rows can be read, where it lies in the hunt's own log. */
export const listed = ({ path, metadata }: FoundExport): object => ({
  ...cursorIn(placeOf(path)),
  seq: metadata.seq,
  from: metadata.from,
  to: metadata.to,
  rows: metadata.rows,
  complete: metadata.complete,
  blob: path,
});

const cursorIn = (place: ReturnType<typeof placeOf>): object =>
  place === undefined ? {} : { cursor: writeCursor(place) };

/** What asking for a job has led to. */
export type JobOpened =
  | {
      readonly kind: "open";
      readonly id: string;
      readonly createdAtMs: number;
      readonly fresh: boolean;
      readonly request: Request;
    }
  | { readonly kind: "other-request" };

/**
 * Opens the job of a request. The same key finds the same job as long as it asks for the same.
 *
 * @param key - the caller's idempotency key, or something random
 */
export async function openHuntJob(
  ports: Pick<HuntPorts, "records" | "attemptId">,
  key: string,
  asked: Request,
  serverNowMs: number,
): Promise<JobOpened> {
  const id = jobIdFor("hunt", asked.hunt, key);
  const askedHash = jobIdFor("hunt", asked.hunt, JSON.stringify(asked.backfill ?? null));
  const header: JobHeader = {
    version: 1,
    id,
    kind: "hunt",
    createdAt: new Date(serverNowMs).toISOString(),
    expiresAt: new Date(serverNowMs + jobAgeMs).toISOString(),
    attempt: ports.attemptId(),
    askedHash,
    parts: 0,
    request: asked,
  };
  const outcome = await ports.records.create(jobPaths.header(id), header);
  if (outcome.kind === "written")
    return { kind: "open", id, createdAtMs: serverNowMs, fresh: true, request: asked };
  const there = await findJob(ports.records, id);
  const former = there.kind === "running" || there.kind === "ended" ? there.header : undefined;
  const known = former && request.safeParse(former.request).data;
  if (!former || !known || former.askedHash !== askedHash) return { kind: "other-request" };
  return {
    kind: "open",
    id,
    createdAtMs: Date.parse(former.createdAt),
    fresh: false,
    request: known,
  };
}

/** The instant of a request, for its job and its message. */
export const asInstant = (ms: number): string => formatInstant(ticksFromMs(ms));
