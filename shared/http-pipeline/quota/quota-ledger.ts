/** One process's side of a shared quota: gathers who asks and what is reported, and settles them together in one write. */
import { randomUUID } from "node:crypto";
import type { Log } from "../../runtime/log.ts";
import { secondMs, type Clock } from "../../runtime/time.ts";
import {
  applyReport,
  returnInstants,
  grantInstants,
  type GrantResult,
  type ServerTimeRange,
  type QuotaRules,
} from "./rate-limiter.ts";
import { failpoints } from "../../runtime/failpoints.ts";
import type { QuotaState } from "./quota-state.ts";
import type { QuotaStore, StoredQuotaState } from "./quota-store.ts";
import type { QuotaReport } from "./quota.ts";

/** An instant of server time handed to this process; void once the book's generation changes. */
export interface Reservation {
  readonly kind: "instant";
  readonly atMs: number;
  readonly generation: string;
  /** Names the probe when this is the one call that tries a half-open breaker. */
  readonly probeId: string | undefined;
}

/** `store`: the blob cannot be reached, so nobody sends. */
type ReservationResult =
  | Reservation
  | Exclude<GrantResult, { kind: "instant" }>
  | { readonly kind: "later"; readonly retryAfterMs: number; readonly reason: "store" };

export interface QuotaLedger {
  /** @param untilMs - local clock: the latest instant the asker waits for */
  readonly requestInstant: (untilMs: number) => Promise<ReservationResult>;
  /** Resolves when it is entered, or when the store is away: then it goes with the next round. */
  readonly report: (report: QuotaReport) => Promise<void>;
  /** A permit that was surely not used. */
  readonly returnReservation: (reservation: Reservation) => void;
  /** The book as last seen, not older than a second. */
  readonly readFreshState: () => Promise<QuotaState>;
  /** The book as last seen, however old. */
  readonly getLastState: () => QuotaState | undefined;
}

interface PendingRequest {
  readonly untilMs: number;
  readonly resolve: (result: ReservationResult) => void;
}

/** Instants of the future that one process may hold, so that nobody books a whole minute ahead. */
const maxReserved = 10;
const maxLostWrites = 6;
const storeRetryMs = 5 * secondMs;
/** What was read so long ago is read again before a permit is used: somebody may have met a refusal. */
const maxStateAgeMs = secondMs;

