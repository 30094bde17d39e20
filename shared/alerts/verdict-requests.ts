/** The front of the desk: takes a request over HTTP or from a webhook, shows how it goes, rehearses it, takes it back. */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { AlertId } from "../contracts/alert-id.ts";
import {
  splitIntoMessages,
  maxAlertsPerMessage,
  type AlertStatus,
  type RecordResult,
  type VerdictRequest,
} from "../contracts/alert-verdict.ts";
import { msUntilNextDay, takeFromDailyCount, dailyLimitPath } from "../storage/daily-limit.ts";
import {
  alertRecord,
  toCloseRequest,
  conflictPath,
  recordPath,
  type AlertRecord,
} from "./alert-record.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import type { CloseRequest, AlertState, AlertDeps } from "./ports.ts";

/** The request as written down: `state/verdicts/{id}.json`. Nothing after `enqueued` turns true is owed to the sender. */
const requestRecord = z.object({
  version: z.literal(1),
  id: z.string(),
  digest: z.string(),
  closure: z.enum(["true_positive", "false_positive", "benign"]),
  alertIds: z.array(z.string()),
  requestedBy: z.string(),
  requestedAt: z.string(),
  acceptedAtMs: z.number(),
  source: z.string(),
  enqueued: z.boolean(),
});
type RequestRecord = z.infer<typeof requestRecord>;

export const requestPath = (id: string): string => `state/verdicts/${id}.json`;

export type SubmitResult =
  | { readonly kind: "accepted"; readonly id: string }
  /** The same id was used for another request. */
  | { readonly kind: "id-taken" }
  /** The source's daily number of alerts is used up until then. */
  | { readonly kind: "capped"; readonly retryAfterMs: number };

/**
 * Accepts a request: written down, put on the queue, then marked as such. Repeating it at any time is inert, and
 * finishes what a crash left undone.
 *
 * @param source - who sent it, as configured: `api` or a webhook's name
 * @param maxPerDay - alerts that one source may ask for in a UTC day
 */
export async function submitVerdict(
  deps: AlertDeps,
  request: VerdictRequest,
  source: string,
  maxPerDay: number,
): Promise<SubmitResult> {
  const { dryRun: _dryRun, ...verdict } = request;
  const digest = digestOf(verdict);
  const path = requestPath(request.id);
  const read = await deps.store.read(path);
  const existing = read.kind === "found" ? requestRecord.safeParse(read.value).data : undefined;
  if (read.kind === "broken" || (read.kind === "found" && existing?.digest !== digest))
    return { kind: "id-taken" };
  if (existing?.enqueued) return { kind: "accepted", id: request.id };
  const record: RequestRecord =
    existing ?? createRequestRecord(request, digest, source, deps.clock.now());
  let etag = read.kind === "found" ? read.etag : undefined;
  if (etag === undefined) {
    const dayLimit = await countTowardLimit(deps, source, request.alertIds.length, maxPerDay);
    if (dayLimit.kind === "capped") return dayLimit;
    const created = await deps.store.create(path, record);
    if (created.kind === "lost") return submitVerdict(deps, request, source, maxPerDay);
    etag = created.etag;
  }
  for (const message of splitIntoMessages(verdict))
    await deps.queues.send("alert-verdicts", message);
  await deps.store.replace(path, { ...record, enqueued: true }, etag);
  logAccepted(deps, record);
  return { kind: "accepted", id: request.id };
}

