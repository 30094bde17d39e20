/**
 * What others send to close alerts: the body of `POST /api/alerts/verdicts` and, at most 100 ids a
 * piece, the queue message.
 */
import * as z from "zod/mini";
import { parseAlertId, type AlertId } from "./alert-id.ts";

/**
 * What a sender may ask for. `resolve` and `dismiss` are the portal's old words for the first two
 * closures.
 */
const verdictActions = [
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
  z.string("must be an alert id as text"),
  z.transform((text, context): AlertId => {
    const parsed = parseAlertId(text);
    if (parsed.kind === "alert") return parsed.id;
    context.issues.push({ code: "custom", message: parsed.message, input: text });
    return z.NEVER;
  }),
);

const createTextSchema = (maxLength: number) =>
  z
    .string("must be text")
    .check(
      z.trim(),
      z.maxLength(maxLength, `must be at most ${maxLength} characters`),
      z.regex(/^(?:\P{Cc}|[\n\r\t])*$/u, "must be text without control characters"),
    );

/**
 * Power Automate and other senders leave an empty field as null or blank text: both count as
 * absent.
 */
const createOptionalSchema = (maxLength: number) =>
  z.optional(
    z.pipe(
      z.nullable(createTextSchema(maxLength)),
      z.transform((text) => (text === null || text === "" ? undefined : text)),
    ),
  );

/** A request's id, chosen by the sender. It names the status document, so it is safe in a path. */
export const verdictId = z
  .string("must be text")
  .check(
    z.regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/,
      "must be 1 to 100 letters, digits, dots, dashes or underscores, beginning with a letter or digit",
    ),
  );

const feedback = z.strictObject(
  {
    text: createOptionalSchema(1_000),
    allowContact: z.optional(
      z.pipe(
        z.nullable(z.boolean("must be true or false")),
        z.transform((value) => value ?? undefined),
      ),
    ),
    contactEmail: z.optional(
      z.pipe(
        z.nullable(z.union([z.literal(""), z.email()], "must be an e-mail address")),
        z.transform((value) => (value === null || value === "" ? undefined : value)),
      ),
    ),
  },
  "must be an object with text, allowContact and contactEmail",
);

const reason = z.optional(
  z.pipe(
    z.nullable(
      z.union(
        [z.enum(verdictReasons), z.literal("")],
        `must be one of ${verdictReasons.join(", ")}`,
      ),
    ),
    z.transform((value) => (value === null || value === "" ? undefined : value)),
  ),
);

const shape = {
  version: z.literal(1, "must be the number 1"),
  id: verdictId,
  action: z.enum(verdictActions, `must be one of ${verdictActions.join(", ")}`),
  reason,
  comment: createOptionalSchema(1_000),
  feedback: z.optional(
    z.pipe(
      z.nullable(feedback),
      z.transform((value) => value ?? undefined),
    ),
  ),
  requestedBy: createTextSchema(256).check(z.minLength(1, "must be text that is not blank")),
  requestedAt: z.iso.datetime({
    offset: true,
    error: "must be an instant such as 2026-11-22T08:00:00Z",
  }),
};

const createIdsSchema = (maxIds: number) =>
  z.pipe(
    z
      .array(alertId, "must be a list of alert ids")
      .check(
        z.minLength(1, "must have at least one alert id"),
        z.maxLength(maxIds, `must have at most ${maxIds} alert ids`),
      ),
    z.transform((all) => [...new Set(all)]),
  );

/** The HTTP request. Unknown members are refused, so that a misspelled one is an error. */
export const verdictRequest = z.strictObject(
  {
    ...shape,
    alertIds: createIdsSchema(maxAlertsPerRequest),
    dryRun: z.optional(
      z.pipe(
        z.nullable(z.boolean("must be true or false")),
        z.transform((value) => value ?? undefined),
      ),
    ),
  },
  "must be a JSON object",
);
export type VerdictRequest = z.infer<typeof verdictRequest>;

/**
 * The queue message. `deferred` counts how often it was delayed, `seal` shows that the app wrote the
 * message; a sender omits both.
 */
export const verdictMessage = z.strictObject(
  {
    ...shape,
    alertIds: createIdsSchema(maxAlertsPerMessage),
    deferred: z.optional(
      z
        .number("must be a number")
        .check(z.int("must be an integer"), z.gte(0, "must be 0 or more")),
    ),
    seal: z.optional(z.string("must be text")),
  },
  "must be a JSON object",
);
export type VerdictMessage = z.infer<typeof verdictMessage>;

/** The request to undo a verdict. */
export const undoRequest = z.strictObject(
  { requestedBy: shape.requestedBy },
  "must be a JSON object with requestedBy",
);

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
  readonly detail: string | null;
}

/**
 * What writing a request down under its id came to: nothing was there, or the same request, or
 * another. `serverNowMs` is the store's clock.
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
