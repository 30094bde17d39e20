/** The front of the desk: takes a request over HTTP or from a webhook, shows how it goes, rehearses it, takes it back. */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import type { AlertId } from "../contracts/alert-id.ts";
import {
  messagesOf,
  mostAlertsInMessage,
  type AlertStatus,
  type Noted,
  type VerdictRequest,
} from "../contracts/alert-verdict.ts";
import { nextDayInMs, takeOfDay, verdictDayPath } from "../storage/daily-limit.ts";
import {
  alertRecord,
  closingOf,
  conflictPath,
  recordPath,
  type AlertRecord,
} from "./alert-record.ts";
import { inParallel } from "../runtime/concurrency.ts";
import type { Closing, SeenAlert, VerdictDesk } from "./ports.ts";

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

export type Submitted =
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
 * @param mostPerDay - alerts that one source may ask for in a UTC day
 */
export async function submitVerdict(
  desk: VerdictDesk,
  request: VerdictRequest,
  source: string,
  mostPerDay: number,
): Promise<Submitted> {
  const { dryRun: _dryRun, ...asked } = request;
  const digest = digestOf(asked);
  const path = requestPath(request.id);
  const read = await desk.store.read(path);
  const known = read.kind === "found" ? requestRecord.safeParse(read.value).data : undefined;
  if (read.kind === "broken" || (read.kind === "found" && known?.digest !== digest))
    return { kind: "id-taken" };
  if (known?.enqueued) return { kind: "accepted", id: request.id };
  const record: RequestRecord = known ?? newRecord(request, digest, source, desk.clock.now());
  let etag = read.kind === "found" ? read.etag : undefined;
  if (etag === undefined) {
    const room = await countAgainstCap(desk, source, request.alertIds.length, mostPerDay);
    if (room.kind === "capped") return room;
    const created = await desk.store.create(path, record);
    if (created.kind === "lost") return submitVerdict(desk, request, source, mostPerDay);
    etag = created.etag;
  }
  for (const message of messagesOf(asked)) await desk.queues.send("alert-verdicts", message);
  await desk.store.replace(path, { ...record, enqueued: true }, etag);
  noteAccepted(desk, record);
  return { kind: "accepted", id: request.id };
}

/**
 * Writes down a request whose messages somebody else sends, a webhook, so that it can be shown and taken back like any
 * other. The first body to come under an id has it for good; an id may also be taken without asking for a verdict.
 *
 * @param from - the delivery that the request was read from
 */
export async function noteVerdict(
  desk: Pick<VerdictDesk, "store" | "clock" | "note">,
  id: string,
  request: Omit<VerdictRequest, "dryRun"> | undefined,
  from: { readonly source: string; readonly bodyHash: string },
): Promise<Noted> {
  const { source, bodyHash: digest } = from;
  const record = request && {
    ...newRecord(request, digest, source, desk.clock.now()),
    enqueued: true,
  };
  const path = requestPath(id);
  const created = await desk.store.create(path, record ?? { version: 1, id, digest, source });
  if (created.kind === "written") {
    if (record) noteAccepted(desk, record);
    return { kind: "new", serverNowMs: created.serverNowMs };
  }
  const read = await desk.store.read(path);
  if (read.kind === "absent") return noteVerdict(desk, id, request, from);
  const same = read.kind === "found" && takenId.safeParse(read.value).data?.digest === digest;
  return { kind: same ? "same" : "other" };
}

const takenId = z.object({ digest: z.string() });

const digestOf = (asked: object): string =>
  createHash("sha256").update(JSON.stringify(asked)).digest("hex");

const noteAccepted = (
  desk: Pick<VerdictDesk, "note">,
  { alertIds, closure, id, source }: RequestRecord,
): void => desk.note("verdict.accepted", { verdict: id, source, alerts: alertIds.length, closure });

const newRecord = (
  request: VerdictRequest,
  digest: string,
  source: string,
  nowMs: number,
): RequestRecord => ({
  version: 1,
  id: request.id,
  digest,
  closure: closingOf(request).closure,
  alertIds: request.alertIds,
  requestedBy: request.requestedBy,
  requestedAt: request.requestedAt,
  acceptedAtMs: nowMs,
  source,
  enqueued: false,
});

