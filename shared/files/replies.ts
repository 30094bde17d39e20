/**
 * Turns lookups and jobs into HTTP replies, as plain data: a report as JSON or CSV, or the state of
 * a job.
 */
import type { LookupOptions } from "../contracts/file-lookup.ts";
import type { FileReport } from "../contracts/file-result.ts";
import {
  createOperationHeaders,
  type Operation,
  type OperationStatus,
} from "../contracts/operation.ts";
import { createRetryProblem, Problem } from "../contracts/problem.ts";
import type { JobHeader } from "../storage/jobs.ts";
import type { LookupOutcome } from "./answer-lookup.ts";
import type { JobView } from "./file-lookup-service.ts";
import { reportToCsv, prefersCsv } from "./report-csv.ts";

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
  headers: { "content-type": "application/json; charset=utf-8", ...headers },
  body: JSON.stringify(body),
});

interface JobAnswer extends Operation<unknown> {
  readonly createdAt: string | null;
  readonly expiresAt: string | null;
  readonly progress: { readonly parts: number; readonly partsDone: number } | null;
}

const toJobAnswer = (
  id: string | null,
  status: OperationStatus,
  members: Partial<JobAnswer> = {},
): JobAnswer => ({
  id,
  status,
  result: null,
  error: null,
  createdAt: null,
  expiresAt: null,
  progress: null,
  ...members,
});

const describeHeader = ({ createdAt, expiresAt }: JobHeader) => ({ createdAt, expiresAt });

/** A complete lookup in the form that `Accept` prefers; both forms carry the same results. */
function toReportReply(
  answer: JobAnswer,
  { report, options }: { readonly report: FileReport; readonly options: LookupOptions },
  accept: string | null,
): HttpReply {
  if (!prefersCsv(accept)) return toJsonReply(200, { ...answer, result: report });
  const headers = { "content-type": "text/csv; charset=utf-8" };
  return { status: 200, headers, body: reportToCsv(report, options) };
}

/**
 * A 202 with the job's address and when to ask again: Logic Apps follow it without further steps.
 */
const toRunningReply = (answer: JobAnswer, location: string, retryAfterMs: number): HttpReply =>
  toJsonReply(202, answer, createOperationHeaders(location, Math.ceil(retryAfterMs / 1_000)));

/**
 * Answers a lookup.
 *
 * @param createJobUrl - creates the pre-signed URL of a job
 * @throws Problem 409 for a used idempotency key, 503 when Defender cannot be reached
 */
export async function toLookupReply(
  outcome: LookupOutcome,
  accept: string | null,
  createJobUrl: (id: string) => Promise<string>,
): Promise<HttpReply> {
  switch (outcome.kind) {
    case "report":
      return toReportReply(toJobAnswer(null, "succeeded"), outcome, accept);
    case "job": {
      const answer = toJobAnswer(outcome.id, "running");
      return toRunningReply(answer, await createJobUrl(outcome.id), outcome.retryAfterMs);
    }
    case "conflict":
      throw new Problem(409, "This Idempotency-Key was used for another lookup; send a new key.");
    case "down":
      throw createRetryProblem(
        "Defender cannot be reached and nothing is stored about these hashes; send the request again later.",
        outcome.retryAfterMs,
      );
  }
}

/** Shows a job: 202 while it runs, with the results so far on request; then 200 with its result. */
export async function toJobReply(
  view: Exclude<JobView, { kind: "absent" }>,
  preferences: {
    readonly accept: string | null;
    readonly isPartial: boolean;
    readonly location: string;
  },
  readReport: (header: JobHeader) => Promise<{ report: FileReport; options: LookupOptions }>,
): Promise<HttpReply> {
  const { header } = view;
  const isLookup = header.kind === "files";
  if (view.kind === "running") {
    const { report } =
      preferences.isPartial && isLookup ? await readReport(header) : { report: null };
    const { parts } = header;
    const progress = parts === 0 ? null : { parts, partsDone: view.partsDone };
    const members = { ...describeHeader(header), progress, result: report };
    const answer = toJobAnswer(header.id, "running", members);
    return toRunningReply(answer, preferences.location, view.retryAfterMs);
  }
  const answer = toJobAnswer(header.id, view.status, {
    ...describeHeader(header),
    result: view.result,
    error: view.error,
  });
  return isLookup
    ? toReportReply(answer, await readReport(header), preferences.accept)
    : toJsonReply(200, answer);
}

/** The state of a job after a request to cancel it; a job that ended before keeps its status. */
export const toCancelReply = (header: JobHeader, status: OperationStatus): HttpReply =>
  toJsonReply(200, toJobAnswer(header.id, status, describeHeader(header)));
