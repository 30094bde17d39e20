/**
 * Second half of the desk: one turn of the quota closes up to 100 waiting alerts of one group in one call, then
 * accounts for each id. A record in doubt is looked at before its second try.
 */
import type { AlertId } from "../contracts/alert-id.ts";
import { mostAlertsInMessage } from "../contracts/alert-verdict.ts";
import { secondMs } from "../runtime/time.ts";
import { accountFor, judge, type Ending } from "./interpret-close-response.ts";
import { closingIn, groupOf, markerPath, recordPath, type AlertRecord } from "./alert-record.ts";
import { claimGroup, countWaiting, type Claim } from "./claim.ts";
import { inParallel } from "../runtime/concurrency.ts";
import { oneAtATime } from "./group-lease.ts";
import type { CallTurn, ChangeReply, Closing, LookReply, VerdictDesk } from "./ports.ts";

/** What a turn came to. `idle`: no alert of the group was free, or another instance is closing them. */
export type GroupTurn =
  | { readonly kind: "worked" }
  | { readonly kind: "idle" }
  | { readonly kind: "later"; readonly retryAfterMs: number };

/** Whoever is at a group goes on while full calls wait, for so long. */
const stintMs = 30 * secondMs;

/** Answers that leave an alert open this often are not going to close it. */
const mostTries = 5;

/**
 * Takes a turn, waiting at most `waitMs`, and spends it on the group. Where somebody is already at it, waits for that
 * call (this process) or says so (another).
 */
export async function closeGroup(
  desk: VerdictDesk,
  group: string,
  waitMs: number,
): Promise<GroupTurn> {
  const running = desk.closing.get(group);
  if (running) {
    await Promise.allSettled([running]);
    return { kind: "worked" };
  }
  const deadline = desk.clock.now() + stintMs;
  const work = oneAtATime(desk, group, async () => {
    const outcome = await spendTurn(desk, group, waitMs);
    const fresh = outcome.kind === "worked" && desk.clock.now() < deadline;
    return { outcome, more: fresh && (await countWaiting(desk, group)) >= mostAlertsInMessage };
  }).finally(() => desk.closing.delete(group));
  desk.closing.set(group, work);
  const turn = await work;
  return turn === "busy" ? { kind: "idle" } : turn;
}

async function spendTurn(desk: VerdictDesk, group: string, waitMs: number): Promise<GroupTurn> {
  const taken = await desk.alerts.takeTurn(waitMs);
  if (taken.kind === "later") return taken;
  await desk.reach("A4 permit reserved");
  const claims = await claimGroup(desk, group, desk.newId());
  if (claims.length === 0) return { kind: "idle" };
  const ready = await clearDoubts(desk, group, claims);
  if (!Array.isArray(ready)) return ready;
  if (ready.length === 0) return { kind: "worked" };
  return closeClaims(desk, group, ready, taken.turn);
}

/** Settles what an earlier, unanswered try has closed already; the rest may be tried again. */
async function clearDoubts(
  desk: VerdictDesk,
  group: string,
  claims: readonly Claim[],
): Promise<Claim[] | GroupTurn> {
  const doubtful = claims.filter(({ record }) => record.inDoubt === true);
  if (doubtful.length === 0) return [...claims];
  const endings = await look(desk, doubtful, true);
  if (endings.kind !== "endings") {
    await release(desk, claims, true);
    return { kind: "later", retryAfterMs: endings.retryAfterMs };
  }
  const closedBefore = doubtful.filter(
    ({ record }) => endings.of.get(record.alertId as AlertId)?.state !== "open",
  );
  await settle(desk, group, closedBefore, endings.of);
  return claims.filter((claim) => !closedBefore.includes(claim));
}

async function closeClaims(
  desk: VerdictDesk,
  group: string,
  claims: readonly Claim[],
  turn: CallTurn,
): Promise<GroupTurn> {
  const [first] = claims;
  if (!first) return { kind: "idle" };
  const closing = closingIn(first.record);
  const ids = claims.map(({ record }) => record.alertId as AlertId);
  const call = desk.newId();
  await desk.audit({ kind: "intent", call, action: "close", ...auditFields(claims, closing) });
  await desk.reach("A3 audit intent written");
  const [reply] = await Promise.all([
    desk.alerts.close(ids, closing, turn),
    desk.reach("A5 close sent"),
  ]);
  await desk.reach("A6 reply read");
  const endings = await endingsOf(desk, claims, reply);
  if (endings.kind !== "endings") {
    await release(desk, claims, endings.inDoubt);
    await desk.audit({
      kind: "outcome",
      call,
      action: "close",
      ...auditFields(claims, closing),
      outcomes: { deferred: ids },
    });
    return { kind: "later", retryAfterMs: endings.retryAfterMs };
  }
  await settle(desk, group, claims, endings.of);
  await desk.reach("A7 record done");
  await desk.audit({
    kind: "outcome",
    call,
    action: "close",
    ...auditFields(claims, closing),
    outcomes: byState(endings.of),
  });
  await desk.reach("A8 audit outcome written");
  tell(desk, claims, closing, endings.of);
  return { kind: "worked" };
}

