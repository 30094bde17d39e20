/** What a timer, an overdue hunt or a request puts on the queue `hunt-runs`: one run of one hunt. */
import * as z from "zod/mini";
import { parseInstant } from "../runtime/time.ts";

/** A hunt's name: 3 to 80 of `[a-z0-9-]`. */
export const huntNameSchema = z
  .string()
  .check(z.regex(/^[a-z0-9-]{3,80}$/, "must be a hunt's name: 3 to 80 of a-z, 0-9 and -"));

/** An ISO 8601 instant, UTC, with up to seven fraction digits. */
export const instant = z
  .string()
  .check(
    z.refine(
      (text) => parseInstant(text) !== undefined && /[Zz]$/.test(text),
      "must be an instant such as 2026-01-05T06:00:00Z",
    ),
  );

/** Reason of a run. `overdue`: `POST /api/hunts/tick` found it late. `continue`: the previous run had more work than fits into one. */
const runReasons = ["timer", "overdue", "maintenance", "request", "continue"] as const;

export const huntRun = z.strictObject({
  hunt: huntNameSchema,
  reason: z.enum(runReasons),
  /** When the run was due. A run that has been made up for by another one is a no-op. */
  scheduledFor: instant,
  /** When it was enqueued; distinguishes it from another waiting run of the same hunt. */
  queuedAt: z.optional(instant),
  /** The job that ends with this run. */
  job: z.optional(
    z.string().check(z.regex(/^[0-9a-f]{32}$/, "must be a job id of 32 hexadecimal digits")),
  ),
  /** A backfill of `[from, to)`, apart from the hunt's own log. */
  backfill: z.optional(z.strictObject({ from: instant, to: instant })),
  /** Since when the runs before this one have failed. */
  failingSince: z.optional(instant),
  /** How many runs in a row have failed on the way to this one. */
  failures: z.optional(z.int().check(z.gte(0))),
  /** How often this run has found another one at the hunt. */
  waits: z.optional(z.int().check(z.gte(0))),
});

export type HuntRun = z.infer<typeof huntRun>;
export type RunReason = HuntRun["reason"];

/** The body of `POST /api/hunts/{name}/runs`: nothing, or the span of a backfill. */
export const startHuntRequest = z
  .strictObject({ from: z.optional(instant), to: z.optional(instant) })
  .check(
    z.refine(
      ({ from, to }) => (from === undefined) === (to === undefined),
      "must have both from and to, or neither",
    ),
  );
export type StartHuntRequest = z.infer<typeof startHuntRequest>;
