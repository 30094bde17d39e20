/** Finds the waiting alerts of one group and makes them ours for one call, by compare-and-swap. */
import { maxAlertsPerMessage } from "../contracts/alert-verdict.ts";
import { minuteMs } from "../runtime/time.ts";
import {
  alertRecord,
  isClaimed,
  isSettled,
  markerFolder,
  markerPath,
  recordPath,
  type AlertRecord,
} from "./alert-record.ts";
import { runInParallel } from "../runtime/concurrency.ts";
import type { AlertDeps } from "./ports.ts";

/** A record that is ours until it expires. */
export interface Claim {
  readonly record: AlertRecord;
  readonly etag: string;
}

/** Longer than any call and its accounting take; after it somebody else may take the alert over, looking first. */
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

/** How many alerts of the group wait, counted up to 100. */
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
  const read = await deps.store.read(recordPath(id));
  const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
  const marker = markerPath(group, id);
  const nowMs = read.serverNowMs;
  if (read.kind === "absent" || !record || isSettled(record) || isClaimed(record, nowMs)) {
    // A leftover: its alert is settled, somebody's already, or not readable, which the next message about it mends.
    await deps.store.remove(marker);
    return undefined;
  }
  const claimedRecord: AlertRecord = {
    ...record,
    state: "sending",
    owner,
    expiresAtMs: nowMs + ownershipMs,
    inDoubt: record.inDoubt === true || record.state === "sending",
  };
  const written = await deps.store.replace(recordPath(id), claimedRecord, read.etag);
  if (written.kind === "lost") return undefined;
  // Should this process die now, the alert's own message, still on the queue, marks it again once the claim expires.
  await deps.store.remove(marker);
  return { record: claimedRecord, etag: written.etag };
}
