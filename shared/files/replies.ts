/** What the HTTP doors of this room answer, as plain data: a report as JSON or CSV, a job accepted, a job's state. */
import type { LookupOptions } from "../contracts/file-lookup.ts";
import type { FileReport } from "../contracts/file-result.ts";
import type { JobHeader } from "../storage/jobs.ts";
import { later, Problem } from "../http/problem.ts";
import { csvOf, prefersCsv } from "./csv.ts";
import type { AskOutcome, JobView } from "./file-lookup-service.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const json = (
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status,
  headers: {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    ...headers,
  },
  body: JSON.stringify(body),
});

/** A report in the form that `Accept` prefers; both forms carry the same results. */
export function reportReply(
  report: FileReport,
  options: LookupOptions,
  accept: string | null,
  more: object = {},
): Reply {
  if (!prefersCsv(accept)) return json(200, { ...report, ...more });
  const headers = { "content-type": "text/csv; charset=utf-8", "cache-control": "no-store" };
  return { status: 200, headers, body: csvOf(report, options) };
}

/** 202 with where to look and when: the pattern that Logic Apps follow by themselves. */
export function runningReply(
  job: {
    readonly id: string;
    readonly hashes?: number;
    readonly createdAt?: string;
    readonly expiresAt?: string;
  },
  retryAfterMs: number,
  location: string,
  report?: FileReport,
): Reply {
  const headers = { location, "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  return json(202, { job: { ...job, status: "running", location }, ...report }, headers);
}

/**
 * The answer to a lookup.
 *
 * @param locate - makes the signed URL of a job
 * @throws Problem 409 for a taken idempotency key, 503 when Defender is out of reach
 */
export async function askReply(
  outcome: AskOutcome,
  accept: string | null,
  locate: (id: string) => Promise<string>,
): Promise<Reply> {
  switch (outcome.kind) {
    case "report":
      return reportReply(outcome.report, outcome.options, accept);
    case "job": {
      const { id, hashes } = outcome;
      return runningReply({ id, hashes }, outcome.retryAfterMs, await locate(id));
    }
    case "conflict":
      throw new Problem(409, "This Idempotency-Key was used for another lookup; send a new key.");
    case "down":
      throw later(
        "Defender cannot be reached and nothing is known of these hashes.",
        outcome.retryAfterMs,
      );
  }
}

/** How a job stands: 202 while it runs, with what is known so far on request; then 200 with its report. */
export async function jobReply(
  view: Exclude<JobView, { kind: "absent" }>,
  wishes: { readonly accept: string | null; readonly partial: boolean; readonly location: string },
  results: (header: JobHeader) => Promise<{ report: FileReport; options: LookupOptions }>,
): Promise<Reply> {
  if (view.kind === "result") return json(200, view.result);
  const { id, createdAt, expiresAt, kind } = view.header;
  if (view.kind === "running") {
    const so = wishes.partial && kind === "files" ? (await results(view.header)).report : undefined;
    return runningReply(
      { id, createdAt, expiresAt, ...progress(view) },
      view.retryAfterMs,
      wishes.location,
      so,
    );
  }
  const status = { job: { id, status: view.outcome, createdAt, expiresAt } };
  if (kind !== "files") return json(200, status);
  const { report, options } = await results(view.header);
  return reportReply(report, options, wishes.accept, view.outcome === "done" ? {} : status);
}

const progress = (view: { header: JobHeader; partsDone: number }) =>
  view.header.parts === 0 ? {} : { parts: view.header.parts, partsDone: view.partsDone };

/** A job ended by its owner; `cancelled` is false when it had ended before. */
export const cancelReply = (id: string, cancelled: boolean): Reply =>
  json(200, { job: { id }, cancelled });
