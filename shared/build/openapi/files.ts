/** Describes the operations on files and jobs. */
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
const job = {
  id,
  status: "running",
  result: null,
  error: null,
  createdAt: "2026-11-22T08:00:00.000Z",
  expiresAt: "2026-11-29T08:00:00.000Z",
  progress: { parts: 50, partsDone: 12 },
};

const atOnce = {
  ...job,
  id: null,
  status: "succeeded",
  result: report,
  createdAt: null,
  expiresAt: null,
  progress: null,
};

const reportResponse = {
  description: "The lookup, with one result for each hash.",
  schema: "FileLookupAnswer",
  example: atOnce,
  also: ["text/csv"],
} as const;

const acceptedResponse = {
  description: "The lookup takes more than 25 seconds. Location is the pre-signed URL of its job.",
  schema: "FileLookupAnswer",
  headers: ["Location", "Operation-Location", "Retry-After"],
  example: { ...job, createdAt: null, expiresAt: null, progress: null },
} as const;

const lookupProblems = {
  409: "The Idempotency-Key was used for another lookup.",
  503: "Defender cannot be reached and nothing is stored about these hashes, or a setting is invalid.",
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
  401: "The job URL is invalid or has expired (24 hours).",
  404: "The job was removed: jobs are kept for 7 days.",
} as const;

export const filesAndJobs: Readonly<Record<string, OperationDescription>> = {
  enrich_files: {
    operationId: "EnrichFiles",
    summary: "Look up file hashes",
    description:
      "Finds every file hash in the body, which is a list of hashes or any payload, and returns the statistics of each. A lookup of more than 25 seconds becomes a job.",
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
    // A designer offers these in the body.
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
    description: "Returns the statistics of the file with this hash.",
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
    description: "Returns a job: 202 while it runs, then 200 with its result.",
    tag: jobs,
    visibility: "internal",
    path: jobPath,
    query: "job",
    responses: {
      200: {
        description:
          "The job has ended; the result is a file report, the exports of a hunt run, or the outcomes of a verdict.",
        schema: "Job",
        example: { ...job, status: "succeeded", result: report, progress: null },
        also: ["text/csv"],
      },
      202: {
        ...acceptedResponse,
        description: "The job is running. Repeat the request after Retry-After.",
        schema: "Job",
        example: job,
      },
    },
    problems: jobProblems,
  },
  cancel_job: {
    operationId: "CancelJob",
    summary: "Cancel a job",
    description: "Cancels a file lookup. Its results so far stay readable.",
    tag: jobs,
    visibility: "internal",
    path: jobPath,
    query: "signedAddress",
    responses: {
      200: {
        description: "The job; one that ended before keeps its status.",
        schema: "Job",
        example: { ...job, status: "canceled", progress: null },
      },
    },
    problems: { ...jobProblems, 409: "A verdict cannot be canceled." },
  },
};
