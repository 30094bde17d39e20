/** Query parameters and views of hunts. */
import * as z from "zod/mini";
import type { CompiledHunt } from "./compiled-hunt.ts";

const createIntegerSchema = (min: number, max: number, fallback: number) =>
  z._default(
    z.coerce
      .number(`must be a whole number, ${min} to ${max}`)
      .check(z.int(), z.gte(min), z.lte(max)),
    fallback,
  );

/** `GET /api/hunts/{name}/exports`: after which export, and how many at most. */
export const exportsParameters = z.object({
  after: z._default(z.string(), "-1"),
  top: createIntegerSchema(1, 100, 100),
});

/** `GET /api/hunts/{name}/exports/{seq}/rows` */
export const rowsParameters = z.object({
  top: createIntegerSchema(1, 1_000, 100),
  skip: createIntegerSchema(0, 1_000_000_000, 0),
});

/** A hunt as JSON; `isDetailed` adds the members that only the page of one hunt has. */
export const toHuntView = (hunt: CompiledHunt, standing: object, isDetailed: boolean): object => ({
  name: hunt.name,
  title: hunt.title,
  enabled: hunt.enabled,
  mode: hunt.mode,
  schedule: hunt.schedule,
  severity: hunt.severity ?? null,
  owner: hunt.owner ?? null,
  ...standing,
  ...(isDetailed
    ? {
        description: hunt.description,
        modeReason: hunt.modeReason,
        tactics: hunt.tactics,
        techniques: hunt.techniques,
        tables: hunt.tables,
        columns: hunt.columns,
        format: hunt.format,
        runbook: hunt.runbook ?? null,
        falsePositives: hunt.falsePositives,
        reviewBy: hunt.reviewBy ?? null,
        parameters: hunt.parameters.map(({ name, type, literal, description, isFixed }) => ({
          name,
          type,
          value: literal,
          description,
          canOverride: !isFixed,
        })),
        known: hunt.known,
        intervalSeconds: hunt.intervalMs / 1_000,
        query: hunt.source,
      }
    : {}),
});
