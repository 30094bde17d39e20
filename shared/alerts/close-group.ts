/**
 * Closes up to 100 waiting alerts of one group with one permit and one call, and records a result
 * for each id. A record in doubt is looked up before its second try.
 */
import type { AlertId } from "../contracts/alert-id.ts";
import { maxAlertsPerMessage } from "../contracts/alert-verdict.ts";
import { retryLater, type RetryLater } from "../contracts/retry-later.ts";
import { secondMs } from "../runtime/time.ts";
import { acquireLease } from "../storage/lease.ts";
import { closeRequestOf } from "./alert-record.ts";
import {
  chooseBatch,
  claimGroup,
  countWaiting,
  renewLateClaims,
  type Claim,
} from "./claim-group.ts";
import {
  interpretAlertState,
  interpretCloseResponse,
  type AlertResult,
} from "./interpret-close-response.ts";
import { hideTexts, toRecordTexts } from "./personal-data.ts";
import type { AlertDeps, AuditEvent, ChangeReply, CloseRequest, Permit } from "./ports.ts";
import { clearRefusedCalls, recordRefusedCall } from "./refused-calls.ts";
import {
  alertIdOf,
  recordRefusal,
  recordResults,
  releaseClaims,
  returnClaims,
} from "./settle-claims.ts";

/**
 * The outcome of a batch. `idle`: no alert of the group was free, or another instance is closing
 * them.
 */
export type BatchResult = { readonly kind: "worked" } | { readonly kind: "idle" } | RetryLater;

/** An instance keeps closing a group for this long while full calls wait. */
const groupBudgetMs = 30 * secondMs;

/** Longer than a call and its bookkeeping usually take. */
const leaseMs = 20 * secondMs;

/**
 * Closes the group's waiting alerts, waiting at most `maxWaitMs` for a permit. When this process is
 * already closing the group, waits for that call; when another instance is, returns `idle`.
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
  const work = closeWithLease(deps, group, maxWaitMs).finally(() =>
    deps.closingGroups.delete(group),
  );
  deps.closingGroups.set(group, work);
  return work;
}

/**
 * Two calls of a group at once would share its alerts and spend two permits; the lease avoids that.
 */
async function closeWithLease(
  deps: AlertDeps,
  group: string,
  maxWaitMs: number,
): Promise<BatchResult> {
  const deadlineMs = deps.clock.now() + groupBudgetMs;
  const acquired = await acquireLease(deps.store, {
    path: `state/closing/${group}.json`,
    leaseMs,
    owner: deps.newId(),
  });
  if (acquired.kind === "busy") return { kind: "idle" };
  const { lease } = acquired;
  try {
    for (;;) {
      const result = await closeNextBatch(deps, group, maxWaitMs);
      const canContinue = result.kind === "worked" && deps.clock.now() < deadlineMs;
      if (!canContinue || (await countWaiting(deps, group)) < maxAlertsPerMessage) return result;
      if (!(await lease.renew())) return result;
    }
  } finally {
    await lease.release();
  }
}

async function closeNextBatch(
  deps: AlertDeps,
  group: string,
  maxWaitMs: number,
): Promise<BatchResult> {
  const permitResult = await deps.alerts.acquirePermit(maxWaitMs);
  if (permitResult.kind === "later") return permitResult;
  await deps.failpoint("A4 permit reserved");
  const claimedAtMs = deps.clock.now();
  const claims = await claimGroup(deps, group, deps.newId());
  if (claims.length === 0) return { kind: "idle" };
  const { batch, rest } = chooseBatch(claims);
  await returnClaims(deps, rest);
  const ready = await resolveDoubts(deps, batch);
  if (!Array.isArray(ready)) return ready;
  if (ready.length === 0) return { kind: "worked" };
  return closeClaims(deps, ready, { permit: permitResult.permit, claimedAtMs });
}

/**
 * Settles the alerts that an earlier, unanswered try has closed; returns those that may be tried
 * again.
 */
async function resolveDoubts(
  deps: AlertDeps,
  claims: readonly Claim[],
): Promise<Claim[] | RetryLater> {
  const doubtful = claims.filter(({ record }) => record.inDoubt === true);
  if (doubtful.length === 0) return [...claims];
  const results = await checkAlerts(deps, doubtful, true);
  if (results.kind === "later") {
    await releaseClaims(deps, claims, { inDoubt: true, reason: results.reason });
    return retryLater(results.retryAfterMs);
  }
  const settledEarlier = doubtful.filter(
    (claim) => results.byAlert.get(alertIdOf(claim))?.state !== "open",
  );
  await recordResults(deps, settledEarlier, results.byAlert);
  return claims.filter((claim) => !settledEarlier.includes(claim));
}

interface CallContext {
  readonly permit: Permit;
  /** This process's clock when the records were claimed. */
  readonly claimedAtMs: number;
}

