/**
 * Second half of the desk: one turn of the quota closes up to 100 waiting alerts of one group in one call, then
 * accounts for each id. A record in doubt is looked at before its second try.
 */
import type { AlertId } from "../contracts/alert-id.ts";
import { maxAlertsPerMessage } from "../contracts/alert-verdict.ts";
import { secondMs } from "../runtime/time.ts";
import {
  interpretCloseResponse,
  interpretAlertState,
  type AlertResult,
} from "./interpret-close-response.ts";
import {
  closeRequestOf,
  groupOf,
  markerPath,
  recordPath,
  type AlertRecord,
} from "./alert-record.ts";
import { claimGroup, countWaiting, type Claim } from "./claim-group.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { withGroupLease } from "./group-lease.ts";
import type { Permit, ChangeReply, CloseRequest, AlertStatesReply, AlertDeps } from "./ports.ts";

/** What a turn came to. `idle`: no alert of the group was free, or another instance is closing them. */
export type BatchResult =
  | { readonly kind: "worked" }
  | { readonly kind: "idle" }
  | { readonly kind: "later"; readonly retryAfterMs: number };

/** Whoever is at a group goes on while full calls wait, for so long. */
const groupBudgetMs = 30 * secondMs;

/** Answers that leave an alert open this often are not going to close it. */
const maxTries = 5;

/**
 * Takes a turn, waiting at most `maxWaitMs`, and spends it on the group. Where somebody is already at it, waits for that
 * call (this process) or says so (another).
 */
export async function closeGroup(
  deps: AlertDeps,
  group: string,
  maxWaitMs: number,
): Promise<BatchResult> {
  const running = deps.closingGroups.get(group);
  if (running) {
    await Promise.allSettled([running]);
    return { kind: "worked" };
  }
  const deadlineMs = deps.clock.now() + groupBudgetMs;
  const work = withGroupLease(deps, group, async () => {
    const outcome = await closeNextBatch(deps, group, maxWaitMs);
    const canContinue = outcome.kind === "worked" && deps.clock.now() < deadlineMs;
    return {
      outcome,
      hasMore: canContinue && (await countWaiting(deps, group)) >= maxAlertsPerMessage,
    };
  }).finally(() => deps.closingGroups.delete(group));
  deps.closingGroups.set(group, work);
  const result = await work;
  return result === "busy" ? { kind: "idle" } : result;
}

async function closeNextBatch(
  deps: AlertDeps,
  group: string,
  maxWaitMs: number,
): Promise<BatchResult> {
  const permitResult = await deps.alerts.acquirePermit(maxWaitMs);
  if (permitResult.kind === "later") return permitResult;
  await deps.failpoint("A4 permit reserved");
  const claims = await claimGroup(deps, group, deps.newId());
  if (claims.length === 0) return { kind: "idle" };
  const ready = await resolveDoubts(deps, group, claims);
  if (!Array.isArray(ready)) return ready;
  if (ready.length === 0) return { kind: "worked" };
  return closeClaims(deps, group, ready, permitResult.permit);
}

/** Settles what an earlier, unanswered try has closed already; the rest may be tried again. */
async function resolveDoubts(
  deps: AlertDeps,
  group: string,
  claims: readonly Claim[],
): Promise<Claim[] | BatchResult> {
  const doubtful = claims.filter(({ record }) => record.inDoubt === true);
  if (doubtful.length === 0) return [...claims];
  const results = await checkAlerts(deps, doubtful, true);
  if (results.kind !== "endings") {
    await releaseClaims(deps, claims, true);
    return { kind: "later", retryAfterMs: results.retryAfterMs };
  }
  const settledEarlier = doubtful.filter(
    ({ record }) => results.byAlert.get(record.alertId as AlertId)?.state !== "open",
  );
  await recordResults(deps, group, settledEarlier, results.byAlert);
  return claims.filter((claim) => !settledEarlier.includes(claim));
}

async function closeClaims(
  deps: AlertDeps,
  group: string,
  claims: readonly Claim[],
  permit: Permit,
): Promise<BatchResult> {
  const [first] = claims;
  if (!first) return { kind: "idle" };
  const request = closeRequestOf(first.record);
  const ids = claims.map(({ record }) => record.alertId as AlertId);
  const call = deps.newId();
  await deps.writeAudit({
    kind: "intent",
    call,
    action: "close",
    ...toAuditFields(claims, request),
  });
  await deps.failpoint("A3 audit intent written");
  const [reply] = await Promise.all([
    deps.alerts.close(ids, request, permit),
    deps.failpoint("A5 close sent"),
  ]);
  await deps.failpoint("A6 reply read");
  const results = await determineResults(deps, claims, reply);
  if (results.kind !== "endings") {
    await releaseClaims(deps, claims, results.inDoubt);
    await deps.writeAudit({
      kind: "outcome",
      call,
      action: "close",
      ...toAuditFields(claims, request),
      outcomes: { deferred: ids },
    });
    return { kind: "later", retryAfterMs: results.retryAfterMs };
  }
  await recordResults(deps, group, claims, results.byAlert);
  await deps.failpoint("A7 record done");
  await deps.writeAudit({
    kind: "outcome",
    call,
    action: "close",
    ...toAuditFields(claims, request),
    outcomes: groupByState(results.byAlert),
  });
  await deps.failpoint("A8 audit outcome written");
  logOutcome(deps, claims, request, results.byAlert);
  return { kind: "worked" };
}

