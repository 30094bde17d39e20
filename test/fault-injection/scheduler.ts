/**
 * A seeded scheduler for real asynchronous code: a runner waits for a step at each boundary, time
 * passes between steps, and a step may crash its runner. A failure is reproduced by its seed.
 */
import { setImmediate as nextRound } from "node:timers/promises";

/** Creates a random generator: equal seeds give equal numbers. */
export function createRandom(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Waiter {
  readonly runner: string;
  readonly boundary: string;
  readonly resume: () => void;
  /** A step cannot be picked before; a sleeper has one. */
  readonly dueMs: number;
}

export interface Scheduler {
  readonly nowMs: () => number;
  /** Waits for a step. Never resolves if the runner crashed. */
  readonly waitForStep: (runner: string, boundary: string) => Promise<void>;
  /** Sleeps in the schedule's time. Never resolves if the runner crashed. */
  readonly sleep: (runner: string, ms: number, signal?: AbortSignal) => Promise<void>;
  /** Runs steps until no runner waits. Calls `onCrash` for each crashed runner. */
  readonly run: (onCrash: (runner: string, boundary: string) => void) => Promise<void>;
  /** Moves time ahead when all runners are idle. */
  readonly jumpTo: (ms: number) => void;
  /** Stops crashes from now on. */
  readonly stopCrashes: () => void;
  readonly stepCount: () => number;
}

export interface SchedulerOptions {
  readonly random: () => number;
  readonly startMs: number;
  /** Probability that a step crashes its runner, 0 to 1. */
  readonly crashRate: number;
  /** Longest time between two steps, ms; most are far shorter. */
  readonly maxStepMs: number;
  /** Called for each step that a runner takes, before it continues. */
  readonly onStep?: (boundary: string) => void;
}

/** Draws milliseconds, rarely a long pause, such as a suspended worker or a slow network. */
const drawStepMs = (random: () => number, maxStepMs: number): number =>
  Math.floor(random() < 0.003 ? random() * maxStepMs : random() ** 4 * 200);

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { random } = options;
  let nowMs = options.startMs;
  let steps = 0;
  let { crashRate } = options;
  const waiters: Waiter[] = [];

  const sleep = (runner: string, ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const wakeUp = (): void => {
        signal?.removeEventListener("abort", abortSleep);
        resolve();
      };
      const waiter = { runner, boundary: "slept", resume: wakeUp, dueMs: nowMs + Math.max(0, ms) };
      function abortSleep(): void {
        const index = waiters.indexOf(waiter);
        if (index >= 0) waiters.splice(index, 1);
        reject(signal?.reason as Error);
      }
      signal?.addEventListener("abort", abortSleep, { once: true });
      waiters.push(waiter);
    });

  /** Takes a random waiter that is due; when none is, time passes until the first one is. */
  const takeNext = (): Waiter | undefined => {
    const firstDueMs = Math.min(...waiters.map(({ dueMs }) => dueMs));
    nowMs = Math.max(nowMs, firstDueMs);
    const due = waiters.filter(({ dueMs }) => dueMs <= nowMs);
    const next = due[Math.floor(random() * due.length)];
    if (next) waiters.splice(waiters.indexOf(next), 1);
    return next;
  };

  const removeRunner = (runner: string): void => {
    for (let index = waiters.length - 1; index >= 0; index -= 1)
      if (waiters[index]?.runner === runner) waiters.splice(index, 1);
  };

  return {
    nowMs: () => nowMs,
    waitForStep: (runner, boundary) =>
      new Promise((resume) => void waiters.push({ runner, boundary, resume, dueMs: 0 })),
    sleep,
    run: async (onCrash) => {
      for (await nextRound(); waiters.length > 0; await nextRound()) {
        const next = takeNext();
        if (!next) return;
        steps += 1;
        options.onStep?.(next.boundary);
        nowMs += drawStepMs(random, options.maxStepMs);
        if (random() < crashRate) {
          removeRunner(next.runner);
          onCrash(next.runner, next.boundary);
        } else next.resume();
      }
    },
    jumpTo: (ms) => {
      nowMs = Math.max(nowMs, ms);
    },
    stopCrashes: () => {
      crashRate = 0;
    },
    stepCount: () => steps,
  };
}
