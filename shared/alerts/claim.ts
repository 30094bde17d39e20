/** Finds the waiting alerts of one group and makes them ours for one call, by compare-and-swap. */
import { mostAlertsInMessage } from "../messages/alert-verdict.ts";
import { minuteMs } from "../time.ts";
import { alertRecord, isSettled, markerFolder, markerPath, recordPath, type AlertRecord } from "./alert-record.ts";
import { inParallel } from "./in-parallel.ts";
import type { VerdictDesk } from "./ports.ts";

/** A record that is ours until it expires. */
export interface Claim {
  readonly record: AlertRecord;
  readonly etag: string;
}

/** Longer than any call and its accounting take; after it somebody else may take the alert over, looking first. */
const ownershipMs = 10 * minuteMs;

/** Claims up to 100 alerts of the group, in the order of their ids. */
export async function claimGroup(desk: VerdictDesk, group: string, owner: string): Promise<Claim[]> {
  const claims: Claim[] = [];
  let page: string[] = [];
  const claimPage = async (): Promise<void> => {
    await inParallel(page, async (id) => {
      const claim = await claimOne(desk, group, id, owner);
      if (claim) claims.push(claim);
    });
    page = [];
  };
  for await (const { path } of desk.store.list(markerFolder(group))) {
    page.push(path.slice(markerFolder(group).length));
    if (claims.length + page.length < mostAlertsInMessage) continue;
    await claimPage();
    if (claims.length >= mostAlertsInMessage) break;
  }
  await claimPage();
  return claims;
}

/** How many alerts of the group wait, counted up to 100. */
export async function countWaiting(desk: VerdictDesk, group: string): Promise<number> {
  let count = 0;
  for await (const _ of desk.store.list(markerFolder(group))) {
    count += 1;
    if (count >= mostAlertsInMessage) break;
  }
  return count;
}

async function claimOne(desk: VerdictDesk, group: string, id: string, owner: string): Promise<Claim | undefined> {
  const read = await desk.store.read(recordPath(id));
  const record = read.kind === "found" ? alertRecord.safeParse(read.value).data : undefined;
  if (read.kind === "absent" || (record && isSettled(record))) {
    // Left by a process that died after the record was settled.
    await desk.store.remove(markerPath(group, id));
    return undefined;
  }
  if (!record) return undefined;
  // The store's clock, not this machine's: owners on different machines must agree on when an ownership ends.
  const now = read.serverNowMs;
  const takeover = record.state === "sending";
  if (takeover && (record.expiresAtMs ?? 0) > now) return undefined;
  const claimed: AlertRecord = {
    ...record,
    state: "sending",
    owner,
    expiresAtMs: now + ownershipMs,
    inDoubt: record.inDoubt === true || takeover,
  };
  const written = await desk.store.replace(recordPath(id), claimed, read.etag);
  return written.kind === "written" ? { record: claimed, etag: written.etag } : undefined;
}
