/**
 * A seeded scheduler over real asynchronous code: whoever crosses a boundary waits for a turn, time moves between any
 * two turns, and a turn may be somebody's last. A failure is a seed.
 */
import { setImmediate as nextRound } from "node:timers/promises";

/** A small generator with a good spread; the same seed gives the same numbers for ever. */
export function randomFrom(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Waiter {
  readonly who: string;
  readonly where: string;
  readonly go: () => void;
}

export interface Scheduler {
  readonly nowMs: () => number;
  /** Waits for a turn. Never resolves when the one who waits has died meanwhile. */
  readonly turn: (who: string, where: string) => Promise<void>;
  /** Gives turns until nobody waits for one. `onDeath` is told whose turn was the last. */
  readonly run: (onDeath: (who: string, where: string) => void) => Promise<void>;
  /** Moves time on when nobody has anything to do. */
  readonly jumpTo: (ms: number) => void;
  /** From now on nobody dies. */
  readonly spare: () => void;
  readonly turns: () => number;
}

export interface SchedulerOptions {
  readonly random: () => number;
  readonly startMs: number;
  /** Chance that a turn is the last one of whoever gets it. */
  readonly deathRate: number;
  /** Longest time that passes between two turns, ms; most are far shorter. */
  readonly longestMs: number;
}

/** Milliseconds as a rule, now and then a long pause: a worker that was put to sleep, a slow network. */
const passing = (random: () => number, longestMs: number): number =>
  Math.floor(random() < 0.003 ? random() * longestMs : random() ** 4 * 200);

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { random } = options;
  let nowMs = options.startMs;
  let turns = 0;
  let { deathRate } = options;
  const waiting: Waiter[] = [];

  const bury = (who: string): void => {
    for (let index = waiting.length - 1; index >= 0; index -= 1)
      if (waiting[index]?.who === who) waiting.splice(index, 1);
  };

  return {
    nowMs: () => nowMs,
    turn: (who, where) => new Promise((go) => void waiting.push({ who, where, go })),
    run: async (onDeath) => {
      for (await nextRound(); waiting.length > 0; await nextRound()) {
        const [next] = waiting.splice(Math.floor(random() * waiting.length), 1);
        if (!next) return;
        turns += 1;
        nowMs += passing(random, options.longestMs);
        if (random() < deathRate) {
          bury(next.who);
          onDeath(next.who, next.where);
        } else next.go();
      }
    },
    jumpTo: (ms) => {
      nowMs = Math.max(nowMs, ms);
    },
    spare: () => {
      deathRate = 0;
    },
    turns: () => turns,
  };
}
