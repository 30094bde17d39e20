/** Answers with trends, quotas, verdicts, deliveries and audit entries. */
import * as z from "zod/mini";

/** Exports of one day (UTC), by the end of their windows. */
export const trendDay = z.object({
  day: z.string(),
  rows: z.int(),
  exports: z.int(),
  /** Windows that could not be completed. */
  gaps: z.int(),
  /** Rows that arrived after their window was exported. */
  lateRows: z.int(),
});
export const trendList = z.object({ value: z.array(trendDay), nextLink: z.nullable(z.string()) });

/** Use of one API's quota by all instances. */
export const quotaUsage = z.object({
  api: z.enum(["hunting", "files", "cloud-apps"]),
  usedLastMinute: z.int(),
  usedLastHour: z.int(),
  limitPerMinute: z.int(),
  /** Null if the service has no hourly limit. */
  limitPerHour: z.nullable(z.int()),
  /** Share of the limits that Huntline uses, 0 to 1; the rest is left for people. */
  share: z.number(),
  pausedUntil: z.nullable(z.string()),
  breakerOpenUntil: z.nullable(z.string()),
});
export const quotaList = z.object({
  value: z.array(quotaUsage),
  nextLink: z.nullable(z.string()),
});

/** One accepted verdict request. */
export const verdictSummary = z.object({
  id: z.string(),
  closure: z.enum(["truePositive", "falsePositive", "benign"]),
  /** `api`, or the webhook source. */
  source: z.string(),
  requestedBy: z.nullable(z.string()),
  requestedAt: z.string(),
  acceptedAt: z.string(),
  alerts: z.int(),
});
export const verdictList = z.object({
  value: z.array(verdictSummary),
  nextLink: z.nullable(z.string()),
});

/** One accepted webhook delivery. */
export const deliverySummary = z.object({
  source: z.string(),
  id: z.string(),
  acceptedAt: z.string(),
  verdicts: z.array(z.string()),
  hashes: z.int(),
  hunts: z.array(z.string()),
  skipped: z.array(z.object({ path: z.string(), message: z.string() })),
});
export const deliveryList = z.object({
  value: z.array(deliverySummary),
  nextLink: z.nullable(z.string()),
});

/** One entry of the audit that names an alert. */
const auditEntry = z.object({
  seq: z.int(),
  at: z.string(),
  kind: z.string(),
  details: z.record(z.string(), z.unknown()),
});

/** State and audit entries of one alert, oldest first. */
export const alertHistory = z.object({
  alertId: z.string(),
  outcome: z.string(),
  verdict: z.nullable(z.string()),
  closure: z.nullable(z.string()),
  requestedBy: z.nullable(z.string()),
  detail: z.nullable(z.string()),
  /** Ids of verdicts that were refused because another one was in force. */
  conflicts: z.array(z.string()),
  value: z.array(auditEntry),
  nextLink: z.nullable(z.string()),
});
