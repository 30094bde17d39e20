/** The doors to file statistics and to jobs. */
import { thresholdsSchema } from "../../contracts/file-lookup.ts";
import {
  bodyProblems,
  idempotencyKey,
  invalidRequest,
  type OperationDescription,
  type ParameterDescription,
} from "./operation.ts";

const files = "Files";
const jobs = "Jobs";

const sha1 = "0991a395da64e1c5fbe8732ed11e6be064081d9f";

const report = {
  results: [
    {
      hash: sha1,
      sha1,
      status: "found",
      source: "statistics",
      statistics: {
        organizationPrevalence: 3,
        organizationFirstSeen: "2026-11-02T09:14:00Z",
        organizationLastSeen: "2026-11-21T18:40:12Z",
        globalPrevalence: 705_012,
        globalFirstSeen: "2019-04-01T00:00:00Z",
        globalLastSeen: "2026-11-21T23:59:59Z",
        topFileNames: ["mrec.exe"],
      },
      asOf: "2026-11-22T08:00:00Z",
      fromCache: false,
      stale: false,
      problem: null,
    },
  ],
  summary: { found: 1, notFound: 0, invalid: 0, pending: 0, failed: 0 },
  lookBackHours: 720,
  skipped: [],
};

const id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const location = `https://huntline.example.org/api/jobs/${id}?key=1795507200.c2lnbmF0dXJl`;

const reportResponse = {
  description: "One result for each hash.",
  schema: "FileReport",
  example: report,
  also: ["text/csv"],
} as const;

const acceptedResponse = {
  description:
    "The lookup takes longer than a request may. Location is its job, whose address needs no other key.",
  schema: "JobRunning",
  headers: ["Location", "Retry-After"],
  example: { job: { id, hashes: 5_000, status: "running", location } },
} as const;

const lookupProblems = {
  409: "The Idempotency-Key was used for another lookup.",
  503: "Defender cannot be reached and nothing is known of these hashes, or a setting is wrong.",
} as const;

const jobPath: Readonly<Record<string, ParameterDescription>> = {
  id: {
    description: "Id of the job.",
    schema: { type: "string", pattern: "^[0-9a-f]{32}$" },
    example: id,
    extensions: { "x-ms-summary": "Job" },
  },
};

const jobProblems = {
  401: "The address opens no job: its key is wrong or older than a day.",
  404: "The job is gone: jobs are kept for seven days.",
} as const;

export const filesAndJobs: Readonly<Record<string, OperationDescription>> = {
  enrich_files: {
    operationId: "EnrichFiles",
    summary: "Look up file hashes",
    description:
      "Finds every file hash in the body, a list of hashes or any payload as it is, and tells for each what Defender knows. What takes longer than 25 seconds becomes a job.",
    tag: files,
    visibility: "important",
    query: "lookup",
    headers: idempotencyKey,
    body: {
      schema: "FileLookup",
      required: true,
      example: { sha1: [sha1], lookBackHours: 720 },
      orAnyJson: true,
      also: {
        "application/x-www-form-urlencoded": {
          type: "object",
          additionalProperties: { type: "string" },
        },
        "text/plain": { type: "string" },
      },
    },
    responses: { 200: reportResponse, 202: acceptedResponse },
    problems: { ...bodyProblems, ...lookupProblems },
    // A designer has these in the body.
    designer: {
      parameters: Object.fromEntries(
        ["lookBackHours", "include", ...Object.keys(thresholdsSchema.shape)].map((name) => [
          name,
          { "x-ms-visibility": "internal" },
        ]),
      ),
    },
  },
  enrich_file: {
    operationId: "EnrichFile",
    summary: "Look up one file hash",
    description: "Tells what Defender knows of the file with this hash.",
    tag: files,
    visibility: "important",
    path: {
      hash: {
        description: "SHA-1, SHA-256 or MD5 of the file.",
        schema: {
          type: "string",
          pattern: "^(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$",
        },
        example: sha1,
        extensions: { "x-ms-summary": "Hash" },
      },
    },
    query: "lookup",
    responses: { 200: reportResponse, 202: acceptedResponse },
    problems: { 400: invalidRequest, 503: lookupProblems[503] },
  },
  get_job: {
    operationId: "GetJob",
    summary: "Get a job",
    description: "Tells how a job stands: 202 while it runs, then 200 with what it was asked for.",
    tag: jobs,
    visibility: "internal",
    path: jobPath,
    query: "job",
    responses: {
      200: {
        description:
          "The job has ended: a file report, the outcome of a hunt, or how it ended without either.",
        schema: "JobOutcome",
        example: report,
        also: ["text/csv"],
      },
      202: { ...acceptedResponse, description: "The job is running. Ask again after Retry-After." },
    },
    problems: jobProblems,
  },
  cancel_job: {
    operationId: "CancelJob",
    summary: "Cancel a job",
    description: "Ends a lookup before its time. What is known by then can still be read.",
    tag: jobs,
    visibility: "internal",
    path: jobPath,
    query: "signedAddress",
    responses: {
      200: {
        description: "Whether this request ended it.",
        schema: "JobCanceled",
        example: { job: { id }, canceled: true },
      },
    },
    problems: jobProblems,
  },
};