/**
 * Writes down a request whose messages somebody else sends, a webhook, so that it can be shown and taken back like any
 * other. The first body to come under an id has it for good; an id may also be taken without asking for a verdict.
 *
 * @param delivery - the delivery that the request was read from
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
  const read = await deps.store.read(path);
  if (read.kind === "absent") return recordVerdict(deps, id, request, delivery);
  const isSame =
    read.kind === "found" && storedDigest.safeParse(read.value).data?.digest === digest;
  return { kind: isSame ? "same" : "other" };
}

const storedDigest = z.object({ digest: z.string() });

const digestOf = (request: object): string =>
  createHash("sha256").update(JSON.stringify(request)).digest("hex");

const logAccepted = (
  deps: Pick<AlertDeps, "logEvent">,
  { alertIds, closure, id, source }: RequestRecord,
): void =>
  deps.logEvent("verdict.accepted", { verdict: id, source, alerts: alertIds.length, closure });

const createRequestRecord = (
  request: VerdictRequest,
  digest: string,
  source: string,
  nowMs: number,
): RequestRecord => ({
  version: 1,
  id: request.id,
  digest,
  closure: toCloseRequest(request).closure,
  alertIds: request.alertIds,
  requestedBy: request.requestedBy,
  requestedAt: request.requestedAt,
  acceptedAtMs: nowMs,
  source,
  enqueued: false,
});

/** Counts the alerts of a source's day; a request over the cap counts nothing. */
async function countTowardLimit(
  deps: AlertDeps,
  source: string,
  alertCount: number,
  maxPerDay: number,
): Promise<{ kind: "room" } | { kind: "capped"; retryAfterMs: number }> {
  const nowMs = deps.clock.now();
  const takenCount = await takeFromDailyCount(
    deps.store,
    dailyLimitPath(source, nowMs),
    maxPerDay,
    (remaining) => (alertCount <= remaining ? alertCount : 0),
  );
  return takenCount > 0
    ? { kind: "room" }
    : { kind: "capped", retryAfterMs: msUntilNextDay(nowMs) };
}

/** A request's state: `id` as sent, one outcome per alert id, in the order of the request. */
export interface VerdictStatus {
  readonly id: string;
  readonly closure: string;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly done: boolean;
  readonly alerts: readonly AlertStatus[];
}

/** Reads a request's status; `undefined` when no such request was accepted over HTTP. */
export async function readVerdictStatus(
  deps: AlertDeps,
  id: string,
): Promise<VerdictStatus | undefined> {
  const read = await deps.store.read(requestPath(id));
  const request = read.kind === "found" ? requestRecord.safeParse(read.value).data : undefined;
  if (!request) return undefined;
  const alerts = await readAlertStatuses(deps, id, request.alertIds);
  const { closure, requestedBy, requestedAt } = request;
  return {
    id,
    closure,
    requestedBy,
    requestedAt,
    done: alerts.every(({ outcome }) => outcome !== "waiting"),
    alerts,
  };
}

/** How each alert of a verdict stands, in the order given; also of a verdict that came by a webhook. */
export async function readAlertStatuses(
  deps: Pick<AlertDeps, "store">,
  verdict: string,
  alertIds: readonly string[],
): Promise<AlertStatus[]> {
  const statuses = new Map<string, AlertStatus>();
  await runInParallel(alertIds, async (alertId) => {
    statuses.set(alertId, await readAlertStatus(deps, alertId, verdict));
  });
  return alertIds.map(
    (alertId) => statuses.get(alertId) ?? { alertId, outcome: "waiting" as const },
  );
}

async function readAlertStatus(
  deps: Pick<AlertDeps, "store">,
  alertId: string,
  verdict: string,
): Promise<AlertStatus> {
  const conflict = await deps.store.read(conflictPath(alertId, verdict));
  if (conflict.kind !== "absent")
    return {
      alertId,
      outcome: "conflict",
      detail: "another verdict is in force; it was left as it is",
    };
  const read = await deps.store.read(recordPath(alertId));
  const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
  if (!record) return { alertId, outcome: "waiting" };
  const outcome = record.state === "sending" ? "waiting" : record.state;
  if (record.verdict === verdict || outcome === "waiting")
    return { alertId, outcome, detail: record.detail };
  return { alertId, outcome, detail: record.detail ?? `by the earlier verdict ${record.verdict}` };
}

/** What a rehearsal says of each id. */
export interface PlannedAlert {
  readonly alertId: string;
  readonly would: "close" | "leave" | "conflict" | "not_found";
  readonly now: AlertState | "unknown";
}

export type DryRunResult =
  | { readonly kind: "rehearsed"; readonly alerts: readonly PlannedAlert[] }
  | { readonly kind: "later"; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly message: string };

