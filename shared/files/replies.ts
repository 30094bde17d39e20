/** Builds the HTTP replies as plain data: a report as JSON or CSV, and the state of a job. */
import type { LookupOptions } from "../contracts/file-lookup.ts";
import type { FileReport } from "../contracts/file-result.ts";
import type { JobHeader } from "../storage/jobs.ts";
import { createRetryProblem, Problem } from "../contracts/problem.ts";
import { reportToCsv, prefersCsv } from "./report-csv.ts";
import type { LookupOutcome } from "./answer-lookup.ts";
import type { JobView } from "./file-lookup-service.ts";

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const toJsonReply = (
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): HttpReply => ({
  status,
  headers: {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    ...headers,
  },
  body: JSON.stringify(body),
});

/** Replies with a report in the form that `Accept` prefers; both forms hold the same results. */
function toReportReply(
  report: FileReport,
  options: LookupOptions,
  accept: string | null,
  extra: object = {},
): HttpReply {
  if (!prefersCsv(accept)) return toJsonReply(200, { ...report, ...extra });
  const headers = { "content-type": "text/csv; charset=utf-8", "cache-control": "no-store" };
  return { status: 200, headers, body: reportToCsv(report, options) };
}

/** Replies 202 with `Location` and `Retry-After`, which Logic Apps follow. */
function toRunningReply(
  job: {
    readonly id: string;
    readonly hashes?: number;
    readonly createdAt?: string;
    readonly expiresAt?: string;
  },
  retryAfterMs: number,
  location: string,
  report?: FileReport,
): HttpReply {
  const headers = { location, "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  return toJsonReply(202, { job: { ...job, status: "running", location }, ...report }, headers);
}

/**
 * Replies to a lookup.
 *
 * @param createJobUrl - makes the signed URL of a job
 * @throws Problem 409 for a taken idempotency key, 503 when Defender is out of reach
 */
export async function toLookupReply(
  outcome: LookupOutcome,
  accept: string | null,
  createJobUrl: (id: string) => Promise<string>,
): Promise<HttpReply> {
  switch (outcome.kind) {
    case "report":
      return toReportReply(outcome.report, outcome.options, accept);
    case "job": {
      const { id, hashes } = outcome;
      return toRunningReply({ id, hashes }, outcome.retryAfterMs, await createJobUrl(id));
    }
    case "conflict":
      throw new Problem(409, "This Idempotency-Key was used for another lookup. Send a new key.");
    case "down":
      throw createRetryProblem(
        "Defender cannot be reached and none of these hashes is cached. Retry later.",
        outcome.retryAfterMs,
      );
  }
}

/**
 * Replies with the state of a job: 202 while it runs, with the results so far on request; then 200
 * with its report.
 */
export async function toJobReply(
  view: Exclude<JobView, { kind: "absent" }>,
  preferences: {
    readonly accept: string | null;
    readonly isPartial: boolean;
    readonly location: string;
  },
  readReport: (header: JobHeader) => Promise<{ report: FileReport; options: LookupOptions }>,
): Promise<HttpReply> {
  if (view.kind === "result") return toJsonReply(200, view.result);
  const { id, createdAt, expiresAt, kind } = view.header;
  if (view.kind === "running") {
    const partialReport =
      preferences.isPartial && kind === "files"
        ? (await readReport(view.header)).report
        : undefined;
    return toRunningReply(
      { id, createdAt, expiresAt, ...toProgress(view) },
      view.retryAfterMs,
      preferences.location,
      partialReport,
    );
  }
  const status = { job: { id, status: view.outcome, createdAt, expiresAt } };
  if (kind !== "files") return toJsonReply(200, status);
  const { report, options } = await readReport(view.header);
  return toReportReply(
    report,
    options,
    preferences.accept,
    view.outcome === "succeeded" ? {} : status,
  );
}

const toProgress = (view: { header: JobHeader; partsDone: number }) =>
  view.header.parts === 0 ? {} : { parts: view.header.parts, partsDone: view.partsDone };

/** Replies to a cancellation; `isCanceled` is false when the job had ended before. */
export const toCancelReply = (id: string, isCanceled: boolean): HttpReply =>
  toJsonReply(200, { job: { id }, canceled: isCanceled });