export function createQuotaLedger(options: {
  readonly api: string;
  readonly store: QuotaStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly rules: QuotaRules;
  readonly random: () => number;
}): QuotaLedger {
  const { api, clock, log, random, rules, store } = options;
  let pendingRequests: PendingRequest[] = [];
  let pendingReports: QuotaReport[] = [];
  let unusedReservations: Reservation[] = [];
  let reservedAtMs: number[] = [];
  let cached: { readonly state: QuotaState; readonly atMs: number } | undefined;
  let currentRun: Promise<void> | undefined;

  const cacheState = (state: QuotaState): QuotaState => {
    cached = { state, atMs: clock.now() };
    return state;
  };

  const decideRound = (
    stored: StoredQuotaState,
    now: ServerTimeRange,
    requests: readonly PendingRequest[],
    probeId: string,
  ) => {
    reservedAtMs = reservedAtMs.filter((atMs) => atMs > now.latestMs);
    const returnable = unusedReservations.filter(
      (reservation) => reservation.generation === stored.state.generation,
    );
    const start = returnInstants(stored.state, returnable);
    const updated = pendingReports.reduce(
      (state, report) => applyReport(state, report, now, rules),
      start,
    );
    // Who will not wait at all still waits for this round; the 1 is for rounding up.
    const deadlinesMs = requests.map(
      ({ untilMs }) => now.earliestMs + Math.max(1, untilMs - clock.now()),
    );
    return grantInstants(
      updated,
      { probeId, deadlinesMs, maxReservations: maxReserved - reservedAtMs.length },
      now,
      rules,
    );
  };

  /** Reads, decides for everybody who asks, writes. False when somebody else was first. */
  const runRound = async (): Promise<boolean> => {
    const stored = await store.read();
    const now = store.getServerTime();
    // Copies: who asks or reports during the write is of the next round.
    const [requests, reports, unused] = [
      [...pendingRequests],
      [...pendingReports],
      [...unusedReservations],
    ];
    const probeId = randomUUID();
    const { answers, state } = decideRound(stored, now, requests, probeId);
    const hasChanged =
      reports.length + unused.length > 0 ||
      stored.isNew ||
      answers.some(({ kind }) => kind === "instant");
    if (hasChanged) {
      // Given back once at most: should the answer get lost, the same instant may already be somebody else's.
      unusedReservations = unusedReservations.slice(unused.length);
      if (!(await store.write(state, stored))) {
        unusedReservations = [...unused, ...unusedReservations];
        return false;
      }
      if (answers.some(({ kind }) => kind === "instant"))
        await failpoints.failpoint("E3 permit reserved");
      if (hasOpened(stored.state, state)) await failpoints.failpoint("C1 breaker opened");
    }
    pendingRequests = pendingRequests.slice(requests.length);
    pendingReports = pendingReports.slice(reports.length);
    logChanges(stored.state, cacheState(state), now);
    for (const [index, { resolve }] of requests.entries())
      resolve(toReservationResult(answers[index], state.generation, probeId));
    return true;
  };

  const toReservationResult = (
    grantResult: GrantResult | undefined,
    generation: string,
    probeId: string,
  ): ReservationResult => {
    if (grantResult?.kind !== "instant") return grantResult ?? storeUnavailable;
    reservedAtMs.push(grantResult.atMs);
    return {
      kind: "instant",
      atMs: grantResult.atMs,
      generation,
      probeId: grantResult.isProbe ? probeId : undefined,
    };
  };

  const logChanges = (before: QuotaState, after: QuotaState, now: ServerTimeRange): void => {
    if (after.pausedUntilMs > before.pausedUntilMs)
      log("quota.paused", {
        api,
        cause: "refused",
        retryAfterMs: Math.round(after.pausedUntilMs - now.latestMs),
      });
    if (hasOpened(before, after))
      log("breaker.opened", {
        api,
        failures: after.breaker.failures,
        retryAfterMs: after.breaker.openForMs,
      });
  };

  const resolveAll = (result: ReservationResult): void => {
    const requests = pendingRequests;
    pendingRequests = [];
    for (const { resolve } of requests) resolve(result);
  };

  /** Rounds until nobody asks and everything is entered. After too many lost writes in a row the askers come back later. */
  const runRounds = async (): Promise<void> => {
    let lostWrites = 0;
    while (pendingRequests.length > 0 || pendingReports.length > 0) {
      try {
        lostWrites = (await runRound()) ? 0 : lostWrites + 1;
      } catch {
        return resolveAll(storeUnavailable);
      }
      if (lostWrites >= maxLostWrites)
        return resolveAll(toContentionWait(store.getServerTime().earliestMs, random()));
      if (lostWrites > 0) await clock.sleep(10 + random() * 40);
    }
  };

  /** One at a time in a process. */
  const startRounds = (): Promise<void> => {
    currentRun ??= runRounds().finally(() => {
      currentRun = undefined;
      // Somebody who came between the last look and this line is not left behind.
      if (pendingRequests.length > 0) void startRounds();
    });
    return currentRun;
  };

  return {
    requestInstant: (untilMs) =>
      new Promise((resolve) => {
        pendingRequests.push({ untilMs, resolve });
        void startRounds();
      }),
    report: (report) => {
      pendingReports.push(report);
      return startRounds();
    },
    returnReservation: (reservation) =>
      void (unusedReservations.includes(reservation) || unusedReservations.push(reservation)),
    readFreshState: async () =>
      cached && clock.now() - cached.atMs <= maxStateAgeMs
        ? cached.state
        : cacheState((await store.read()).state),
    getLastState: () => cached?.state,
  };
}

const hasOpened = (before: QuotaState, after: QuotaState): boolean =>
  after.breaker.openUntilMs > before.breaker.openUntilMs;

const storeUnavailable: ReservationResult = {
  kind: "later",
  retryAfterMs: storeRetryMs,
  reason: "store",
};

const toContentionWait = (earliestMs: number, jitter: number): ReservationResult => ({
  kind: "wait",
  againAtMs: earliestMs + secondMs * (0.5 + jitter),
});
