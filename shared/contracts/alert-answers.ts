/**
 * The answers of the alert operations; only the API description loads them, as `hunt-answers.ts`.
 */
import * as z from "zod/mini";
import { alertOutcomes } from "./alert-verdict.ts";
import { createOperationSchema } from "./operation.ts";

/** A verdict that was accepted. */
export const verdictAccepted = createOperationSchema(z.null());

export const alertStatusAnswer = z.object({
  alertId: z.string(),
  outcome: z.enum(alertOutcomes),
  detail: z.nullable(z.string()),
});

/** The outcomes of a verdict. */
export const verdictResult = z.object({
  closure: z.enum(["truePositive", "falsePositive", "benign"]),
  requestedBy: z.nullable(z.string()),
  requestedAt: z.string(),
  alerts: z.array(alertStatusAnswer),
});

/** The state of a verdict; `result` has the outcomes so far while it runs. */
export const verdictStatusAnswer = createOperationSchema(verdictResult);

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
