/** Writes the results of a call to the claimed records, or gives the records back. */
import type { AlertId } from "../contracts/alert-id.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { groupOf, markerPath, recordPath, type AlertRecord } from "./alert-record.ts";
import type { Claim } from "./claim-group.ts";
import type { AlertResult } from "./interpret-close-response.ts";
import type { AlertDeps } from "./ports.ts";

/** An alert that Cloud Apps leaves open after this many tries is recorded as failed. */
const maxTries = 5;

/**
 * Returns the id of a claimed alert. Records hold only ids that were parsed when they were
 * accepted.
 */
export const alertIdOf = ({ record }: Claim): AlertId => record.alertId as AlertId;

/** Writes the result of each alert. An open alert waits again until it has been tried 5 times. */
export async function recordResults(
  deps: AlertDeps,
  claims: readonly Claim[],
  results: ReadonlyMap<AlertId, AlertResult>,
): Promise<void> {
  await runInParallel(claims, async (claim) => {
    const result = results.get(alertIdOf(claim));
    if (result) await writeRecord(deps, claim, applyResult(claim.record, result));
  });
}

/** Gives claimed records back. With `inDoubt`, the next try looks first. */
export async function releaseClaims(
  deps: AlertDeps,
  claims: readonly Claim[],
  inDoubt: boolean,
): Promise<void> {
  await runInParallel(claims, (claim) =>
    writeRecord(deps, claim, {
      ...withoutTryFields(claim.record),
      state: "waiting",
      inDoubt: inDoubt || claim.record.inDoubt === true,
    }),
  );
}

/** A waiting record gets its marker back, so that the next call of the group finds it. */
async function writeRecord(deps: AlertDeps, { etag }: Claim, next: AlertRecord): Promise<void> {
  const { kind } = await deps.store.replace(recordPath(next.alertId), next, etag);
  if (kind === "written" && next.state === "waiting")
    await deps.store.create(markerPath(groupOf(next), next.alertId), {});
}

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
    detail: `Cloud Apps left the alert open after ${tries} tries`,
  };
}
