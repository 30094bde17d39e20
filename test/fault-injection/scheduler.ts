/**
 * A seeded scheduler over real asynchronous code: whoever crosses a boundary waits for a turn, time moves between any
 * two turns, and a turn may be somebody's last. A failure is a seed.
 */
import { setImmediate as nextRound } from "node:timers/promises";

/** A small generator with a good spread; the same seed gives the same numbers for ever. */
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
  /** Waits for a turn. Never resolves when the one who waits has died meanwhile. */
  readonly waitForStep: (runner: string, boundary: string) => Promise<void>;
  /** Gives turns until nobody waits for one. `onCrash` is told whose turn was the last. */
  readonly run: (onCrash: (runner: string, boundary: string) => void) => Promise<void>;
  /** Moves time on when nobody has anything to do. */
  readonly jumpTo: (ms: number) => void;
  /** From now on nobody dies. */
  readonly stopCrashes: () => void;
  readonly stepCount: () => number;
}

export interface SchedulerOptions {
  readonly random: () => number;
  readonly startMs: number;
  /** Chance that a turn is the last one of whoever gets it. */
  readonly crashRate: number;
  /** Longest time that passes between two turns, ms; most are far shorter. */
  readonly maxStepMs: number;
}

/** Milliseconds as a rule, now and then a long pause: a worker that was put to sleep, a slow network. */
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
