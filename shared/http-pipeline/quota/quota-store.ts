/** The quota's blob: read, changed by a pure step, written if unchanged. Every answer also tells the server's time. */
import { randomUUID } from "node:crypto";
import type { RecordStore, WriteOutcome } from "../../storage/record-store.ts";
import type { Clock } from "../../runtime/time.ts";
import { getMaxWindowMs, type ServerTimeRange, type QuotaRules } from "./rate-limiter.ts";
import {
  createQuotaState,
  parseQuotaState,
  serializeQuotaState,
  type QuotaState,
} from "./quota-state.ts";
import { toServerTime, narrowServerClock, type ServerClock } from "../server-clock.ts";

/** The book as the store has it now; `etag` is absent when it must be created. */
export interface StoredQuotaState {
  readonly state: QuotaState;
  readonly etag: string | undefined;
  /** Made up just now and not yet in the store: it must be written, or its pause would begin anew with each reading. */
  readonly isNew: boolean;
}

/** One quota's blob as seen by one process. */
export interface QuotaStore {
  /** Server time at this moment. Only after a first answer: throws before. */
  readonly getServerTime: () => ServerTimeRange;
  /** The local instant at which server time surely reaches, or may first pass, a server instant. */
  readonly toLocalMs: (serverMs: number, edge: "reached" | "passed") => number;
  readonly read: () => Promise<StoredQuotaState>;
  /** `undefined` when somebody else was first. */
  readonly write: (state: QuotaState, stored: StoredQuotaState) => Promise<QuotaState | undefined>;
}

/**
 * @param options.path - `state/quotas/files.json`; beside it `.made.json` remembers that the book once existed, so that a
 * deleted book is not taken for a first start
 */
export function createQuotaStore(options: {
  readonly store: RecordStore;
  readonly path: string;
  readonly clock: Clock;
  readonly rules: QuotaRules;
}): QuotaStore {
  const { clock, path, rules, store } = options;
  const markerPath = path.replace(/\.json$/, ".made.json");
  let serverClock: ServerClock | undefined;
  let hasExisted = false;

  const trackServerTime = async <T extends { readonly serverNowMs: number }>(
    operation: () => Promise<T>,
  ): Promise<T> => {
    const sentMs = clock.now();
    const response = await operation();
    serverClock = narrowServerClock(serverClock, {
      sentMs,
      receivedMs: clock.now(),
      serverNowMs: response.serverNowMs,
    });
    return response;
  };
  const getServerTime = (): ServerTimeRange => {
    if (!serverClock) throw new Error("the store's time is not known before its first answer");
    return toServerTime(serverClock, clock.now());
  };
  const toLocalMs = (serverMs: number, edge: "reached" | "passed"): number =>
    serverMs - ((edge === "reached" ? serverClock?.lowMs : serverClock?.highMs) ?? 0);

  /** Nobody knows what was granted in the last window, so nothing is until it has passed. */
  const rebuildState = (): QuotaState =>
    createQuotaState(
      randomUUID(),
      Math.ceil(getServerTime().latestMs + getMaxWindowMs(rules) + rules.marginMs),
    );

  const loadAbsentState = async (): Promise<StoredQuotaState> => {
    const isLost =
      hasExisted || (await trackServerTime(() => store.read(markerPath))).kind !== "absent";
    return {
      state: isLost ? rebuildState() : createQuotaState(randomUUID()),
      etag: undefined,
      isNew: true,
    };
  };

  /** From now on a missing book is a lost one. */
  const writeMarker = async (): Promise<void> => {
    if (hasExisted) return;
    await trackServerTime(() => store.create(markerPath, { version: 1 }));
    hasExisted = true;
  };

  const readState = async (): Promise<StoredQuotaState> => {
    const record = await trackServerTime(() => store.read(path));
    if (record.kind === "absent") return loadAbsentState();
    const state = record.kind === "found" ? parseQuotaState(record.value) : undefined;
    await writeMarker();
    return { state: state ?? rebuildState(), etag: record.etag, isNew: state === undefined };
  };

  const writeState = async (
    state: QuotaState,
    { etag }: StoredQuotaState,
  ): Promise<QuotaState | undefined> => {
    const value = serializeQuotaState(state);
    const outcome = await trackServerTime((): Promise<WriteOutcome> =>
      etag === undefined ? store.create(path, value) : store.replace(path, value, etag),
    );
    if (outcome.kind !== "written") return undefined;
    await writeMarker();
    return state;
  };

  return { getServerTime, toLocalMs, read: readState, write: writeState };
}
