/**
 * A tenant's quota of one API, shared by all instances through one blob: a sliding log of granted send instants,
 * changed by compare-and-swap only. Whoever asks is given an instant of server time, waits for it on its own clock
 * and may send within the second that follows. Fails closed: without the blob nobody sends.
 */
import type { Log } from "../../runtime/log.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { minuteMs, secondMs, type Clock } from "../../runtime/time.ts";
import type { QuotaRules } from "./rate-limiter.ts";
import type { ApiName } from "../api-client.ts";
import type { CallLimit, QuotaBook } from "./quota-state.ts";
import { openLedger, type Permit, type QuotaLedger } from "./quota-ledger.ts";
import { openQuotaStore, type QuotaStore } from "./quota-store.ts";
import type { Quota, QuotaReport, TurnOutcome } from "./quota.ts";
import type { RunTimeBudget } from "./run-time.ts";

export interface QuotaOptions {
  readonly api: ApiName;
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  /** All of them hold at once: 100 a minute and 1,500 an hour. */
  readonly limits: readonly CallLimit[];
  /** What Huntline takes of limits and budgets, over 0 to 1; the rest is left to people. Default 1. */
  readonly share?: number;
  /** Run time allowed, for hunting. */
  readonly budgets?: readonly RunTimeBudget[];
  /** Longest a call may take, ms: so long a probe of an open breaker keeps others waiting. Default one minute. */
  readonly longestCallMs?: number;
  /** Distance from a window's edge, ms. Default 2,000; a mutant of the tests sets 0. */
  readonly marginMs?: number;
  /** In [0, 1); for jitter. */
  readonly random?: () => number;
}

const defaultMarginMs = 2 * secondMs;
/**
 * By this time after its instant a permit has surely been used or is forfeited. The local clock says "reached" only
 * when that is certain and "passed" as soon as it is possible, so what is left to use is this less the clock's
 * uncertainty: about a second. The rest of the margin is for the way to the service.
 */
const usableMs = 1.5 * secondMs;
/** An asker whose store hangs is answered so long after its patience ended. */
const graceMs = secondMs;

/** Opens the quota; nothing is read before the first `take`. */
export function openQuota(options: QuotaOptions): Quota {
  const { api, clock, log, random = Math.random } = options;
  const rules: QuotaRules = {
    limits: options.limits,
    share: options.share ?? 1,
    marginMs: options.marginMs ?? defaultMarginMs,
    budgets: options.budgets ?? [],
    probeMs: options.longestCallMs ?? minuteMs,
  };
  const store = openQuotaStore({
    store: options.store,
    path: `state/quotas/${api}.json`,
    clock,
    rules,
  });
  const ledger = openLedger({ api, store, clock, log, rules, random });
  /** A refusal this process met, obeyed at once, also while the store is away; local clock. */
  let ownPauseUntilMs = 0;

  const report = async (outcome: QuotaReport): Promise<void> => {
    if (outcome.kind === "throttled")
      ownPauseUntilMs = Math.max(ownPauseUntilMs, clock.now() + outcome.retryAfterMs);
    if (outcome.kind === "ok" && isNoNews(outcome, ledger.lastBook(), rules)) return;
    await ledger.report(outcome);
  };

  const take: Quota["take"] = async ({ waitMs, signal }) => {
    signal?.throwIfAborted();
    const startMs = clock.now();
    if (ownPauseUntilMs > startMs + waitMs)
      return { kind: "later", retryAfterMs: ownPauseUntilMs - startMs, reason: "paused" };
    const done = new AbortController();
    const stop = signal ? AbortSignal.any([signal, done.signal]) : done.signal;
    const tooLate = clock.sleep(waitMs + graceMs, stop).then(() => hungStore);
    const asked = turnBy(startMs + waitMs, {
      clock,
      ledger,
      store,
      stop,
      ownPauseUntilMs: () => ownPauseUntilMs,
    });
    try {
      return await Promise.race([asked, tooLate]);
    } finally {
      done.abort(new Error("answered"));
      asked.catch(() => undefined);
      tooLate.catch(() => undefined);
    }
  };
  return { take, report };
}

const hungStore: TurnOutcome = { kind: "later", retryAfterMs: 5 * secondMs, reason: "store" };

/** A success that changes nothing in the book: no failure to forget, no run time to enter. */
const isNoNews = (
  ok: { readonly runTimeMs?: number },
  book: QuotaBook | undefined,
  rules: QuotaRules,
): boolean =>
  book?.breaker.failures === 0 &&
  book.breaker.openForMs === 0 &&
  (ok.runTimeMs === undefined || rules.budgets.length === 0);

interface Desk {
  readonly clock: Clock;
  readonly ledger: QuotaLedger;
  readonly store: QuotaStore;
  readonly stop: AbortSignal;
  readonly ownPauseUntilMs: () => number;
}

/** Asks, waits, looks again, until there is a turn or no hope of one before `untilMs` of the local clock. */
async function turnBy(untilMs: number, desk: Desk): Promise<TurnOutcome> {
  const { clock, ledger, stop, store } = desk;
  for (;;) {
    await sleepUntil(clock, desk.ownPauseUntilMs(), stop);
    const answer = await ledger.ask(untilMs);
    if (answer.kind === "later") return answer;
    if (answer.kind === "wait") {
      const againMs = store.localMs(answer.againAtMs, "reached");
      if (againMs > untilMs)
        return { kind: "later", retryAfterMs: Math.ceil(againMs - clock.now()), reason: "quota" };
      await sleepUntil(clock, againMs, stop);
      continue;
    }
    const turn = await redeem(answer, desk);
    if (turn) return { kind: "turn", turn };
  }
}

/** Waits for the permit's instant; `undefined`, and the permit given back, when it no longer holds by then. */
async function redeem(permit: Permit, { clock, ledger, ownPauseUntilMs, stop, store }: Desk) {
  let handedOver = false;
  try {
    while (clock.now() < store.localMs(permit.atMs, "reached"))
      await sleepUntil(clock, store.localMs(permit.atMs, "reached"), stop);
    const book = await ledger.freshBook();
    stop.throwIfAborted();
    const usableUntilMs = store.localMs(permit.atMs + usableMs, "passed");
    handedOver =
      holds(permit, book) && clock.now() < usableUntilMs && clock.now() >= ownPauseUntilMs();
    if (handedOver) return { usableUntilMs, giveBack: () => ledger.giveBack(permit) };
  } catch (error) {
    // The store is away: asking again will say so.
    if (stop.aborted) throw error;
  } finally {
    if (!handedOver) ledger.giveBack(permit);
  }
  return undefined;
}

/** A permit is void after a rebuilding, a refusal or an opening of the breaker that came after it was granted. */
function holds({ atMs, generation, probeId }: Permit, book: QuotaBook): boolean {
  const { breaker } = book;
  const open = breaker.openForMs > 0;
  return (
    book.generation === generation &&
    atMs >= book.pausedUntilMs &&
    (!open || breaker.probe?.id === probeId)
  );
}

async function sleepUntil(clock: Clock, localMs: number, signal: AbortSignal): Promise<void> {
  const leftMs = Math.ceil(localMs - clock.now());
  if (leftMs > 0) await clock.sleep(leftMs, signal);
}