/** Says what a request would do, by one list call per 100 ids; changes nothing. */
export async function dryRunVerdict(
  deps: AlertDeps,
  request: VerdictRequest,
): Promise<DryRunResult> {
  const expected = toCloseRequest(request);
  const alerts: PlannedAlert[] = [];
  for (const { alertIds } of splitIntoMessages(request)) {
    const reply = await deps.alerts.getStates(alertIds);
    if (reply.kind !== "answer") return reply;
    for (const alertId of alertIds)
      alerts.push(await planAlert(deps, alertId, reply.alerts.get(alertId), expected));
  }
  return { kind: "rehearsed", alerts };
}

async function planAlert(
  deps: AlertDeps,
  alertId: AlertId,
  state: AlertState | undefined,
  expected: CloseRequest,
): Promise<PlannedAlert> {
  if (state === undefined) return { alertId, would: "not_found", now: "unknown" };
  const read = await deps.store.read(recordPath(alertId));
  const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
  const isInForce =
    record !== undefined && record.state !== "reopened" && record.state !== "failed";
  if (isInForce && (record.closure !== expected.closure || record.reason !== expected.reason))
    return { alertId, would: "conflict", now: state };
  return { alertId, would: state === "open" ? "close" : "leave", now: state };
}

export type UndoResult =
  | { readonly kind: "reopened"; readonly alerts: readonly AlertStatus[] }
  | { readonly kind: "unknown-verdict" }
  | { readonly kind: "later"; readonly retryAfterMs: number };

/**
 * Reopens what a request closed. Best effort: the call is undocumented. Alerts that the request did not close itself
 * are left alone.
 */
export async function undoVerdict(deps: AlertDeps, id: string): Promise<UndoResult> {
  const read = await deps.store.read(requestPath(id));
  const request = read.kind === "found" ? requestRecord.safeParse(read.value).data : undefined;
  if (!request) return { kind: "unknown-verdict" };
  const closedRecords: { record: AlertRecord; etag: string }[] = [];
  await runInParallel(request.alertIds, async (alertId) => {
    const stored = await deps.store.read(recordPath(alertId));
    const record = stored.kind === "found" ? alertRecord.safeParse(stored.value).data : undefined;
    if (stored.kind === "found" && record?.verdict === id && record.state === "closed")
      closedRecords.push({ record, etag: stored.etag });
  });
  for (let start = 0; start < closedRecords.length; start += maxAlertsPerMessage) {
    const waitMs = await reopenBatch(
      deps,
      closedRecords.slice(start, start + maxAlertsPerMessage),
      request,
    );
    if (waitMs !== undefined) return { kind: "later", retryAfterMs: waitMs };
  }
  return { kind: "reopened", alerts: (await readVerdictStatus(deps, id))?.alerts ?? [] };
}

const retryUndoMs = 60_000;

/** @returns how long to wait when the call got no usable answer; the records then stay closed and the undo may be repeated */
async function reopenBatch(
  deps: AlertDeps,
  claims: readonly { record: AlertRecord; etag: string }[],
  request: RequestRecord,
): Promise<number | undefined> {
  const ids = claims.map(({ record }) => record.alertId as AlertId);
  const call = deps.newId();
  const auditFields = {
    call,
    action: "reopen",
    closure: request.closure,
    alertIds: ids,
    verdicts: [request.id],
    requestedBy: [request.requestedBy],
  } as const;
  await deps.writeAudit({ kind: "intent", ...auditFields });
  const reply = await deps.alerts.reopen(ids, undefined);
  if (reply.kind !== "answer") {
    await deps.writeAudit({ kind: "outcome", ...auditFields, outcomes: { [reply.kind]: ids } });
    return reply.kind === "later" ? reply.retryAfterMs : retryUndoMs;
  }
  await runInParallel(claims, async ({ record, etag }) => {
    await deps.store.replace(
      recordPath(record.alertId),
      { ...record, state: "reopened", detail: "reopened on request" },
      etag,
    );
  });
  await deps.writeAudit({ kind: "outcome", ...auditFields, outcomes: { reopened: ids } });
  return undefined;
}
