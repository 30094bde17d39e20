/**
 * The records of a hunt under `state/hunts/{name}/`. The log of exports is the truth; losing these
 * records costs calls or repeated announcements, never rows. The exception is a version start,
 * which must remain until the version has its first export.
 */
import * as z from "zod/mini";
import { kqlTypes } from "./compiled-hunt.ts";
import { instant } from "./hunt-run.ts";

const format = z.enum(["ndjson", "csv", "parquet"]);
const wholeTicks = z.string().check(z.regex(/^\d{1,20}$/, "must be ticks of 100 ns, in digits"));

/** `versions/v{n}.json`: where version `n` starts and which query it belongs to. Written once. */
export const versionStartSchema = z.object({
  from: instant,
  queryHash: z.string(),
  format,
  startedAt: instant,
  /** The query hash of the previous version. */
  formerQueryHash: z.optional(z.string()),
});
export type VersionStart = z.infer<typeof versionStartSchema>;

/** The newest change of the columns of a hunt's exports. */
export const huntSchemaChange = z.object({
  /** End of the first window with the new columns. */
  changedAt: instant,
  /** The export of that window. */
  seq: z.int(),
  gained: z.array(z.string()),
  lost: z.array(z.string()),
  /** Columns with another type, or with a name in other letter case. */
  retyped: z.array(z.string()),
});
export type HuntSchemaChange = z.infer<typeof huntSchemaChange>;

/** Known rows that a run left out. */
export const suppressedRows = z.object({ rows: z.int(), from: instant, to: instant });
export type SuppressedRows = z.infer<typeof suppressedRows>;

/** `head.json`: a cache of the log end, and what a run leaves for the next. */
export const huntHead = z.object({
  /** Path of the newest export; absent while the log is empty. */
  head: z.optional(z.string()),
  /** End of the newest window. */
  to: instant,
  version: z.int(),
  /** Up to here no row was found past `to`; no export covers this span yet. */
  emptyTo: z.optional(instant),
  /** The newest export that was announced or needs no announcement because it has no rows. */
  notified: z.object({ version: z.int(), seq: z.int(), from: instant }),
  /**
   * The newest announced late export by day, -1 for none, of the days whose windows may still gain
   * late rows.
   */
  lateNotified: z.optional(z.record(z.string(), z.int())),
  widthTicks: z.optional(wholeTicks),
  heavyTicks: z.optional(wholeTicks),
  halvings: z.optional(z.int()),
  /** The schema of the newest export with rows. */
  schemaHash: z.optional(z.string()),
  schemaChange: z.optional(huntSchemaChange),
  /** Rows of the newest exported span that were left out as known. */
  suppressed: z.optional(suppressedRows),
  /** The form of the window's restriction that the service accepted. */
  form: z.optional(z.enum(["prelude", "inPlace"])),
});
export type HuntHead = z.infer<typeof huntHead>;

/** `waiting.json`: a run is on the queue since this instant. */
export const huntWaiting = z.object({ since: instant });

/** `schemas/{hash}.json`: the columns of exports. Written once. */
export const huntSchemaRecord = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.enum(kqlTypes) })),
});

/**
 * `status.json`: why a hunt is paused. `degraded`: its result cannot be completed; `invalid`: the
 * service refuses the query; `blocked`: a permission or similar is missing; `failing`: the last run
 * failed and is retried.
 */
export const huntStatus = z.object({
  state: z.enum(["ok", "degraded", "invalid", "blocked", "failing"]),
  reason: z.string(),
  since: instant,
  /** No scheduled run starts before this. */
  pausedUntil: z.optional(instant),
  /** The query that it belongs to; a changed query runs at once. */
  queryHash: z.string(),
  /** The window that cannot be completed. */
  from: z.optional(instant),
  to: z.optional(instant),
});
export type HuntStatus = z.infer<typeof huntStatus>;
