/** What the doors of jobs answer; loaded by their description alone, as `hunt-answers.ts`. */
import * as z from "zod/mini";
import { fileReportSchema } from "./file-result.ts";

const timestamps = { createdAt: z.optional(z.string()), expiresAt: z.optional(z.string()) };

/** The body of a 202: where to look again. */
export const jobRunning = z.object({
  job: z.object({
    id: z.string(),
    status: z.literal("running"),
    location: z.string(),
    /** Of a lookup that has just become a job. */
    hashes: z.optional(z.int()),
    parts: z.optional(z.int()),
    partsDone: z.optional(z.int()),
    ...timestamps,
  }),
  /** With `partial=true`: what is known so far. */
  ...z.partial(fileReportSchema).shape,
});

/** A job that ended otherwise than with a report of all its hashes. */
export const jobEnded = z.object({
  job: z.object({
    id: z.string(),
    status: z.enum(["succeeded", "failed", "canceled"]),
    ...timestamps,
  }),
  ...z.partial(fileReportSchema).shape,
});

export const jobCanceled = z.object({ job: z.object({ id: z.string() }), canceled: z.boolean() });