/** Counts the alerts of a source's day; a request over the cap counts nothing. */
async function countAgainstCap(
  desk: VerdictDesk,
  source: string,
  alerts: number,
  most: number,
): Promise<{ kind: "room" } | { kind: "capped"; retryAfterMs: number }> {
  const nowMs = desk.clock.now();
  const taken = await takeOfDay(desk.store, verdictDayPath(source, nowMs), most, (left) =>
    alerts <= left ? alerts : 0,
  );
  return taken > 0 ? { kind: "room" } : { kind: "capped", retryAfterMs: nextDayInMs(nowMs) };
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
export async function verdictStatus(
  desk: VerdictDesk,
  id: string,
): Promise<VerdictStatus | undefined> {
  const read = await desk.store.read(requestPath(id));
  const request = read.kind === "found" ? requestRecord.safeParse(read.value).data : undefined;
  if (!request) return undefined;
  const alerts = await alertStatuses(desk, id, request.alertIds);
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
export async function alertStatuses(
  desk: Pick<VerdictDesk, "store">,
  verdict: string,
  alertIds: readonly string[],
): Promise<AlertStatus[]> {
  const seen = new Map<string, AlertStatus>();
  await inParallel(alertIds, async (alertId) => {
    seen.set(alertId, await alertStatus(desk, alertId, verdict));
  });
  return alertIds.map((alertId) => seen.get(alertId) ?? { alertId, outcome: "waiting" as const });
}

async function alertStatus(
  desk: Pick<VerdictDesk, "store">,
  alertId: string,
  verdict: string,
): Promise<AlertStatus> {
  const conflict = await desk.store.read(conflictPath(alertId, verdict));
  if (conflict.kind !== "absent")
    return {
      alertId,
      outcome: "conflict",
      detail: "another verdict is in force; it was left as it is",
    };
  const read = await desk.store.read(recordPath(alertId));
  const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
  if (!record) return { alertId, outcome: "waiting" };
  const outcome = record.state === "sending" ? "waiting" : record.state;
  if (record.verdict === verdict || outcome === "waiting")
    return { alertId, outcome, detail: record.detail };
  return { alertId, outcome, detail: record.detail ?? `by the earlier verdict ${record.verdict}` };
}

/** What a rehearsal says of each id. */
export interface Rehearsed {
  readonly alertId: string;
  readonly would: "close" | "leave" | "conflict" | "not_found";
  readonly now: SeenAlert | "unknown";
}

export type Rehearsal =
  | { readonly kind: "rehearsed"; readonly alerts: readonly Rehearsed[] }
  | { readonly kind: "later"; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly message: string };

/** Says what a request would do, by one list call per 100 ids; changes nothing. */
export async function rehearse(desk: VerdictDesk, request: VerdictRequest): Promise<Rehearsal> {
  const wanted = closingOf(request);
  const alerts: Rehearsed[] = [];
  for (const { alertIds } of messagesOf(request)) {
    const reply = await desk.alerts.look(alertIds);
    if (reply.kind !== "answer") return reply;
    for (const alertId of alertIds)
      alerts.push(await rehearseOne(desk, alertId, reply.alerts.get(alertId), wanted));
  }
  return { kind: "rehearsed", alerts };
}

async function rehearseOne(
  desk: VerdictDesk,
  alertId: AlertId,
  seen: SeenAlert | undefined,
  wanted: Closing,
): Promise<Rehearsed> {
  if (seen === undefined) return { alertId, would: "not_found", now: "unknown" };
  const read = await desk.store.read(recordPath(alertId));
  const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
  const inForce = record !== undefined && record.state !== "reopened" && record.state !== "failed";
  if (inForce && (record.closure !== wanted.closure || record.reason !== wanted.reason))
    return { alertId, would: "conflict", now: seen };
  return { alertId, would: seen === "open" ? "close" : "leave", now: seen };
}

export type Undone =
  | { readonly kind: "reopened"; readonly alerts: readonly AlertStatus[] }
  | { readonly kind: "unknown-verdict" }
  | { readonly kind: "later"; readonly retryAfterMs: number };

/**
 * Reopens what a request closed. Best effort: the call is undocumented. Alerts that the request did not close itself
 * are left alone.
 */
export async function undoVerdict(desk: VerdictDesk, id: string): Promise<Undone> {
  const read = await desk.store.read(requestPath(id));
  const request = read.kind === "found" ? requestRecord.safeParse(read.value).data : undefined;
  if (!request) return { kind: "unknown-verdict" };
  const closed: { record: AlertRecord; etag: string }[] = [];
  await inParallel(request.alertIds, async (alertId) => {
    const found = await desk.store.read(recordPath(alertId));
    const record = found.kind === "found" ? alertRecord.safeParse(found.value).data : undefined;
    if (found.kind === "found" && record?.verdict === id && record.state === "closed")
      closed.push({ record, etag: found.etag });
  });
  for (let at = 0; at < closed.length; at += mostAlertsInMessage) {
    const later = await reopenSome(desk, closed.slice(at, at + mostAlertsInMessage), request);
    if (later !== undefined) return { kind: "later", retryAfterMs: later };
  }
  return { kind: "reopened", alerts: (await verdictStatus(desk, id))?.alerts ?? [] };
}

const retryUndoMs = 60_000;

/** @returns how long to wait when the call got no usable answer; the records then stay closed and the undo may be repeated */
async function reopenSome(
  desk: VerdictDesk,
  claims: readonly { record: AlertRecord; etag: string }[],
  request: RequestRecord,
): Promise<number | undefined> {
  const ids = claims.map(({ record }) => record.alertId as AlertId);
  const call = desk.newId();
  const about = {
    call,
    action: "reopen",
    closure: request.closure,
    alertIds: ids,
    verdicts: [request.id],
    requestedBy: [request.requestedBy],
  } as const;
  await desk.audit({ kind: "intent", ...about });
  const reply = await desk.alerts.reopen(ids, undefined);
  if (reply.kind !== "answer") {
    await desk.audit({ kind: "outcome", ...about, outcomes: { [reply.kind]: ids } });
    return reply.kind === "later" ? reply.retryAfterMs : retryUndoMs;
  }
  await inParallel(claims, async ({ record, etag }) => {
    await desk.store.replace(
      recordPath(record.alertId),
      { ...record, state: "reopened", detail: "reopened on request" },
      etag,
    );
  });
  await desk.audit({ kind: "outcome", ...about, outcomes: { reopened: ids } });
  return undefined;
}
