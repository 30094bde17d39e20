/** What others send to close alerts: the body of `POST /api/alerts/verdicts` and, at most 100 ids a piece, the queue message. */
import * as z from "zod/mini";
import { parseAlertId, type AlertId } from "./alert-id.ts";

/** What a sender may ask for. `resolve` and `dismiss` are the portal's old words for the first two closures. */
export const verdictActions = [
  "resolve",
  "dismiss",
  "closeTruePositive",
  "closeFalsePositive",
  "closeBenign",
] as const;
export type VerdictAction = (typeof verdictActions)[number];

export const verdictReasons = [
  "notOfInterest",
  "tooManySimilar",
  "notAccurate",
  "severityLower",
  "confirmedWithUser",
  "test",
  "other",
] as const;
export type VerdictReason = (typeof verdictReasons)[number];

/** Ids accepted in one request, and in one message or outbound call. */
export const maxAlertsPerRequest = 1_000;
export const maxAlertsPerMessage = 100;

const alertId = z.pipe(
  z.string("an alert id as text"),
  z.transform((text, context): AlertId => {
    const parsed = parseAlertId(text);
    if (parsed.kind === "alert") return parsed.id;
    context.issues.push({ code: "custom", message: parsed.message, input: text });
    return z.NEVER;
  }),
);

const createLineSchema = (maxLength: number) =>
  z
    .string()
    .check(
      z.trim(),
      z.minLength(1, "text, not blank"),
      z.maxLength(maxLength, `at most ${maxLength} characters`),
      z.regex(/^(?:\P{Cc}|[\n\r\t])*$/u, "text without control characters"),
    );

/** A request's id, chosen by the sender; it names the status document, so it is safe in a path. */
export const verdictId = z
  .string()
  .check(
    z.regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
      "1 to 100 letters, digits, dots, dashes or underscores, beginning with a letter or digit",
    ),
  );

const feedback = z.strictObject({
  text: z.optional(createLineSchema(1_000)),
  allowContact: z.optional(z.boolean("true or false")),
  contactEmail: z.optional(z.email("an e-mail address")),
});

const shape = {
  version: z.literal(1, "the number 1"),
  id: verdictId,
  action: z.enum(verdictActions, `one of ${verdictActions.join(", ")}`),
  reason: z.optional(z.enum(verdictReasons, `one of ${verdictReasons.join(", ")}`)),
  comment: z.optional(createLineSchema(1_000)),
  feedback: z.optional(feedback),
  requestedBy: createLineSchema(256),
  requestedAt: z.iso.datetime({ offset: true, error: "an instant such as 2026-11-22T08:00:00Z" }),
};

const createIdsSchema = (maxIds: number) =>
  z.pipe(
    z
      .array(alertId, "a list of alert ids")
      .check(
        z.minLength(1, "at least one alert id"),
        z.maxLength(maxIds, `at most ${maxIds} alert ids`),
      ),
    z.transform((all) => [...new Set(all)]),
  );

/** The HTTP request. Unknown keys are refused, so that a typing error shows as an error and not as silence. */
export const verdictRequest = z.strictObject({
  ...shape,
  alertIds: createIdsSchema(maxAlertsPerRequest),
  dryRun: z.optional(z.boolean("true or false")),
});
export type VerdictRequest = z.infer<typeof verdictRequest>;

/** The queue message. `deferred` counts how often it went back to wait; a sender leaves it out. */
export const verdictMessage = z.strictObject({
  ...shape,
  alertIds: createIdsSchema(maxAlertsPerMessage),
  deferred: z.optional(z.number().check(z.int(), z.gte(0))),
});
export type VerdictMessage = z.infer<typeof verdictMessage>;

/** How one id of a request ended, or that it has not ended yet. */
export const alertOutcomes = [
  "waiting",
  "closed",
  "alreadyClosed",
  "notFound",
  "conflict",
  "failed",
  "reopened",
] as const;
export type AlertOutcome = (typeof alertOutcomes)[number];

/** One id in the status document of `GET /api/alerts/verdicts/{id}`. */
export interface AlertStatus {
  readonly alertId: string;
  readonly outcome: AlertOutcome;
  /** For `alreadyClosed`, `conflict` and `failed`: how, with whom, or why. */
  readonly detail?: string | undefined;
}

/**
 * What writing a request down under its id came to: nothing was there, or the same request, or another. `serverNowMs` is
 * the store's clock.
 */
export type RecordResult =
  | { readonly kind: "new"; readonly serverNowMs: number }
  | { readonly kind: "same" }
  | { readonly kind: "other" };

/** A request in messages of at most 100 ids. */
export function splitIntoMessages(request: Omit<VerdictRequest, "dryRun">): VerdictMessage[] {
  const messages: VerdictMessage[] = [];
  for (let at = 0; at < request.alertIds.length; at += maxAlertsPerMessage)
    messages.push({ ...request, alertIds: request.alertIds.slice(at, at + maxAlertsPerMessage) });
  return messages;
}
