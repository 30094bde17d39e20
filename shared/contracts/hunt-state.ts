/**
 * What a hunt leaves under `state/hunts/{name}/`. The log of exports itself says what was exported; all of this can be
 * lost and costs calls or repeated announcements, never rows. Only a birth, the place where a version of the log begins,
 * has to stay until the version's first export is there.
 */
import * as z from "zod/mini";
import { instant } from "./hunt-run.ts";

const format = z.enum(["ndjson", "csv", "parquet"]);
const wholeTicks = z.string().check(z.regex(/^\d{1,20}$/, "ticks"));

/** `versions/v{n}.json`: where version `n` begins and whose it is. Written once. */
export const versionStartSchema = z.object({
  from: instant,
  queryHash: z.string(),
  format,
  startedAt: instant,
  /** The query hash of the version before. */
  previousQueryHash: z.optional(z.string()),
});
export type VersionStart = z.infer<typeof versionStartSchema>;

/** `head.json`: a cache of where the log ends, and what a run leaves for the next. */
export const huntHead = z.object({
  /** Path of the newest export; absent while the log is empty. */
  head: z.optional(z.string()),
  /** End of the newest window. */
  to: instant,
  version: z.int(),
  /** How far past `to` no row was found, without an export that says so. */
  emptyTo: z.optional(instant),
  /** The newest export that was announced, or passed over because it has no rows. */
  notified: z.object({ version: z.int(), seq: z.int(), from: instant }),
  /** The first late export that may still matter to the recount. */
  lateFrom: z.optional(z.int()),
  /** The newest late export that was announced. */
  lateNotified: z.optional(z.int()),
  widthTicks: z.optional(wholeTicks),
  heavyTicks: z.optional(wholeTicks),
  halvings: z.optional(z.int()),
  /** The second form of the window's restriction, where the service refused the first. */
  form: z.optional(z.enum(["prelude", "inPlace"])),
});
export type HuntHead = z.infer<typeof huntHead>;

/** `claim.json`: who is at it. Saves quota, guards nothing. */
export const huntLease = z.object({ owner: z.string(), until: instant });

/** `waiting.json`: that a run is on the queue. */
export const huntWaiting = z.object({ since: instant });

/**
 * `status.json`: what keeps a hunt from going on. `degraded`: its result cannot be completed; `invalid`: the service
 * refuses the query; `blocked`: a permission or the like is missing; `failing`: the last run failed and is tried again.
 */
export const huntStatus = z.object({
  state: z.enum(["ok", "degraded", "invalid", "blocked", "failing"]),
  reason: z.string(),
  since: instant,
  /** No scheduled run before this. */
  holdUntil: z.optional(instant),
  /** The query that it is about: another one is tried at once. */
  queryHash: z.string(),
  /** The window that is held. */
  from: z.optional(instant),
  to: z.optional(instant),
});
export type HuntStatus = z.infer<typeof huntStatus>;