type Endings =
  | { readonly kind: "endings"; readonly of: ReadonlyMap<AlertId, Ending> }
  | { readonly kind: "later"; readonly retryAfterMs: number; readonly inDoubt: boolean };

/** When nothing better is known of how long a trouble lasts. */
const pauseMs = 30_000;

/** What each id becomes, from the answer where it accounts for the id, from one list call where it does not. */
async function endingsOf(
  desk: VerdictDesk,
  claims: readonly Claim[],
  reply: ChangeReply,
): Promise<Endings> {
  const ids = claims.map(({ record }) => record.alertId as AlertId);
  switch (reply.kind) {
    case "later":
      return { kind: "later", retryAfterMs: reply.retryAfterMs, inDoubt: false };
    case "unknown":
      return { kind: "later", retryAfterMs: pauseMs, inDoubt: true };
    case "refused":
      return {
        kind: "endings",
        of: new Map(ids.map((id) => [id, { state: "failed", detail: reply.message }])),
      };
    case "answer": {
      const { settled, toLook, inDoubt } = accountFor(ids, reply);
      if (toLook.length === 0) return { kind: "endings", of: settled };
      const rest = await look(
        desk,
        claims.filter(({ record }) => toLook.includes(record.alertId as AlertId)),
        inDoubt,
      );
      return rest.kind === "endings"
        ? { kind: "endings", of: new Map([...settled, ...rest.of]) }
        : { ...rest, inDoubt: true };
    }
  }
}

async function look(desk: VerdictDesk, claims: readonly Claim[], tried: boolean): Promise<Endings> {
  const reply: LookReply = await desk.alerts.look(
    claims.map(({ record }) => record.alertId as AlertId),
  );
  if (reply.kind === "later")
    return { kind: "later", retryAfterMs: reply.retryAfterMs, inDoubt: true };
  if (reply.kind === "refused") return { kind: "later", retryAfterMs: pauseMs, inDoubt: true };
  const judged = claims.map(({ record }) => {
    const id = record.alertId as AlertId;
    return [id, judge(reply.alerts.get(id), record.closure, tried)] as const;
  });
  return { kind: "endings", of: new Map(judged) };
}

/** Writes what became of each alert; one that is still open waits again, until it has been tried too often. */
async function settle(
  desk: VerdictDesk,
  group: string,
  claims: readonly Claim[],
  endings: ReadonlyMap<AlertId, Ending>,
): Promise<void> {
  await inParallel(claims, async ({ record, etag }) => {
    const ending = endings.get(record.alertId as AlertId);
    if (!ending) return;
    const next = after(record, ending);
    const { kind } = await desk.store.replace(recordPath(record.alertId), next, etag);
    if (kind === "written" && next.state === "waiting")
      await desk.store.create(markerPath(group, record.alertId), {});
  });
}

/** The record without what belonged to a try. */
function rested(
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

function after(record: AlertRecord, ending: Ending): AlertRecord {
  const tries = record.tries + 1;
  const rest = { ...rested(record), tries };
  if (ending.state !== "open") return { ...rest, state: ending.state, detail: ending.detail };
  if (tries < mostTries) return { ...rest, state: "waiting" };
  return {
    ...rest,
    state: "failed",
    detail: `Cloud Apps kept the alert open after ${tries} tries`,
  };
}

/** Gives claimed records back; with `inDoubt` the next try looks first. */
async function release(
  desk: VerdictDesk,
  claims: readonly Claim[],
  inDoubt: boolean,
): Promise<void> {
  await inParallel(claims, async ({ record, etag }) => {
    const next: AlertRecord = {
      ...rested(record),
      state: "waiting",
      inDoubt: inDoubt || record.inDoubt === true,
    };
    const { kind } = await desk.store.replace(recordPath(record.alertId), next, etag);
    if (kind === "written")
      await desk.store.create(markerPath(groupOf(record), record.alertId), {});
  });
}

const auditFields = (claims: readonly Claim[], closing: Closing) => ({
  closure: closing.closure,
  reason: closing.reason,
  alertIds: claims.map(({ record }) => record.alertId),
  verdicts: [...new Set(claims.map(({ record }) => record.verdict))],
  requestedBy: [...new Set(claims.map(({ record }) => record.requestedBy))],
});

/** Ids by what became of them. */
function byState(endings: ReadonlyMap<AlertId, Ending>): Record<string, AlertId[]> {
  const grouped: Record<string, AlertId[]> = {};
  for (const [id, { state }] of endings) (grouped[state] ??= []).push(id);
  return grouped;
}

function tell(
  desk: VerdictDesk,
  claims: readonly Claim[],
  closing: Closing,
  endings: ReadonlyMap<AlertId, Ending>,
): void {
  const grouped = byState(endings);
  const count = (state: string): number => grouped[state]?.length ?? 0;
  desk.note("verdict.outcome", {
    verdict: claims[0]?.record.verdict ?? "",
    closure: closing.closure,
    closed: count("closed"),
    alreadyClosed: count("already_closed"),
    notFound: count("not_found"),
    failed: count("failed"),
  });
}
