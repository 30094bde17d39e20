/**
 * Finds the waiting alerts of one group and takes ownership of them for one call, by
 * compare-and-swap.
 */
import { maxAlertsPerMessage } from "../contracts/alert-verdict.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import { minuteMs } from "../runtime/time.ts";
import {
  groupOf,
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
  /** The store's clock when the record was claimed. */
  readonly serverNowMs: number;
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

/**
 * Chooses the claims of one call: those with the largest permitted call first, so that an alert
 * that the service refuses holds up no other.
 */
export function chooseBatch(claims: readonly Claim[]): { batch: Claim[]; rest: Claim[] } {
  const sizeOf = ({ record }: Claim): number => record.maxCallSize ?? maxAlertsPerMessage;
  const largest = Math.max(...claims.map(sizeOf));
  const batch = claims.filter((claim) => sizeOf(claim) === largest).slice(0, largest);
  return { batch, rest: claims.filter((claim) => !batch.includes(claim)) };
}

/**
 * Extends claims that a pause of this process has used up half of. Another instance may have taken
 * over the others, so they are dropped.
 *
 * @param claimedAtMs - this process's clock when the records were claimed
 */
export async function renewLateClaims(
  deps: AlertDeps,
  claims: readonly Claim[],
  claimedAtMs: number,
): Promise<readonly Claim[]> {
  if (deps.clock.now() - claimedAtMs < ownershipMs / 2) return claims;
  const renewed: Claim[] = [];
  await runInParallel(claims, async ({ record, etag, serverNowMs }) => {
    const path = recordPath(record.alertId);
    const read = await readAlertRecord(deps.store, record.alertId);
    if (read.kind !== "found" || read.etag !== etag) return;
    const next = { ...record, expiresAtMs: read.serverNowMs + ownershipMs };
    const written = await deps.store.replace(path, next, etag);
    if (written.kind === "written") renewed.push({ record: next, etag: written.etag, serverNowMs });
  });
  return renewed;
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

/** A record of another group closes otherwise, so it must not join this group's call. */
const isClaimable = (record: AlertRecord, group: string, serverNowMs: number): boolean =>
  !isSettled(record) && !isClaimed(record, serverNowMs) && groupOf(record) === group;

async function claimAlert(
  deps: AlertDeps,
  group: string,
  id: string,
  owner: string,
): Promise<Claim | undefined> {
  const read = await readAlertRecord(deps.store, id);
  const marker = markerPath(group, id);
  const { serverNowMs } = read;
  if (read.kind !== "found" || !isClaimable(read.value, group, serverNowMs)) {
    // The marker is out of date: its alert is settled, claimed, of another group, or invalid, which
    // the alert's next message repairs.
    await deps.store.remove(marker);
    return undefined;
  }
  const { value: record } = read;
  if ((record.notBeforeMs ?? 0) > serverNowMs) return undefined;
  const claimedRecord: AlertRecord = {
    ...record,
    state: "sending",
    owner,
    expiresAtMs: serverNowMs + ownershipMs,
    inDoubt: record.inDoubt === true || record.state === "sending",
  };
  const written = await deps.store.replace(recordPath(id), claimedRecord, read.etag);
  if (written.kind === "lost") return undefined;
  // If this process crashes now, the alert's own message, still on the queue, marks it again once
  // the claim expires.
  await deps.store.remove(marker);
  return { record: claimedRecord, etag: written.etag, serverNowMs };
}
