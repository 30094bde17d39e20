/** Webhooks: the answer to a delivery, its stored receipt, and the status of its actions. */
import * as z from "zod/mini";
import { dayMs } from "../runtime/time.ts";
import { alertOutcomes } from "./alert-verdict.ts";
import { fileReportSchema } from "./file-result.ts";
import { createOperationSchema, operationStatuses } from "./operation.ts";

/** Name of a source, in the URL and in the name of its secret: `webhook-<source>`. */
export const webhookSource = z
  .string()
  .check(
    z.regex(
      /^[a-z0-9][a-z0-9-]{0,39}$/,
      "must be 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit, such as sentinel",
    ),
  );

/** What a webhook may lead to. */
export const webhookActions = ["enrich", "verdict", "hunt"] as const;
export type WebhookAction = (typeof webhookActions)[number];

const requestedVerdict = z.object({
  id: z.string(),
  action: z.string(),
  alertIds: z.array(z.string()),
});

const requestedLookup = z.object({ job: z.string(), hashes: z.int().check(z.gte(1)) });
const requestedHunt = z.object({ hunt: z.string(), job: z.string() });
const skippedItem = z.object({ path: z.string(), message: z.string() });

/** The answer to a delivery, the same for each repetition: 202 with actions, 200 without. */
export const webhookAnswer = z.object({
  source: z.string(),
  /** The delivery's own id, or the SHA-256 of the body where the sender gives none. */
  id: z.string(),
  verdicts: z.array(requestedVerdict),
  lookup: z.nullable(requestedLookup),
  hunts: z.array(requestedHunt),
  /** What the payload holds and was not acted on, and why. */
  skipped: z.array(skippedItem),
});
export type WebhookAnswer = z.infer<typeof webhookAnswer>;

/** `state/receipts/{source}/{sha256 of the id}.json`: written after everything is on its queue. */
export const webhookReceipt = z.object({
  version: z.literal(1),
  bodyHash: z.string(),
  acceptedAt: z.string(),
  answer: webhookAnswer,
});
export type WebhookReceipt = z.infer<typeof webhookReceipt>;

const alertStatus = z.object({
  alertId: z.string(),
  outcome: z.enum(alertOutcomes),
  detail: z.nullable(z.string()),
});

/**
 * The status of a delivery: the body of `GET /api/webhooks/{source}/receipts/{receipt}`. `id` is
 * the delivery's.
 */
export const webhookStatus = createOperationSchema(
  z.object({
    source: z.string(),
    acceptedAt: z.string(),
    verdicts: z.array(
      z.object({ id: z.string(), action: z.string(), alerts: z.array(alertStatus) }),
    ),
    /** `result` is null until the lookup has ended. */
    lookup: z.nullable(
      z.object({
        job: z.string(),
        status: z.enum(operationStatuses),
        result: z.nullable(fileReportSchema),
      }),
    ),
    /** `result` is null until the run has ended, and when it failed. */
    hunts: z.array(
      z.object({
        hunt: z.string(),
        job: z.string(),
        status: z.enum(operationStatuses),
        result: z.nullable(z.record(z.string(), z.unknown())),
      }),
    ),
    skipped: z.array(skippedItem),
  }),
);
export type WebhookStatus = z.infer<typeof webhookStatus>;

/** The receipt's name in its status URL: the SHA-256 of the delivery's id. */
export const receiptName = z
  .string()
  .check(z.regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"));

/** How long the id of a delivery is remembered, and how long its receipt is kept, ms. */
export const deliveryIdRetentionMs = 7 * dayMs;
export const receiptRetentionMs = 8 * dayMs;

/** What the key of a receipt's address is a signature of. */
export const receiptKey = (source: string, name: string): string => `${source}/${name}`;

/** The absolute URL of a receipt, on the address under which the request came in. */
export const receiptLocation = (
  requestUrl: string,
  source: string,
  name: string,
  key: string,
): string =>
  `${new URL(requestUrl).origin}/api/webhooks/${source}/receipts/${name}?key=${encodeURIComponent(key)}`;

/** Folder of a source's receipts, or of all receipts. */
export const receiptFolder = (source?: string): string =>
  source === undefined ? "state/receipts/" : `state/receipts/${source}/`;

/** Path of a receipt. */
export const receiptPath = (source: string, name: string): string =>
  `${receiptFolder(source)}${name}.json`;
