/** The stored verdict of one alert, and the group of alerts that close with one call. */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { AlertId } from "../contracts/alert-id.ts";
import { verdictReasons, type VerdictMessage } from "../contracts/alert-verdict.ts";
import type { RecordStore } from "../storage/record-store.ts";
import { readRecord, readValue, type TypedRecord } from "../storage/typed-record.ts";
import { closureOf } from "./closures.ts";
import type { CloseRequest } from "./ports.ts";

const closeRequestSchema = z.object({
  closure: z.enum(["truePositive", "falsePositive", "benign"]),
  reason: z.optional(z.enum(verdictReasons)),
  comment: z.optional(z.string()),
  feedback: z.optional(
    z.object({
      text: z.optional(z.string()),
      allowContact: z.optional(z.boolean()),
      contactEmail: z.optional(z.string()),
    }),
  ),
});

/**
 * One alert's verdict. `waiting` and `sending` are not final. A `sending` record belongs to `owner`
 * until `expiresAtMs`; the instance that takes it over afterwards looks at the alert before a
 * second try.
 */
export const alertRecord = z.object({
  version: z.literal(1),
  alertId: z.string(),
  state: z.enum([
    "waiting",
    "sending",
    "closed",
    "alreadyClosed",
    "notFound",
    "failed",
    "reopened",
  ]),
  ...closeRequestSchema.shape,
  verdict: z.string(),
  requestedBy: z.string(),
  acceptedAtMs: z.number(),
  owner: z.optional(z.string()),
  expiresAtMs: z.optional(z.number()),
  /** True when a try may already have reached Cloud Apps: look before the next one. */
  inDoubt: z.optional(z.boolean()),
  tries: z.number(),
  /** How the verdict ended, or why it waits. */
  detail: z.optional(z.string()),
  /** Since when calls for the alert are refused. */
  blockedSinceMs: z.optional(z.number()),
  /** The largest call that may include the alert, after a larger one was refused. */
  maxCallSize: z.optional(z.number()),
  /** Since when the alert is refused alone. */
  refusedSinceMs: z.optional(z.number()),
  /** No call includes the alert before this instant of the store's clock. */
  notBeforeMs: z.optional(z.number()),
  /** The verdict that was in force before a reopening. */
  former: z.optional(z.string()),
});
export type AlertRecord = z.infer<typeof alertRecord>;

export const alertFolder = "state/alerts/";
export const recordPath = (id: string): string => `${alertFolder}${id}.json`;
export const markerFolder = (group: string): string => `state/waiting/${group}/`;
export const markerPath = (group: string, id: string): string => `${markerFolder(group)}${id}`;

/** Reads an alert's record with its etag. */
export const readAlertRecord = (
  store: Pick<RecordStore, "read">,
  id: string,
): Promise<TypedRecord<AlertRecord>> => readRecord(store, recordPath(id), alertRecord);

/** Reads an alert's record; undefined when it is absent or invalid. */
export const findAlertRecord = (
  store: Pick<RecordStore, "read">,
  id: string,
): Promise<AlertRecord | undefined> => readValue(store, recordPath(id), alertRecord);

/** Names the group of a closing: equal closure, reason, comment and feedback close in one call. */
export function groupOf({ closure, reason, comment, feedback }: CloseRequest): string {
  const parts = [
    closure,
    reason ?? null,
    comment ?? null,
    feedback?.text ?? null,
    feedback?.allowContact ?? null,
    feedback?.contactEmail ?? null,
  ];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** Returns the closing that a request asks for each of its alerts. */
export const toCloseRequest = (
  message: Pick<VerdictMessage, "action" | "reason" | "comment" | "feedback">,
): CloseRequest => ({
  closure: closureOf[message.action],
  reason: message.reason,
  comment: message.comment,
  feedback: message.feedback,
});

/** Returns the closing that a record carries. */
export const closeRequestOf = ({
  closure,
  reason,
  comment,
  feedback,
}: AlertRecord): CloseRequest => ({
  closure,
  reason,
  comment,
  feedback,
});

/** Returns the first record of an accepted id. */
export const createWaitingRecord = (
  id: AlertId,
  message: VerdictMessage,
  nowMs: number,
): AlertRecord => ({
  version: 1,
  alertId: id,
  state: "waiting",
  ...toCloseRequest(message),
  verdict: message.id,
  requestedBy: message.requestedBy,
  acceptedAtMs: nowMs,
  tries: 0,
});

/** Tells whether the record is final. */
export const isSettled = (record: AlertRecord): boolean =>
  record.state !== "waiting" && record.state !== "sending";

/**
 * Tells whether a call for the record is under way.
 *
 * @param nowMs - the store's clock: all instances must agree on when ownership ends
 */
export const isClaimed = (record: AlertRecord, nowMs: number): boolean =>
  record.state === "sending" && (record.expiresAtMs ?? 0) > nowMs;

/** Tells whether two verdicts agree: same closure and reason. Comments may differ. */
export const isSameVerdict = (record: AlertRecord, request: CloseRequest): boolean =>
  record.closure === request.closure && record.reason === request.reason;
