/**
 * A tenant's quota of one API, shared by all instances through one blob: a sliding log of granted
 * send instants, changed by compare-and-swap only. A caller receives an instant of server time,
 * waits for it on its own clock and may send within the second that follows. Fails closed: without
 * the blob no instance sends.
 */
import type { Log } from "../../runtime/log.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { minuteMs, secondMs, type Clock } from "../../runtime/time.ts";
import type { QuotaRules } from "./rate-limiter.ts";
import type { ApiName } from "../api-client.ts";
import type { CallLimit, QuotaState } from "./quota-state.ts";
import { QuotaLedger, type Reservation } from "./quota-ledger.ts";
import { QuotaStore } from "./quota-store.ts";
import type { Quota, QuotaReport, PermitResult } from "./quota.ts";
import type { RunTimeBudget } from "./run-time.ts";

export interface QuotaOptions {
  readonly api: ApiName;
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly log: Log;
  /** All limits apply at once, such as 100 a minute and 1,500 an hour. */
  readonly limits: readonly CallLimit[];
  /**
   * Share of limits and budgets that Huntline uses, above 0; the rest is left to analysts.
   *
   * @default 1
   */
  readonly share?: number;
  /** Run time allowed, for hunting. @default none */
  readonly budgets?: readonly RunTimeBudget[];
  /**
   * Longest duration of a call: a probe of an open breaker blocks other calls for at most this
   * time.
   *
   * @default 60,000
   */
  readonly maxCallMs?: number;
  /** Distance kept from a window's edge. @default 2,000 */
  readonly marginMs?: number;
  /** Returns a number in [0, 1), for jitter. @default Math.random */
  readonly random?: () => number;
}

const defaultMarginMs = 2 * secondMs;
/**
 * How long after its instant a permit is usable. The local clock says "reached" only when that is
 * certain and "passed" as soon as that is possible, so the usable time is this minus the clock's
 * uncertainty: about a second. The rest of the margin covers the network path to the service.
 */
const usableMs = 1.5 * secondMs;
/** How long after its `maxWaitMs` a caller waits for a store that hangs. */
const graceMs = secondMs;

/** Creates the quota. Nothing is read before the first `acquirePermit`. */
export function createQuota(options: QuotaOptions): Quota {
  const { api, clock, log, random = Math.random } = options;
  const rules: QuotaRules = {
    limits: options.limits,
    share: options.share ?? 1,
    marginMs: options.marginMs ?? defaultMarginMs,
    budgets: options.budgets ?? [],
    probeMs: options.maxCallMs ?? minuteMs,
  };
  const store = new QuotaStore({
    store: options.store,
    path: `state/quotas/${api}.json`,
    clock,
    rules,
  });
  const ledger = new QuotaLedger({ api, store, clock, log, rules, random });
  const localPause = createLocalPause(clock);

  const reportOutcome = async (outcome: QuotaReport): Promise<void> => {
    if (outcome.kind === "throttled") localPause.extend(outcome.retryAfterMs);
    if (outcome.kind === "ok" && isUnchangedSuccess(outcome, ledger.getLastState(), rules)) return;
    await ledger.report(outcome);
  };

  const acquirePermit: Quota["acquirePermit"] = async ({ maxWaitMs, signal }) => {
    signal?.throwIfAborted();
    const startMs = clock.now();
    const pauseMs = localPause.remainingMs();
    if (pauseMs > maxWaitMs) return { kind: "later", retryAfterMs: pauseMs, reason: "paused" };
    const done = new AbortController();
    const stop = signal ? AbortSignal.any([signal, done.signal]) : done.signal;
    const timeout = clock.sleep(maxWaitMs + graceMs, stop).then(() => storeTimeout);
    const request = acquirePermitBefore(startMs + maxWaitMs, {
      clock,
      ledger,
      store,
      stop,
      localPause,
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

/**
 * True for a success that changes nothing in the state: no failure to clear, no run time to add.
 */
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
  readonly localPause: LocalPause;
}

/** A 429 that this process received. It applies at once, also while the store is away. */
interface LocalPause {
  readonly extend: (ms: number) => void;
  readonly remainingMs: () => number;
}

/**
 * Measures by the steady clock. A local clock that is set back makes the pause start again, never
 * last longer.
 */
function createLocalPause(clock: Clock): LocalPause {
  let pause = { sinceMs: 0, lengthMs: 0 };
  const readNow = (): number => clock.steadyMs?.() ?? clock.now();
  const computeRemaining = (): number => {
    const nowMs = readNow();
    if (nowMs < pause.sinceMs) pause = { ...pause, sinceMs: nowMs };
    return Math.max(0, pause.sinceMs + pause.lengthMs - nowMs);
  };
  return {
    extend: (ms) => {
      pause = { lengthMs: Math.max(ms, computeRemaining()), sinceMs: readNow() };
    },
    remainingMs: computeRemaining,
  };
}

/**
 * Asks and waits until there is a permit, or until none is possible before `untilMs` of the local
 * clock.
 */
async function acquirePermitBefore(untilMs: number, wait: PermitWait): Promise<PermitResult> {
  const { clock, ledger, stop, store } = wait;
  for (;;) {
    await sleepFor(clock, wait.localPause.remainingMs(), stop);
    const holdMs = store.getHoldMs();
    if (clock.now() + holdMs > untilMs && holdMs > 0)
      return { kind: "later", retryAfterMs: Math.ceil(holdMs), reason: "store" };
    await sleepFor(clock, holdMs, stop);
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

/**
 * Waits for the reserved instant. Returns `undefined`, and the reservation to the ledger, when it
 * is void by then.
 */
async function redeemReservation(
  reservation: Reservation,
  { clock, ledger, localPause, stop, store }: PermitWait,
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
      localPause.remainingMs() === 0 &&
      store.getHoldMs() === 0;
    if (isHandedOver)
      return { usableUntilMs, returnUnused: () => ledger.returnReservation(reservation) };
  } catch (error) {
    // The store is away; the next request reports that.
    if (stop.aborted) throw error;
  } finally {
    if (!isHandedOver) ledger.returnReservation(reservation);
  }
  return undefined;
}

/**
 * False when the state was rebuilt, a 429 arrived or the breaker opened after the instant was
 * granted.
 */
function isStillValid({ atMs, generation, probeId }: Reservation, state: QuotaState): boolean {
  const { breaker } = state;
  const isOpen = breaker.openForMs > 0;
  return (
    state.generation === generation &&
    atMs >= state.pausedUntilMs &&
    (!isOpen || breaker.probe?.id === probeId)
  );
}

const sleepUntil = (clock: Clock, localMs: number, signal: AbortSignal): Promise<void> =>
  sleepFor(clock, localMs - clock.now(), signal);

async function sleepFor(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await clock.sleep(Math.ceil(ms), signal);
}
