/** What the doors to alerts answer; loaded by their description alone, as `hunt-answers.ts`. */
import * as z from "zod/mini";
import { alertOutcomes } from "./alert-verdict.ts";

export const verdictAccepted = z.object({ id: z.string(), status: z.string() });

export const alertStatusAnswer = z.object({
  alertId: z.string(),
  outcome: z.enum(alertOutcomes),
  detail: z.optional(z.string()),
});

export const verdictStatusAnswer = z.object({
  id: z.string(),
  closure: z.enum(["truePositive", "falsePositive", "benign"]),
  requestedBy: z.string(),
  requestedAt: z.string(),
  done: z.boolean(),
  alerts: z.array(alertStatusAnswer),
});

export const verdictDryRun = z.object({
  id: z.string(),
  dryRun: z.literal(true),
  alerts: z.array(
    z.object({
      alertId: z.string(),
      plannedAction: z.enum(["close", "leave", "conflict", "notFound"]),
      /** As Cloud Apps shows it now. */
      currentState: z.enum([
        "open",
        "truePositive",
        "falsePositive",
        "benign",
        "dismissed",
        "resolved",
        "unknownState",
        "unknown",
      ]),
    }),
  ),
});

export const verdictUndone = z.object({ id: z.string(), alerts: z.array(alertStatusAnswer) });
