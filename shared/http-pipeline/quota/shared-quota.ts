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
import type { CallLimit, QuotaState } from "./quota-state.ts";
import { createQuotaLedger, type Reservation, type QuotaLedger } from "./quota-ledger.ts";
import { createQuotaStore, type QuotaStore } from "./quota-store.ts";
import type { Quota, QuotaReport, PermitResult } from "./quota.ts";
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
  readonly maxCallMs?: number;
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

/** Opens the quota; nothing is read before the first `acquirePermit`. */
export function createQuota(options: QuotaOptions): Quota {
  const { api, clock, log, random = Math.random } = options;
  const rules: QuotaRules = {
    limits: options.limits,
    share: options.share ?? 1,
    marginMs: options.marginMs ?? defaultMarginMs,
    budgets: options.budgets ?? [],
    probeMs: options.maxCallMs ?? minuteMs,
  };
  const store = createQuotaStore({
    store: options.store,
    path: `state/quotas/${api}.json`,
    clock,
    rules,
  });
  const ledger = createQuotaLedger({ api, store, clock, log, rules, random });
  /** A refusal this process met, obeyed at once, also while the store is away; local clock. */
  let localPauseUntilMs = 0;

  const reportOutcome = async (outcome: QuotaReport): Promise<void> => {
    if (outcome.kind === "throttled")
      localPauseUntilMs = Math.max(localPauseUntilMs, clock.now() + outcome.retryAfterMs);
    if (outcome.kind === "ok" && isUnchangedSuccess(outcome, ledger.getLastState(), rules)) return;
    await ledger.report(outcome);
  };

  const acquirePermit: Quota["acquirePermit"] = async ({ maxWaitMs, signal }) => {
    signal?.throwIfAborted();
    const startMs = clock.now();
    if (localPauseUntilMs > startMs + maxWaitMs)
      return { kind: "later", retryAfterMs: localPauseUntilMs - startMs, reason: "paused" };
    const done = new AbortController();
    const stop = signal ? AbortSignal.any([signal, done.signal]) : done.signal;
    const timeout = clock.sleep(maxWaitMs + graceMs, stop).then(() => storeTimeout);
    const request = acquirePermitBefore(startMs + maxWaitMs, {
      clock,
      ledger,
      store,
      stop,
      localPauseUntilMs: () => localPauseUntilMs,
    });
    try {
      return await Promise.race([request, timeout]);
    } finally {
      done.abort(new Error("answered"));
      request.catch(() => undefined);
      timeout.catch(() => undefined);
    }
  };
  return { acquirePermit, report: reportOutcome };
}

const storeTimeout: PermitResult = { kind: "later", retryAfterMs: 5 * secondMs, reason: "store" };

/** A success that changes nothing in the book: no failure to forget, no run time to enter. */
const isUnchangedSuccess = (
  ok: { readonly runTimeMs?: number },
  state: QuotaState | undefined,
  rules: QuotaRules,
): boolean =>
  state?.breaker.failures === 0 &&
  state.breaker.openForMs === 0 &&
  (ok.runTimeMs === undefined || rules.budgets.length === 0);

interface PermitWait {
  readonly clock: Clock;
  readonly ledger: QuotaLedger;
  readonly store: QuotaStore;
  readonly stop: AbortSignal;
  readonly localPauseUntilMs: () => number;
}

/** Asks, waits, looks again, until there is a turn or no hope of one before `untilMs` of the local clock. */
async function acquirePermitBefore(untilMs: number, wait: PermitWait): Promise<PermitResult> {
  const { clock, ledger, stop, store } = wait;
  for (;;) {
    await sleepUntil(clock, wait.localPauseUntilMs(), stop);
    const result = await ledger.requestInstant(untilMs);
    if (result.kind === "later") return result;
    if (result.kind === "wait") {
      const againMs = store.toLocalMs(result.againAtMs, "reached");
      if (againMs > untilMs)
        return { kind: "later", retryAfterMs: Math.ceil(againMs - clock.now()), reason: "quota" };
      await sleepUntil(clock, againMs, stop);
      continue;
    }
    const permit = await redeemReservation(result, wait);
    if (permit) return { kind: "permit", permit };
  }
}

/** Waits for the permit's instant; `undefined`, and the permit given back, when it no longer holds by then. */
async function redeemReservation(
  reservation: Reservation,
  { clock, ledger, localPauseUntilMs, stop, store }: PermitWait,
) {
  let isHandedOver = false;
  try {
    while (clock.now() < store.toLocalMs(reservation.atMs, "reached"))
      await sleepUntil(clock, store.toLocalMs(reservation.atMs, "reached"), stop);
    const state = await ledger.readFreshState();
    stop.throwIfAborted();
    const usableUntilMs = store.toLocalMs(reservation.atMs + usableMs, "passed");
    isHandedOver =
      isStillValid(reservation, state) &&
      clock.now() < usableUntilMs &&
      clock.now() >= localPauseUntilMs();
    if (isHandedOver)
      return { usableUntilMs, returnUnused: () => ledger.returnReservation(reservation) };
  } catch (error) {
    // The store is away: asking again will say so.
    if (stop.aborted) throw error;
  } finally {
    if (!isHandedOver) ledger.returnReservation(reservation);
  }
  return undefined;
}

/** A permit is void after a rebuilding, a refusal or an opening of the breaker that came after it was granted. */
function isStillValid({ atMs, generation, probeId }: Reservation, state: QuotaState): boolean {
  const { breaker } = state;
  const isOpen = breaker.openForMs > 0;
  return (
    state.generation === generation &&
    atMs >= state.pausedUntilMs &&
    (!isOpen || breaker.probe?.id === probeId)
  );
}

async function sleepUntil(clock: Clock, localMs: number, signal: AbortSignal): Promise<void> {
  const remainingMs = Math.ceil(localMs - clock.now());
  if (remainingMs > 0) await clock.sleep(remainingMs, signal);
}
