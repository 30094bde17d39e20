/** What is written down for an alert before anything is closed, and how alerts that close alike find each other. */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { AlertId } from "../contracts/alert-id.ts";
import { verdictReasons, type VerdictMessage } from "../contracts/alert-verdict.ts";
import { closureOf } from "./closures.ts";
import type { CloseRequest } from "./ports.ts";

const closeRequestSchema = z.object({
  closure: z.enum(["true_positive", "false_positive", "benign"]),
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
 * One alert's verdict. `waiting` and `sending` are not final; a `sending` record belongs to `owner` until
 * `expiresAtMs`, then whoever takes it over looks at the alert before a second try.
 */
export const alertRecord = z.object({
  version: z.literal(1),
  alertId: z.string(),
  state: z.enum([
    "waiting",
    "sending",
    "closed",
    "already_closed",
    "not_found",
    "failed",
    "reopened",
  ]),
  ...closeRequestSchema.shape,
  verdict: z.string(),
  requestedBy: z.string(),
  acceptedAtMs: z.number(),
  owner: z.optional(z.string()),
  expiresAtMs: z.optional(z.number()),
  /** True when a try may already have reached Cloud Apps: look before the next. */
  inDoubt: z.optional(z.boolean()),
  tries: z.number(),
  detail: z.optional(z.string()),
  /** The verdict that was in force before a reopening. */
  former: z.optional(z.string()),
});
export type AlertRecord = z.infer<typeof alertRecord>;

export const recordPath = (id: string): string => `state/alerts/${id}.json`;
export const markerFolder = (group: string): string => `state/waiting/${group}/`;
export const markerPath = (group: string, id: string): string => `${markerFolder(group)}${id}`;
export const conflictPath = (id: string, verdict: string): string =>
  `state/conflicts/${id}/${verdict}.json`;

/** Alerts of one group close in one call: same closure, reason, comment and feedback. */
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

/** What a request asks to be done to each of its alerts. */
export const toCloseRequest = (
  message: Pick<VerdictMessage, "action" | "reason" | "comment" | "feedback">,
): CloseRequest => ({
  closure: closureOf[message.action],
  reason: message.reason,
  comment: message.comment,
  feedback: message.feedback,
});

/** The closing that a record carries. */
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

/** A fresh record for an accepted id. */
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

/** True when nothing more will happen to the record by itself. */
export const isSettled = (record: AlertRecord): boolean =>
  record.state !== "waiting" && record.state !== "sending";

/** True while somebody's call for the record is under way. `nowMs` is the store's clock: owners must agree on when it ends. */
export const isClaimed = (record: AlertRecord, nowMs: number): boolean =>
  record.state === "sending" && (record.expiresAtMs ?? 0) > nowMs;

/** Two verdicts agree when they close alike for the same reason; a different comment is no different verdict. */
export const isSameVerdict = (record: AlertRecord, request: CloseRequest): boolean =>
  record.closure === request.closure && record.reason === request.reason;