type AlertResults =
  | { readonly kind: "endings"; readonly byAlert: ReadonlyMap<AlertId, AlertResult> }
  | { readonly kind: "later"; readonly retryAfterMs: number; readonly inDoubt: boolean };

/** When nothing better is known of how long a trouble lasts. */
const pauseMs = 30_000;

/** What each id becomes, from the answer where it accounts for the id, from one list call where it does not. */
async function determineResults(
  deps: AlertDeps,
  claims: readonly Claim[],
  reply: ChangeReply,
): Promise<AlertResults> {
  const ids = claims.map(({ record }) => record.alertId as AlertId);
  switch (reply.kind) {
    case "later":
      return { kind: "later", retryAfterMs: reply.retryAfterMs, inDoubt: false };
    case "unknown":
      return { kind: "later", retryAfterMs: pauseMs, inDoubt: true };
    case "refused":
      return {
        kind: "endings",
        byAlert: new Map(ids.map((id) => [id, { state: "failed", detail: reply.message }])),
      };
    case "answer": {
      const { settled, toCheck, inDoubt } = interpretCloseResponse(ids, reply);
      if (toCheck.length === 0) return { kind: "endings", byAlert: settled };
      const rest = await checkAlerts(
        deps,
        claims.filter(({ record }) => toCheck.includes(record.alertId as AlertId)),
        inDoubt,
      );
      return rest.kind === "endings"
        ? { kind: "endings", byAlert: new Map([...settled, ...rest.byAlert]) }
        : { ...rest, inDoubt: true };
    }
  }
}

async function checkAlerts(
  deps: AlertDeps,
  claims: readonly Claim[],
  wasTried: boolean,
): Promise<AlertResults> {
  const reply: AlertStatesReply = await deps.alerts.getStates(
    claims.map(({ record }) => record.alertId as AlertId),
  );
  if (reply.kind === "later")
    return { kind: "later", retryAfterMs: reply.retryAfterMs, inDoubt: true };
  if (reply.kind === "refused") return { kind: "later", retryAfterMs: pauseMs, inDoubt: true };
  const entries = claims.map(({ record }) => {
    const id = record.alertId as AlertId;
    return [id, interpretAlertState(reply.alerts.get(id), record.closure, wasTried)] as const;
  });
  return { kind: "endings", byAlert: new Map(entries) };
}

/** Writes what became of each alert; one that is still open waits again, until it has been tried too often. */
async function recordResults(
  deps: AlertDeps,
  group: string,
  claims: readonly Claim[],
  results: ReadonlyMap<AlertId, AlertResult>,
): Promise<void> {
  await runInParallel(claims, async ({ record, etag }) => {
    const result = results.get(record.alertId as AlertId);
    if (!result) return;
    const next = applyResult(record, result);
    const { kind } = await deps.store.replace(recordPath(record.alertId), next, etag);
    if (kind === "written" && next.state === "waiting")
      await deps.store.create(markerPath(group, record.alertId), {});
  });
}

/** The record without what belonged to a try. */
function withoutTryFields(
  record: AlertRecord,
): Omit<AlertRecord, "owner" | "expiresAtMs" | "inDoubt" | "detail"> {
  const {
    owner: _owner,
    expiresAtMs: _expires,
    inDoubt: _doubt,
    detail: _detail,
    ...rest
  } = record;
  return rest;
}

function applyResult(record: AlertRecord, result: AlertResult): AlertRecord {
  const tries = record.tries + 1;
  const rest = { ...withoutTryFields(record), tries };
  if (result.state !== "open") return { ...rest, state: result.state, detail: result.detail };
  if (tries < maxTries) return { ...rest, state: "waiting" };
  return {
    ...rest,
    state: "failed",
    detail: `Cloud Apps kept the alert open after ${tries} tries`,
  };
}

/** Gives claimed records back; with `inDoubt` the next try looks first. */
async function releaseClaims(
  deps: AlertDeps,
  claims: readonly Claim[],
  inDoubt: boolean,
): Promise<void> {
  await runInParallel(claims, async ({ record, etag }) => {
    const next: AlertRecord = {
      ...withoutTryFields(record),
      state: "waiting",
      inDoubt: inDoubt || record.inDoubt === true,
    };
    const { kind } = await deps.store.replace(recordPath(record.alertId), next, etag);
    if (kind === "written")
      await deps.store.create(markerPath(groupOf(record), record.alertId), {});
  });
}

const toAuditFields = (claims: readonly Claim[], request: CloseRequest) => ({
  closure: request.closure,
  reason: request.reason,
  alertIds: claims.map(({ record }) => record.alertId),
  verdicts: [...new Set(claims.map(({ record }) => record.verdict))],
  requestedBy: [...new Set(claims.map(({ record }) => record.requestedBy))],
});

/** Ids by what became of them. */
function groupByState(results: ReadonlyMap<AlertId, AlertResult>): Record<string, AlertId[]> {
  const grouped: Record<string, AlertId[]> = {};
  for (const [id, { state }] of results) (grouped[state] ??= []).push(id);
  return grouped;
}

function logOutcome(
  deps: AlertDeps,
  claims: readonly Claim[],
  request: CloseRequest,
  results: ReadonlyMap<AlertId, AlertResult>,
): void {
  const grouped = groupByState(results);
  const countState = (state: string): number => grouped[state]?.length ?? 0;
  deps.logEvent("verdict.outcome", {
    verdict: claims[0]?.record.verdict ?? "",
    closure: request.closure,
    closed: countState("closed"),
    alreadyClosed: countState("already_closed"),
    notFound: countState("not_found"),
    failed: countState("failed"),
  });
}
