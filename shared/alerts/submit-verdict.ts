/**
 * Accepts requests: over HTTP, where the messages are sent here, and from webhooks, which send
 * their own.
 */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import {
  splitIntoMessages,
  type RecordResult,
  type VerdictRequest,
} from "../contracts/alert-verdict.ts";
import { dailyLimitPath, msUntilNextDay, takeFromDailyCount } from "../storage/daily-limit.ts";
import { etagOf, readRecord } from "../storage/typed-record.ts";
import { toCloseRequest } from "./alert-record.ts";
import type { AlertDeps } from "./ports.ts";
import {
  createRequestRecord,
  readRequestRecord,
  requestPath,
  type RequestRecord,
} from "./request-record.ts";

type SubmitResult =
  | { readonly kind: "accepted"; readonly id: string }
  /** The same id was used for another request. */
  | { readonly kind: "idTaken" }
  /** The source's daily number of alerts is used up until then. */
  | { readonly kind: "capped"; readonly retryAfterMs: number };

/**
 * Accepts a request: records it, enqueues its messages, then marks it as enqueued. Repeating it has
 * no effect, except that it completes what a crash interrupted.
 *
 * @param source - the configured sender: `api` or a webhook's name
 * @param maxPerDay - alerts that one source may close in a UTC day
 */
export async function submitVerdict(
  deps: AlertDeps,
  request: VerdictRequest,
  source: string,
  maxPerDay: number,
): Promise<SubmitResult> {
  const { dryRun: _dryRun, ...verdict } = request;
  const digest = digestOf(request);
  const path = requestPath(request.id);
  const read = await readRequestRecord(deps.store, request.id);
  const existing = read.kind === "found" ? read.value : undefined;
  if (read.kind === "invalid" || (existing && existing.digest !== digest))
    return { kind: "idTaken" };
  if (existing?.enqueued) return { kind: "accepted", id: request.id };
  // Sealed before anything is recorded: without its key, the request is not accepted.
  const messages = await Promise.all(splitIntoMessages(verdict).map(deps.sealMessage));
  const record = existing ?? createRequestRecord(request, digest, source, deps.clock.now());
  let etag = etagOf(read);
  if (etag === undefined) {
    const dayLimit = await countTowardLimit(deps, source, request.alertIds.length, maxPerDay);
    if (dayLimit.kind === "capped") return dayLimit;
    const created = await deps.store.create(path, record);
    if (created.kind === "lost") return submitVerdict(deps, request, source, maxPerDay);
    etag = created.etag;
  }
  for (const message of messages) await deps.queues.send("alert-verdicts", message);
  await deps.store.replace(path, { ...record, enqueued: true }, etag);
  logAccepted(deps, record);
  return { kind: "accepted", id: request.id };
}

/**
 * Records a request whose messages a webhook sends, so that its status can be read and it can be
 * undone like any other. The first body that arrives under an id keeps it; an id can also be
 * reserved without a verdict.
 *
 * @param delivery - the delivery that contains the request
 */
export async function recordVerdict(
  deps: Pick<AlertDeps, "store" | "clock" | "logEvent">,
  id: string,
  request: Omit<VerdictRequest, "dryRun"> | undefined,
  delivery: { readonly source: string; readonly bodyHash: string },
): Promise<RecordResult> {
  const { source, bodyHash: digest } = delivery;
  const record = request && {
    ...createRequestRecord(request, digest, source, deps.clock.now()),
    enqueued: true,
  };
  const path = requestPath(id);
  const created = await deps.store.create(path, record ?? { version: 1, id, digest, source });
  if (created.kind === "written") {
    if (record) logAccepted(deps, record);
    return { kind: "new", serverNowMs: created.serverNowMs };
  }
  const read = await readRecord(deps.store, path, storedDigest);
  if (read.kind === "absent") return recordVerdict(deps, id, request, delivery);
  return { kind: read.kind === "found" && read.value.digest === digest ? "same" : "other" };
}

const storedDigest = z.object({ digest: z.string() });

/**
 * Returns the digest of what a request asks. Two requests with one id are the same when their
 * digests are equal: the order of the ids, `requestedAt` and the synonym of the action do not
 * matter.
 */
export function digestOf(request: Omit<VerdictRequest, "dryRun">): string {
  const { closure } = toCloseRequest(request);
  const { alertIds, comment, feedback, reason, requestedBy } = request;
  const content = [
    closure,
    alertIds.toSorted(),
    requestedBy,
    reason ?? null,
    comment ?? null,
    feedback?.text ?? null,
    feedback?.allowContact ?? null,
    feedback?.contactEmail ?? null,
  ];
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

const logAccepted = (
  deps: Pick<AlertDeps, "logEvent">,
  { alertIds, closure, id, source }: RequestRecord,
): void =>
  deps.logEvent("verdict.accepted", { verdict: id, source, alerts: alertIds.length, closure });

/** Counts the alerts toward the source's day; a request over the limit counts nothing. */
async function countTowardLimit(
  deps: AlertDeps,
  source: string,
  alertCount: number,
  maxPerDay: number,
): Promise<{ kind: "allowed" } | { kind: "capped"; retryAfterMs: number }> {
  const nowMs = deps.clock.now();
  const takenCount = await takeFromDailyCount(
    deps.store,
    dailyLimitPath(source, nowMs),
    maxPerDay,
    (remaining) => (alertCount <= remaining ? alertCount : 0),
  );
  return takenCount > 0
    ? { kind: "allowed" }
    : { kind: "capped", retryAfterMs: msUntilNextDay(nowMs) };
}
