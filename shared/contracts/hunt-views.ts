/** What the doors to hunts take and show. */
import * as z from "zod/mini";
import type { CompiledHunt } from "./compiled-hunt.ts";

const whole = (least: number, most: number, fallback: number) =>
  z._default(
    z.coerce
      .number(`want a whole number, ${least} to ${most}`)
      .check(z.int(), z.gte(least), z.lte(most)),
    fallback,
  );

/** `GET /api/hunts/{name}/exports`: after which export, and how many at most. */
export const exportsQuery = z.object({
  after: z._default(z.string(), "-1"),
  top: whole(1, 100, 100),
});

/** `GET /api/hunts/{name}/exports/{seq}/rows` */
export const rowsQuery = z.object({ top: whole(1, 1_000, 100), skip: whole(0, 1_000_000_000, 0) });

/** A hunt as shown; `whole` adds what only the page of one hunt needs. */
export const huntView = (hunt: CompiledHunt, standing: object, isWhole: boolean): object => ({
  name: hunt.name,
  title: hunt.title,
  enabled: hunt.enabled,
  mode: hunt.mode,
  schedule: hunt.schedule,
  severity: hunt.severity,
  ...standing,
  ...(isWhole
    ? {
        description: hunt.description,
        modeReason: hunt.modeReason,
        tactics: hunt.tactics,
        techniques: hunt.techniques,
        tables: hunt.tables,
        columns: hunt.columns,
        format: hunt.format,
        intervalSeconds: hunt.intervalMs / 1_000,
        query: hunt.source,
      }
    : {}),
});
