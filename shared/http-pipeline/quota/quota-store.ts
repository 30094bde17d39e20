/**
 * The quota's blob: read, changed by a pure step, written if unchanged. Every response also gives
 * the server's time.
 */
import { randomUUID } from "node:crypto";
import type { RecordStore, WriteOutcome } from "../../storage/record-store.ts";
import type { Clock } from "../../runtime/time.ts";
import { toServerTime, narrowServerClock, type ServerClock } from "../server-clock.ts";
import {
  createQuotaState,
  parseQuotaState,
  serializeQuotaState,
  type QuotaState,
} from "./quota-state.ts";
import { getMaxWindowMs, type ServerTimeRange, type QuotaRules } from "./rate-limiter.ts";

/** The quota state as stored now; `etag` is absent when the blob must be created. */
export interface StoredQuotaState {
  readonly state: QuotaState;
  readonly etag: string | undefined;
  /**
   * True for a state that is not stored yet. It must be written, or its pause would begin again
   * with each read.
   */
  readonly isNew: boolean;
}

export interface QuotaStoreOptions {
  readonly store: RecordStore;
  /**
   * `state/quotas/files.json`. A record next to it, `files.made.json`, remembers that the blob
   * existed, so that a deleted blob is not taken for a first start.
   */
  readonly path: string;
  readonly clock: Clock;
  readonly rules: QuotaRules;
}

/** One quota's blob as seen by one process. */
export class QuotaStore {
  readonly #options: QuotaStoreOptions;
  readonly #markerPath: string;
  #serverClock: ServerClock | undefined;
  #hasExisted = false;
  /** True after the store's clock was behind for long: the granted instants are unknown. */
  #mustRebuild = false;
  #rebuiltGeneration: string | undefined;
  /**
   * No instant is granted or used before, by the steady clock, after the server's time turned out
   * to be wrong.
   */
  #holdUntilMs = -Infinity;

  constructor(options: QuotaStoreOptions) {
    this.#options = options;
    this.#markerPath = options.path.replace(/\.json$/, ".made.json");
  }

  /** @throws Error before the store's first response */
  getServerTime(): ServerTimeRange {
    if (!this.#serverClock)
      throw new Error("the store's time is not known before its first response");
    return toServerTime(this.#serverClock, this.#options.clock.now());
  }

  /**
   * The local instant at which server time certainly reaches, or may first pass, a server instant.
   */
  toLocalMs(serverMs: number, edge: "reached" | "passed"): number {
    const { lowMs = 0, highMs = 0 } = this.#serverClock ?? {};
    return serverMs - (edge === "reached" ? lowMs : highMs);
  }

  /** How long this process must not send, after the store's clock was corrected. */
  getHoldMs(): number {
    return Math.max(0, this.#holdUntilMs - this.#steadyNow());
  }

  async read(): Promise<StoredQuotaState> {
    const { path, store } = this.#options;
    const record = await this.#trackServerTime(() => store.read(path));
    if (record.kind === "absent") return this.#loadAbsentState();
    const isKnown = record.kind === "found" && !this.#mustRebuild;
    const known = isKnown ? parseQuotaState(record.value) : undefined;
    await this.#writeMarker();
    const state = known ?? this.#rebuildState();
    if (!known) this.#rebuiltGeneration = state.generation;
    return { state, etag: record.etag, isNew: known === undefined };
  }

  /** Returns `undefined` when another instance wrote first. */
  async write(state: QuotaState, { etag }: StoredQuotaState): Promise<QuotaState | undefined> {
    const { path, store } = this.#options;
    const value = serializeQuotaState(state);
    const outcome = await this.#trackServerTime((): Promise<WriteOutcome> =>
      etag === undefined ? store.create(path, value) : store.replace(path, value, etag),
    );
    if (outcome.kind !== "written") return undefined;
    if (state.generation === this.#rebuiltGeneration) this.#mustRebuild = false;
    await this.#writeMarker();
    return state;
  }

  async #loadAbsentState(): Promise<StoredQuotaState> {
    const isLost = this.#hasExisted || (await this.#readMarker()).kind !== "absent";
    const state = isLost ? this.#rebuildState() : createQuotaState(randomUUID());
    return { state, etag: undefined, isNew: true };
  }

  #readMarker() {
    return this.#trackServerTime(() => this.#options.store.read(this.#markerPath));
  }

  /**
   * After a loss the grants of the last window are unknown, so nothing is granted until that window
   * has passed.
   */
  #rebuildState(): QuotaState {
    const { rules } = this.#options;
    const endMs = this.getServerTime().latestMs + getMaxWindowMs(rules) + rules.marginMs;
    return createQuotaState(randomUUID(), Math.ceil(endMs));
  }

  /** From now on a missing blob counts as lost. */
  async #writeMarker(): Promise<void> {
    if (this.#hasExisted) return;
    const { store } = this.#options;
    await this.#trackServerTime(() => store.create(this.#markerPath, { version: 1 }));
    this.#hasExisted = true;
  }

  async #trackServerTime<T extends { readonly serverNowMs: number }>(
    operation: () => Promise<T>,
  ): Promise<T> {
    const { clock, rules } = this.#options;
    const startMs = this.#steadyNow();
    const response = await operation();
    const [receivedMs, endMs] = [clock.now(), this.#steadyNow()];
    const update = narrowServerClock(this.#serverClock, {
      // By the steady clock, so that a step of the local clock during the exchange does not matter.
      sentMs: receivedMs - Math.max(0, endMs - startMs),
      receivedMs,
      serverNowMs: response.serverNowMs,
      steadyMs: clock.steadyMs && endMs,
    });
    this.#serverClock = update.clock;
    this.#mustRebuild ||= update.wasBehind === true;
    if (update.distrustMs > 0) {
      const holdMs = Math.min(update.distrustMs, getMaxWindowMs(rules)) + rules.marginMs;
      this.#holdUntilMs = Math.max(this.#holdUntilMs, endMs + holdMs);
    }
    return response;
  }

  #steadyNow(): number {
    const { clock } = this.#options;
    return clock.steadyMs?.() ?? clock.now();
  }
}
