/**
 * The answers of the hunt operations. Only the API description loads these schemas, and tests check
 * live answers against them; the running app imports their types alone.
 */
import * as z from "zod/mini";
import { kqlTypes } from "./compiled-hunt.ts";
import { huntSchemaChange, suppressedRows } from "./hunt-state.ts";
import { createOperationSchema } from "./operation.ts";

const standing = {
  /**
   * `new`: never run. `overdue`: no run has finished for three intervals. The others as in
   * `status.json`.
   */
  state: z.enum(["ok", "new", "overdue", "degraded", "invalid", "blocked", "failing"]),
  reason: z.nullable(z.string()),
  watermark: z.nullable(z.string()),
  watermarkAgeSeconds: z.nullable(z.int()),
  version: z.nullable(z.int()),
  head: z.nullable(z.string()),
  /** The newest change of the columns of the exports. */
  schemaChange: z.nullable(huntSchemaChange),
  suppressed: z.nullable(suppressedRows),
  warnings: z.array(z.string()),
};

const summary = {
  name: z.string(),
  title: z.string(),
  enabled: z.boolean(),
  mode: z.enum(["window", "snapshot"]),
  schedule: z.string(),
  severity: z.nullable(z.string()),
  owner: z.nullable(z.string()),
  ...standing,
};

export const huntSummary = z.object(summary);
export const huntStanding = z.object({ name: z.string(), ...standing });
const nextLink = z.nullable(z.string());

export const huntList = z.object({ value: z.array(huntSummary), nextLink });

export const huntDetail = z.object({
  ...summary,
  description: z.string(),
  modeReason: z.string(),
  tactics: z.array(z.string()),
  techniques: z.array(z.string()),
  tables: z.array(z.string()),
  columns: z.array(z.object({ name: z.string(), type: z.enum(kqlTypes) })),
  format: z.enum(["ndjson", "csv", "parquet"]),
  runbook: z.nullable(z.string()),
  falsePositives: z.array(z.string()),
  reviewBy: z.nullable(z.string()),
  parameters: z.array(
    z.object({
      name: z.string(),
      type: z.enum(kqlTypes),
      value: z.string(),
      description: z.string(),
      canOverride: z.boolean(),
    }),
  ),
  known: z.array(z.object({ where: z.string(), until: z.string(), why: z.string() })),
  intervalSeconds: z.number(),
  query: z.string(),
});

/** A layer for ATT&CK Navigator, format 4.5. */
export const attackLayer = z.object({
  name: z.string(),
  versions: z.object({ attack: z.string(), layer: z.string(), navigator: z.string() }),
  domain: z.literal("enterprise-attack"),
  description: z.string(),
  techniques: z.array(
    z.object({
      techniqueID: z.string(),
      score: z.int(),
      enabled: z.boolean(),
      comment: z.string(),
    }),
  ),
  gradient: z.object({ colors: z.array(z.string()), minValue: z.int(), maxValue: z.int() }),
});
export type AttackLayer = z.infer<typeof attackLayer>;

/**
 * One export. `complete` is `gap` for a span that passed the service's retention before it was
 * read.
 */
export const listedExport = z.object({
  /** Names the export in `…/exports/{seq}/rows`; null outside the hunt's own log. */
  cursor: z.nullable(z.string()),
  seq: z.int(),
  from: z.string(),
  to: z.string(),
  rows: z.int(),
  complete: z.enum(["yes", "gap"]),
  blob: z.string(),
});

/**
 * `cursor` is where the next poll starts; `nextLink` is null unless more exports are there already.
 */
export const exportNewsAnswer = z.object({
  value: z.array(listedExport),
  nextLink,
  cursor: z.string(),
});

/** The rows as they were exported, with the columns of the hunt. */
export const exportRowsAnswer = z.object({
  seq: z.int(),
  value: z.array(z.record(z.string(), z.unknown())),
  nextLink,
});

/**
 * A JSON Schema (2020-12 without references) of what `…/exports/{seq}/rows` answers for one hunt.
 */
export const rowsSchemaAnswer = z.object({ schema: z.record(z.string(), z.unknown()) });
export type RowsSchemaAnswer = z.infer<typeof rowsSchemaAnswer>;

/** A run that was started; its job has the result. */
export const huntStarted = createOperationSchema(z.null());
export const overdueHuntsStarted = z.object({ started: z.array(z.string()) });

/** The result of a hunt run's job. */
export const huntJobResult = z.object({
  hunt: z.string(),
  windows: z.int(),
  rows: z.int(),
  exports: z.array(listedExport),
});
