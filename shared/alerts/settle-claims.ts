/** Writes the results of a call to the claimed records, or gives the records back. */
import type { AlertId } from "../contracts/alert-id.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { dayMs, hourMs, minuteMs } from "../runtime/time.ts";
import { groupOf, markerPath, recordPath, type AlertRecord } from "./alert-record.ts";
import type { Claim } from "./claim-group.ts";
import type { AlertResult } from "./interpret-close-response.ts";
import type { AlertDeps } from "./ports.ts";

/** An alert that Cloud Apps leaves open after this many tries is recorded as failed. */
const maxTries = 5;

/** An alert that Cloud Apps refuses alone for this long is recorded as failed. */
const maxRefusedMs = dayMs;

/**
 * Returns the id of a claimed alert. Records hold only ids that were parsed when they were
 * accepted.
 */
export const alertIdOf = ({ record }: Pick<Claim, "record">): AlertId => record.alertId as AlertId;

/** Writes the result of each alert. An open alert waits again until it has been tried 5 times. */
export async function recordResults(
  deps: AlertDeps,
  claims: readonly Claim[],
  results: ReadonlyMap<AlertId, AlertResult>,
): Promise<void> {
  await runInParallel(claims, async (claim) => {
    const result = results.get(alertIdOf(claim));
    if (result) await writeClaim(deps, claim, applyResult(claim.record, result));
  });
}

/** Why claimed records are given back. */
interface Release {
  /** The next try looks first. */
  readonly inDoubt: boolean;
  /** The service's reason, when it refuses calls. */
  readonly reason?: string | undefined;
}

/** Gives claimed records back. */
export async function releaseClaims(
  deps: AlertDeps,
  claims: readonly Claim[],
  { inDoubt, reason }: Release,
): Promise<void> {
  await runInParallel(claims, (claim) =>
    writeClaim(deps, claim, {
      ...toWaitingRecord(claim.record),
      inDoubt: inDoubt || claim.record.inDoubt === true,
      ...(reason === undefined ? {} : blockRecord(claim, reason)),
    }),
  );
}

/** Gives back the alerts that a call does not include, unchanged. */
export async function returnClaims(deps: AlertDeps, claims: readonly Claim[]): Promise<void> {
  await runInParallel(claims, async (claim) => {
    const { owner: _owner, expiresAtMs: _expires, ...rest } = claim.record;
    await writeClaim(deps, claim, { ...rest, state: "waiting" });
  });
}

/**
 * Records that the service refused a call: each alert waits for a call of half the size. An alert
 * that is refused alone waits with growing pauses, at most an hour, and fails after 24 hours.
 *
 * @returns the alerts that failed
 */
export async function recordRefusal(
  deps: AlertDeps,
  claims: readonly Claim[],
  reason: string,
): Promise<readonly AlertId[]> {
  const failed: AlertId[] = [];
  await runInParallel(claims, async (claim) => {
    const next = applyRefusal(claim, claims.length, reason);
    if (next.state === "failed") failed.push(alertIdOf(claim));
    await writeClaim(deps, claim, next);
  });
  return failed;
}

function applyRefusal(claim: Claim, callSize: number, reason: string): AlertRecord {
  const { record, serverNowMs } = claim;
  const waiting = { ...toWaitingRecord(record), ...blockRecord(claim, reason) };
  if (callSize > 1) return { ...waiting, maxCallSize: Math.ceil(callSize / 2) };
  const refusedSinceMs = record.refusedSinceMs ?? serverNowMs;
  const refusedMs = serverNowMs - refusedSinceMs;
  if (refusedMs >= maxRefusedMs)
    return { ...withoutCallFields(record), state: "failed", detail: reason };
  const pauseMs = Math.min(hourMs, Math.max(minuteMs, refusedMs));
  return { ...waiting, maxCallSize: 1, refusedSinceMs, notBeforeMs: serverNowMs + pauseMs };
}

const blockRecord = ({ record, serverNowMs }: Claim, reason: string) => ({
  detail: reason,
  blockedSinceMs: record.blockedSinceMs ?? serverNowMs,
});

/** A waiting record gets its marker back, so that the next call of the group finds it. */
async function writeClaim(deps: AlertDeps, { etag }: Claim, next: AlertRecord): Promise<void> {
  const { kind } = await deps.store.replace(recordPath(next.alertId), next, etag);
  if (kind === "written" && next.state === "waiting")
    await deps.store.create(markerPath(groupOf(next), next.alertId), {});
}

function toWaitingRecord(record: AlertRecord): AlertRecord {
  const { owner: _owner, expiresAtMs: _expires, inDoubt: _doubt, ...rest } = record;
  return { ...rest, state: "waiting" };
}

/** Returns the record without the fields that only a waiting alert has. */
function withoutCallFields(record: AlertRecord): AlertRecord {
  const {
    detail: _detail,
    blockedSinceMs: _blocked,
    maxCallSize: _size,
    refusedSinceMs: _refused,
    notBeforeMs: _notBefore,
    ...rest
  } = toWaitingRecord(record);
  return rest;
}

function applyResult(record: AlertRecord, result: AlertResult): AlertRecord {
  const tries = record.tries + 1;
  if (result.state === "open" && tries < maxTries) return { ...toWaitingRecord(record), tries };
  const settled = { ...withoutCallFields(record), tries };
  return result.state === "open"
    ? {
        ...settled,
        state: "failed",
        detail: `Cloud Apps left the alert open after ${tries} tries`,
      }
    : { ...settled, state: result.state, detail: result.detail };
}
