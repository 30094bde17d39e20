/**
 * One process's side of a shared quota: collects requests and reports, and settles them together in
 * one write.
 */
import { randomUUID } from "node:crypto";
import { failpoints } from "../../runtime/failpoints.ts";
import type { Log } from "../../runtime/log.ts";
import { secondMs, type Clock } from "../../runtime/time.ts";
import { isPauseProbe } from "./breaker.ts";
import type { QuotaState } from "./quota-state.ts";
import type { QuotaStore, StoredQuotaState } from "./quota-store.ts";
import type { QuotaReport } from "./quota.ts";
import {
  applyReport,
  returnInstants,
  grantInstants,
  type GrantResult,
  type ServerTimeRange,
  type QuotaRules,
} from "./rate-limiter.ts";

/**
 * An instant of server time granted to this process. Void once the generation of the quota state
 * changes.
 */
export interface Reservation {
  readonly kind: "instant";
  readonly atMs: number;
  readonly generation: string;
  /** Names the probe when this is the one call that tries a half-open breaker. */
  readonly probeId: string | undefined;
}

/** `store`: the blob cannot be reached, so no instance sends. */
type ReservationResult =
  | Reservation
  | Exclude<GrantResult, { kind: "instant" }>
  | { readonly kind: "later"; readonly retryAfterMs: number; readonly reason: "store" };

interface PendingRequest {
  /** Local clock: the latest instant that the caller waits for. */
  readonly untilMs: number;
  readonly resolve: (result: ReservationResult) => void;
}

/**
 * Instants of the future that one process may hold, so that no process reserves a whole minute
 * ahead.
 */
const maxReserved = 10;
const maxLostWrites = 6;
const storeRetryMs = 5 * secondMs;
/**
 * An older state is read again before a permit is used: another instance may have received a 429
 * since.
 */
const maxStateAgeMs = secondMs;

export interface LedgerOptions {
  readonly api: string;
  readonly store: QuotaStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly rules: QuotaRules;
  readonly random: () => number;
}

export class QuotaLedger {
  readonly #options: LedgerOptions;
  #pendingRequests: PendingRequest[] = [];
  #pendingReports: QuotaReport[] = [];
  #unusedReservations: Reservation[] = [];
  #reservedAtMs: number[] = [];
  #cached: { readonly state: QuotaState; readonly atMs: number } | undefined;
  #currentRun: Promise<void> | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** @param untilMs - local clock: the latest instant that the caller waits for */
  requestInstant(untilMs: number): Promise<ReservationResult> {
    return new Promise((resolve) => {
      this.#pendingRequests.push({ untilMs, resolve });
      void this.#startRounds();
    });
  }

  /**
   * Resolves when the report is stored, or when the store is away: then it is stored with the next
   * round.
   */
  report(report: QuotaReport): Promise<void> {
    this.#pendingReports.push(report);
    return this.#startRounds();
  }

  /** Takes back an instant that was certainly not used. */
  returnReservation(reservation: Reservation): void {
    if (!this.#unusedReservations.includes(reservation)) this.#unusedReservations.push(reservation);
  }

  /** The state as last read, not older than a second. */
  async readFreshState(): Promise<QuotaState> {
    const { clock, store } = this.#options;
    return this.#cached && clock.now() - this.#cached.atMs <= maxStateAgeMs
      ? this.#cached.state
      : this.#cacheState((await store.read()).state);
  }

  /** The state as last read, however old. */
  getLastState(): QuotaState | undefined {
    return this.#cached?.state;
  }

  #cacheState(state: QuotaState): QuotaState {
    this.#cached = { state, atMs: this.#options.clock.now() };
    return state;
  }

