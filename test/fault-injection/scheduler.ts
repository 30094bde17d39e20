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
}

export interface Scheduler {
  readonly nowMs: () => number;
  /** Waits for a step. Never resolves if the runner crashed. */
  readonly waitForStep: (runner: string, boundary: string) => Promise<void>;
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

  const removeRunner = (runner: string): void => {
    for (let index = waiters.length - 1; index >= 0; index -= 1)
      if (waiters[index]?.runner === runner) waiters.splice(index, 1);
  };

  return {
    nowMs: () => nowMs,
    waitForStep: (runner, boundary) =>
      new Promise((resume) => void waiters.push({ runner, boundary, resume })),
    run: async (onCrash) => {
      for (await nextRound(); waiters.length > 0; await nextRound()) {
        const [next] = waiters.splice(Math.floor(random() * waiters.length), 1);
        if (!next) return;
        steps += 1;
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
