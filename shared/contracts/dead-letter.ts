/** Dead letters: messages that could not be processed, as they are stored, listed and replayed. */
import * as z from "zod/mini";

/**
 * Why a message ended here. `retriesExhausted`: the platform took it away after five tries.
 * `unsealed` and `dailyLimit`: a message of another writer that the settings do not allow.
 * `unknownTenant`: no enabled tenant has the name that the message carries.
 */
const deadLetterReasons = [
  "encoding",
  "notAnObject",
  "tooDeep",
  "schema",
  "retriesExhausted",
  "permanent",
  "unsealed",
  "dailyLimit",
  "unknownTenant",
] as const;
export type DeadLetterReason = (typeof deadLetterReasons)[number];

/** Queues whose messages may end here. */
export const deadLetterQueues = ["hunt-runs", "file-lookups", "alert-verdicts"] as const;
export type DeadLetterQueue = (typeof deadLetterQueues)[number];

/** One dead letter as stored in `dead-letters/{queue}/{id}.json`. */
export const deadLetter = z.object({
  version: z.literal(1),
  id: z.string(),
  queue: z.enum(deadLetterQueues),
  reason: z.enum(deadLetterReasons),
  detail: z.optional(z.string()),
  message: z.optional(z.record(z.string(), z.unknown())),
  text: z.optional(z.string()),
  /** False when the message is text, or redaction changed it. */
  replayable: z.boolean(),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
  occurrences: z.number(),
  replayedAt: z.optional(z.string()),
});
export type DeadLetter = z.infer<typeof deadLetter>;

/** One dead letter as `GET /api/dead-letters` returns it. */
export const deadLetterAnswer = z.object({
  ...deadLetter.shape,
  detail: z.nullable(z.string()),
  message: z.nullable(z.record(z.string(), z.unknown())),
  text: z.nullable(z.string()),
  replayedAt: z.nullable(z.string()),
});
export type DeadLetterAnswer = z.infer<typeof deadLetterAnswer>;

/** Returns the dead letter with null for each member that has no value. */
export const toDeadLetterAnswer = (stored: DeadLetter): DeadLetterAnswer => ({
  ...stored,
  detail: stored.detail ?? null,
  message: stored.message ?? null,
  text: stored.text ?? null,
  replayedAt: stored.replayedAt ?? null,
});

/** Dead letters shown, or put back, by one request. */
export const maxDeadLettersPerRequest = 200;

const queueName = z.enum(deadLetterQueues, `must be one of ${deadLetterQueues.join(", ")}`);

/** `GET /api/dead-letters`: of one queue, or of all. */
export const deadLetterFilter = z.object({
  queue: z.optional(queueName),
  /** Continues a list; taken from its `nextLink`. */
  after: z.optional(
    z
      .string()
      .check(z.regex(/^[a-z-]{1,40}\/[0-9a-f]{32}$/, "must be the value that nextLink has")),
  ),
});

/** The body of `POST /api/dead-letters/replay`. */
export const replayRequest = z.strictObject({
  deadLetters: z
    .array(
      z.strictObject({
        queue: queueName,
        id: z.string().check(z.regex(/^[0-9a-f]{32}$/, "the dead letter's id, 32 hex digits")),
      }),
    )
    .check(z.minLength(1), z.maxLength(maxDeadLettersPerRequest)),
});
