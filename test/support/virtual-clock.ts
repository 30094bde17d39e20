/**
 * A discrete-event clock: time does not move while anything can run and jumps to the next sleeper
 * when nothing can. Any number of sleepers wake in order of their instants, those of one instant in
 * the order in which they lay down, so a run of hours takes milliseconds and is the same each time.
 *
 * "Nothing can run" means that no promise is left to settle. Work that awaits real I/O is invisible
 * to it: with Azurite or a server, use `advanceTime` and await the work in between, or tell it by
 * `idle` when the I/O is over.
 */
import { setImmediate as nextRound, setTimeout as millisecond } from "node:timers/promises";
import type { Clock } from "../../shared/runtime/time.ts";

/** A clock that moves only on request. */
export interface VirtualClock extends Clock {
  /**
   * Moves from sleeper to sleeper until `work` settles. Throws when nothing sleeps and `work` still
   * waits: a deadlock.
   */
  readonly run: <T>(work: Promise<T> | (() => Promise<T>)) => Promise<T>;
  /** Lets `ms` pass, waking every sleeper on the way. */
  readonly advance: (ms: number) => Promise<void>;
  /** The same time seen by a machine whose clock is wrong by `offsetMs`. */
  readonly createShiftedClock: (offsetMs: number) => Clock;
  /** How many sleep right now. */
  readonly countSleepers: () => number;
}

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/**
 * @param startMs - the first instant; an early morning of 2026 by default
 * @param idle - resolves when no I/O is under way: time does not jump before
 */
export function createVirtualClock(
  startMs: number = Date.UTC(2026, 0, 5, 6),
  idle: () => Promise<void> = () => Promise.resolve(),
): VirtualClock {
  let nowMs = startMs;
  const queue: Sleeper[] = [];

  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const sleeper = { atMs: nowMs + Math.max(0, ms), wake: wakeUp };
      function wakeUp(): void {
        signal?.removeEventListener("abort", abortSleep);
        resolve();
      }
      function abortSleep(): void {
        queue.splice(queue.indexOf(sleeper), 1);
        reject(signal?.reason as Error);
      }
      signal?.addEventListener("abort", abortSleep, { once: true });
      queue.splice(findInsertIndex(queue, sleeper.atMs), 0, sleeper);
    });

  const wakeNext = async (): Promise<void> => {
    const next = queue.shift();
    if (!next) return;
    nowMs = Math.max(nowMs, next.atMs);
    next.wake();
    await nextRound();
  };

  const runWork = async <T>(work: Promise<T> | (() => Promise<T>)): Promise<T> => {
    const outcome = new AbortController();
    const endRun = (): void => outcome.abort();
    const running = typeof work === "function" ? work() : work;
    running.then(endRun, endRun);
    await nextRound();
    await idle();
    for (let quietRounds = 0; !outcome.signal.aborted; quietRounds += 1) {
      if (queue.length > 0) quietRounds = 0;
      if (quietRounds > maxQuietRounds)
        throw new Error("deadlock: nobody sleeps and the work still waits");
      await (queue.length > 0
        ? wakeNext()
        : quietRounds < maxQuietRounds / 2
          ? nextRound()
          : millisecond());
      await idle();
    }
    return running;
  };

  const advanceTime = async (ms: number): Promise<void> => {
    const untilMs = nowMs + ms;
    await nextRound();
    for (let next = queue[0]; next && next.atMs <= untilMs; next = queue[0]) await wakeNext();
    nowMs = untilMs;
  };

  const now = (): number => nowMs;
  const createShiftedClock = (offsetMs: number): Clock => ({
    now: () => nowMs + offsetMs,
    steadyMs: now,
    sleep,
  });
  return {
    now,
    steadyMs: now,
    sleep,
    run: runWork,
    advance: advanceTime,
    createShiftedClock,
    countSleepers: () => queue.length,
  };
}

const maxQuietRounds = 1_000;

/** Behind everyone who wakes at or before this instant. */
function findInsertIndex(queue: readonly Sleeper[], atMs: number): number {
  let [low, high] = [0, queue.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((queue[middle]?.atMs ?? Infinity) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
