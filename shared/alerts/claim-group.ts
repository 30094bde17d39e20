/**
 * Finds the waiting alerts of one group and takes ownership of them for one call, by
 * compare-and-swap.
 */
import { maxAlertsPerMessage } from "../contracts/alert-verdict.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { minuteMs } from "../runtime/time.ts";
import {
  isClaimed,
  isSettled,
  markerFolder,
  markerPath,
  readAlertRecord,
  recordPath,
  type AlertRecord,
} from "./alert-record.ts";
import type { AlertDeps } from "./ports.ts";

/** A record that this instance owns until it expires. */
export interface Claim {
  readonly record: AlertRecord;
  readonly etag: string;
}

/**
 * Longer than a call and its bookkeeping take; afterwards another instance may take the alert over,
 * looking first.
 */
const ownershipMs = 10 * minuteMs;

/** Claims up to 100 alerts of the group, in the order of their ids. */
export async function claimGroup(deps: AlertDeps, group: string, owner: string): Promise<Claim[]> {
  const claims: Claim[] = [];
  const claimAll = async (ids: readonly string[]): Promise<void> => {
    await runInParallel(ids, async (id) => {
      const claim = await claimAlert(deps, group, id, owner);
      if (claim) claims.push(claim);
    });
  };
  const folder = markerFolder(group);
  let page: string[] = [];
  for await (const { path } of deps.store.list(folder)) {
    page.push(path.slice(folder.length));
    if (claims.length + page.length < maxAlertsPerMessage) continue;
    await claimAll(page);
    page = [];
    if (claims.length >= maxAlertsPerMessage) break;
  }
  await claimAll(page);
  return claims;
}

/** Counts the waiting alerts of the group, up to 100. */
export async function countWaiting(deps: AlertDeps, group: string): Promise<number> {
  let count = 0;
  for await (const _ of deps.store.list(markerFolder(group))) {
    count += 1;
    if (count >= maxAlertsPerMessage) break;
  }
  return count;
}

async function claimAlert(
  deps: AlertDeps,
  group: string,
  id: string,
  owner: string,
): Promise<Claim | undefined> {
  const read = await readAlertRecord(deps.store, id);
  const marker = markerPath(group, id);
  const nowMs = read.serverNowMs;
  if (read.kind !== "found" || isSettled(read.value) || isClaimed(read.value, nowMs)) {
    // The marker is out of date: its alert is settled, claimed, or invalid, which the alert's next
    // message repairs.
    await deps.store.remove(marker);
    return undefined;
  }
  const { value: record } = read;
  const claimedRecord: AlertRecord = {
    ...record,
    state: "sending",
    owner,
    expiresAtMs: nowMs + ownershipMs,
    inDoubt: record.inDoubt === true || record.state === "sending",
  };
  const written = await deps.store.replace(recordPath(id), claimedRecord, read.etag);
  if (written.kind === "lost") return undefined;
  // If this process dies now, the alert's own message, still on the queue, marks it again once the
  // claim expires.
  await deps.store.remove(marker);
  return { record: claimedRecord, etag: written.etag };
}