  /** Runs one sequence of rounds at a time in a process. */
  #startRounds(): Promise<void> {
    this.#currentRun ??= this.#runRounds().finally(() => {
      this.#currentRun = undefined;
      // A request that arrived between the last check and this line starts the next sequence.
      if (this.#pendingRequests.length > 0) void this.#startRounds();
    });
    return this.#currentRun;
  }

  /**
   * Runs rounds until nothing is pending. After too many lost writes in a row the callers ask again
   * later.
   */
  async #runRounds(): Promise<void> {
    const { clock, random, store } = this.#options;
    let lostWrites = 0;
    while (this.#pendingRequests.length > 0 || this.#pendingReports.length > 0) {
      try {
        lostWrites = (await this.#runRound()) ? 0 : lostWrites + 1;
      } catch {
        return this.#resolveAll(storeUnavailable);
      }
      if (lostWrites >= maxLostWrites)
        return this.#resolveAll(toContentionWait(store.getServerTime().earliestMs, random()));
      if (lostWrites > 0) await clock.sleep(10 + random() * 40);
    }
  }

  /**
   * Reads, decides for all pending requests, writes. Returns false when another instance wrote
   * first.
   */
  async #runRound(): Promise<boolean> {
    const { store } = this.#options;
    const stored = await store.read();
    const now = store.getServerTime();
    // Copies: a request or report that arrives during the write belongs to the next round.
    const requests = [...this.#pendingRequests];
    const reports = [...this.#pendingReports];
    const unused = [...this.#unusedReservations];
    const probeId = randomUUID();
    const { answers, state } = this.#decideRound(stored, now, probeId);
    const hasChanged =
      reports.length + unused.length > 0 ||
      stored.isNew ||
      answers.some(({ kind }) => kind === "instant");
    if (hasChanged && !(await this.#writeRound(state, stored, unused))) return false;
    if (hasChanged) await this.#reachFailpoints(stored.state, state, answers);
    this.#pendingRequests = this.#pendingRequests.slice(requests.length);
    this.#pendingReports = this.#pendingReports.slice(reports.length);
    this.#logChanges(stored.state, this.#cacheState(state), now);
    for (const [index, { resolve }] of requests.entries())
      resolve(this.#toReservationResult(answers[index], state.generation, probeId));
    return true;
  }

  #decideRound(stored: StoredQuotaState, now: ServerTimeRange, probeId: string) {
    const { clock, rules } = this.#options;
    this.#reservedAtMs = this.#reservedAtMs.filter((atMs) => atMs > now.latestMs);
    const returnable = this.#unusedReservations.filter(
      (reservation) => reservation.generation === stored.state.generation,
    );
    const start = returnInstants(stored.state, returnable);
    const updated = this.#pendingReports.reduce(
      (state, report) => applyReport(state, report, now, rules),
      start,
    );
    // A caller with no patience still waits for this round; the 1 is for rounding up.
    const deadlinesMs = this.#pendingRequests.map(
      ({ untilMs }) => now.earliestMs + Math.max(1, untilMs - clock.now()),
    );
    const maxReservations = maxReserved - this.#reservedAtMs.length;
    return grantInstants(updated, { probeId, deadlinesMs, maxReservations }, now, rules);
  }

  async #writeRound(
    state: QuotaState,
    stored: StoredQuotaState,
    unused: readonly Reservation[],
  ): Promise<boolean> {
    // Returned once at most: when the response is lost, another instance may already hold the same
    // instant.
    this.#unusedReservations = this.#unusedReservations.slice(unused.length);
    if (await this.#options.store.write(state, stored)) return true;
    this.#unusedReservations = [...unused, ...this.#unusedReservations];
    return false;
  }

  async #reachFailpoints(
    before: QuotaState,
    after: QuotaState,
    answers: readonly GrantResult[],
  ): Promise<void> {
    if (answers.some(({ kind }) => kind === "instant"))
      await failpoints.failpoint("E3 permit reserved");
    if (hasOpened(before, after)) await failpoints.failpoint("C1 breaker opened");
  }

  #toReservationResult(
    grantResult: GrantResult | undefined,
    generation: string,
    probeId: string,
  ): ReservationResult {
    if (grantResult?.kind !== "instant") return grantResult ?? storeUnavailable;
    const { atMs, isProbe } = grantResult;
    this.#reservedAtMs.push(atMs);
    return { kind: "instant", atMs, generation, probeId: isProbe ? probeId : undefined };
  }

  #logChanges(before: QuotaState, after: QuotaState, now: ServerTimeRange): void {
    const { api, log } = this.#options;
    if (after.pausedUntilMs > before.pausedUntilMs) {
      const retryAfterMs = Math.round(after.pausedUntilMs - now.latestMs);
      log("quota.paused", { api, cause: "refused", retryAfterMs });
    }
    if (hasOpened(before, after)) {
      const { failures, openForMs } = after.breaker;
      log("breaker.opened", { api, failures, retryAfterMs: openForMs });
    }
  }

  #resolveAll(result: ReservationResult): void {
    const requests = this.#pendingRequests;
    this.#pendingRequests = [];
    for (const { resolve } of requests) resolve(result);
  }
}

const hasOpened = (before: QuotaState, after: QuotaState): boolean =>
  after.breaker.openUntilMs > before.breaker.openUntilMs && !isPauseProbe(after.breaker);

const storeUnavailable: ReservationResult = {
  kind: "later",
  retryAfterMs: storeRetryMs,
  reason: "store",
};

const toContentionWait = (earliestMs: number, jitter: number): ReservationResult => ({
  kind: "wait",
  againAtMs: earliestMs + secondMs * (0.5 + jitter),
});
