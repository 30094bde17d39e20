/**
 * The answers of health and dead letters, and the body of every problem; only the API description
 * loads them.
 */
import * as z from "zod/mini";
import { deadLetterAnswer } from "./dead-letter.ts";
import { huntStanding } from "./hunt-answers.ts";

/** RFC 9457. */
export const problemAnswer = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string(),
  tenant: z.optional(z.string()),
  errors: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
});

const status = z.enum(["healthy", "degraded", "unhealthy"]);

export const healthStatus = z.object({ status });

export const healthAnswer = z.object({
  status,
  problems: z.array(z.string()),
  hunts: z.array(huntStanding),
  quotas: z.array(
    z.object({
      api: z.string(),
      pausedUntil: z.nullable(z.string()),
      breakerOpenUntil: z.nullable(z.string()),
    }),
  ),
  deadLetters: z.int(),
  secretsExpiring: z.array(z.object({ secret: z.string(), expires: z.string() })),
  retirement: z.nullable(z.object({ api: z.string(), retiresOn: z.string(), daysLeft: z.int() })),
  refusedVerdictCalls: z.nullable(z.object({ since: z.string(), reason: z.string() })),
  auditAnchor: z.nullable(z.int()),
  /** Where there are several tenants. */
  tenants: z.optional(
    z.array(z.object({ tenant: z.string(), status, problems: z.array(z.string()) })),
  ),
});

export const deadLetterList = z.object({
  value: z.array(deadLetterAnswer),
  nextLink: z.nullable(z.string()),
});

export const deadLetterReplayResult = z.object({
  value: z.array(
    z.object({ id: z.string(), outcome: z.enum(["replayed", "notReplayable", "unknown"]) }),
  ),
});
