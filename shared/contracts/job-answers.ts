/**
 * The answers of file lookups and jobs; only the API description loads them, as `hunt-answers.ts`.
 */
import * as z from "zod/mini";
import { verdictResult } from "./alert-answers.ts";
import { fileReportSchema } from "./file-result.ts";
import { huntJobResult } from "./hunt-answers.ts";
import { createOperationSchema } from "./operation.ts";

const jobMembers = {
  /** Null when the lookup was answered at once. */
  createdAt: z.nullable(z.string()),
  expiresAt: z.nullable(z.string()),
  /** Of a file lookup: the parts of the job, and how many have their results. */
  progress: z.nullable(z.object({ parts: z.int(), partsDone: z.int() })),
};

/** A file lookup: answered at once, or a job. */
export const fileLookupAnswer = z.object({
  ...createOperationSchema(fileReportSchema).shape,
  ...jobMembers,
});

/** A job: the result is a file report, the exports of a hunt run, or the outcomes of a verdict. */
export const jobAnswer = z.object({
  ...createOperationSchema(z.union([fileReportSchema, huntJobResult, verdictResult])).shape,
  ...jobMembers,
});