async function closeClaims(
  deps: AlertDeps,
  claimed: readonly Claim[],
  { permit, claimedAtMs }: CallContext,
): Promise<BatchResult> {
  const [first] = claimed;
  if (!first) return { kind: "idle" };
  const request = closeRequestOf(first.record);
  const call = { call: deps.newId(), ...(await createAuditFields(deps, claimed, request)) };
  await deps.writeAudit({ kind: "intent", ...call });
  await deps.failpoint("A3 audit intent written");
  const claims = await renewLateClaims(deps, claimed, claimedAtMs);
  const reply = await sendClose(deps, claims, request, permit);
  const audit = (outcomes: AuditEvent["outcomes"], detail?: string): Promise<void> =>
    deps.writeAudit({ kind: "outcome", ...call, outcomes, detail });
  if (reply.kind === "refused") {
    await recordRefusedCall(deps.store, reply.message);
    const failed = await recordRefusal(deps, claims, reply.message);
    const refused = claims.map(alertIdOf).filter((id) => !failed.includes(id));
    await audit({ refused, failed }, reply.message);
    return { kind: "worked" };
  }
  const results = await determineResults(deps, claims, reply);
  if (results.kind === "later") {
    if (results.reason !== undefined) await recordRefusedCall(deps.store, results.reason);
    await releaseClaims(deps, claims, results);
    await audit({ deferred: claimed.map(alertIdOf) }, results.reason);
    return retryLater(results.retryAfterMs);
  }
  await clearRefusedCalls(deps.store);
  await recordResults(deps, claims, results.byAlert);
  await deps.failpoint("A7 record done");
  const outcomes = groupByState(results.byAlert);
  await audit(outcomes);
  await deps.failpoint("A8 audit outcome written");
  logOutcome(deps, first.record.verdict, request, outcomes);
  return { kind: "worked" };
}

/** Without claims, because another instance took them over, nothing is sent. */
async function sendClose(
  deps: AlertDeps,
  claims: readonly Claim[],
  request: CloseRequest,
  permit: Permit,
): Promise<ChangeReply> {
  if (claims.length === 0) return { kind: "answer", changed: 0, notFound: [] };
  const [reply] = await Promise.all([
    deps.alerts.close(claims.map(alertIdOf), request, permit),
    deps.failpoint("A5 close sent"),
  ]);
  await deps.failpoint("A6 reply read");
  return hideTexts(
    reply,
    claims.map(({ record }) => record),
  );
}

type AlertResults =
  | { readonly kind: "results"; readonly byAlert: ReadonlyMap<AlertId, AlertResult> }
  | (RetryLater & { readonly inDoubt: boolean; readonly reason?: string | undefined });

/** The pause when the service does not say how long a fault lasts. */
const defaultPauseMs = 30 * secondMs;

const postponeClose = (retryAfterMs: number, inDoubt: boolean, reason?: string): AlertResults => ({
  ...retryLater(retryAfterMs),
  inDoubt,
  reason,
});

/**
 * Returns the result of each id: from the answer where it accounts for the id, otherwise from one
 * list call.
 */
async function determineResults(
  deps: AlertDeps,
  claims: readonly Claim[],
  reply: Exclude<ChangeReply, { kind: "refused" }>,
): Promise<AlertResults> {
  const ids = claims.map(alertIdOf);
  switch (reply.kind) {
    case "later":
      return postponeClose(reply.retryAfterMs, false, reply.reason);
    case "unknown":
      return postponeClose(defaultPauseMs, true, reply.message);
    case "answer": {
      const { settled, toCheck, inDoubt } = interpretCloseResponse(ids, reply);
      if (toCheck.length === 0) return { kind: "results", byAlert: settled };
      const unsettled = claims.filter((claim) => toCheck.includes(alertIdOf(claim)));
      const rest = await checkAlerts(deps, unsettled, inDoubt);
      return rest.kind === "results"
        ? { kind: "results", byAlert: new Map([...settled, ...rest.byAlert]) }
        : { ...rest, inDoubt: true };
    }
  }
}

/** @param wasTried - whether a try of this verdict may have reached Cloud Apps */
async function checkAlerts(
  deps: AlertDeps,
  claims: readonly Claim[],
  wasTried: boolean,
): Promise<AlertResults> {
  const reply = await deps.alerts.getStates(claims.map(alertIdOf));
  if (reply.kind === "later") return postponeClose(reply.retryAfterMs, true, reply.reason);
  if (reply.kind === "refused") return postponeClose(defaultPauseMs, true, reply.message);
  const entries = claims.map((claim) => {
    const id = alertIdOf(claim);
    return [id, interpretAlertState(reply.alerts.get(id), claim.record.closure, wasTried)] as const;
  });
  return { kind: "results", byAlert: new Map(entries) };
}

/** The texts about people are stored before the record that names them. */
const createAuditFields = async (
  deps: AlertDeps,
  claims: readonly Claim[],
  { closure, reason }: CloseRequest,
) => ({
  action: "close" as const,
  closure,
  reason,
  alertIds: claims.map(({ record }) => record.alertId),
  verdicts: [...new Set(claims.map(({ record }) => record.verdict))],
  texts: await deps.storeTexts(toRecordTexts(claims.map(({ record }) => record))),
});

function groupByState(
  results: ReadonlyMap<AlertId, AlertResult>,
): Readonly<Record<string, AlertId[]>> {
  const grouped: Record<string, AlertId[]> = {};
  for (const [id, { state }] of results) (grouped[state] ??= []).push(id);
  return grouped;
}

function logOutcome(
  deps: AlertDeps,
  verdict: string,
  request: CloseRequest,
  outcomes: Readonly<Record<string, readonly AlertId[]>>,
): void {
  const countState = (state: AlertResult["state"]): number => outcomes[state]?.length ?? 0;
  deps.logEvent("verdict.outcome", {
    verdict,
    closure: request.closure,
    closed: countState("closed"),
    alreadyClosed: countState("alreadyClosed"),
    notFound: countState("notFound"),
    failed: countState("failed"),
  });
}
