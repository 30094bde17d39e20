/**
 * What the doors to hunts answer. Only the description of the doors loads these schemas; tests hold them against live
 * answers. The running app imports their types alone.
 */
import * as z from "zod/mini";
import { kqlTypes } from "./compiled-hunt.ts";

const standing = {
  /** `new`: never run. `overdue`: no run has finished for three intervals. The others as in `status.json`. */
  state: z.enum(["ok", "new", "overdue", "degraded", "invalid", "blocked", "failing"]),
  reason: z.optional(z.string()),
  watermark: z.optional(z.string()),
  watermarkAgeSeconds: z.optional(z.int()),
  version: z.optional(z.int()),
  head: z.optional(z.string()),
};

const summary = {
  name: z.string(),
  title: z.string(),
  enabled: z.boolean(),
  mode: z.enum(["window", "snapshot"]),
  schedule: z.string(),
  severity: z.optional(z.string()),
  ...standing,
};

export const huntSummary = z.object(summary);
export const huntStanding = z.object({ name: z.string(), ...standing });
export const huntList = z.object({ hunts: z.array(huntSummary) });

export const huntDetail = z.object({
  ...summary,
  description: z.string(),
  modeReason: z.string(),
  tactics: z.array(z.string()),
  techniques: z.array(z.string()),
  tables: z.array(z.string()),
  columns: z.array(z.object({ name: z.string(), type: z.enum(kqlTypes) })),
  format: z.enum(["ndjson", "csv", "parquet"]),
  intervalSeconds: z.number(),
  query: z.string(),
});

/** One export; `complete` is `no` for a window that could not be completed. */
export const listedExport = z.object({
  /** For exports of the hunt's own log: under which its rows can be read. */
  cursor: z.optional(z.string()),
  seq: z.int(),
  from: z.string(),
  to: z.string(),
  rows: z.int(),
  complete: z.string(),
  blob: z.string(),
});

export const exportNewsAnswer = z.object({ exports: z.array(listedExport), cursor: z.string() });

/** Rows stand as they were exported, so their columns are the hunt's. */
export const exportRowsAnswer = z.object({
  seq: z.int(),
  rows: z.array(z.record(z.string(), z.unknown())),
});

/** A JSON Schema (2020-12 without references) of what `…/exports/{seq}/rows` answers for one hunt. */
export const rowsSchemaAnswer = z.object({ schema: z.record(z.string(), z.unknown()) });
export type RowsSchemaAnswer = z.infer<typeof rowsSchemaAnswer>;

export const huntStarted = z.object({ hunt: z.string(), job: z.string() });
export const overdueHuntsStarted = z.object({ started: z.array(z.string()) });

/** How the job of a run has ended. */
export const huntJobResult = z.object({
  hunt: z.string(),
  outcome: z.enum(["succeeded", "failed"]),
  windows: z.optional(z.int()),
  rows: z.optional(z.int()),
  exports: z.optional(z.array(listedExport)),
  problem: z.optional(z.string()),
});
