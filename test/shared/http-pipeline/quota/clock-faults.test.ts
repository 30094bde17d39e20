import { describe, expect, test } from "vitest";
import { minuteMs } from "../../../../shared/runtime/time.ts";
import { countBusiest, createServerQuota } from "../../../support/server-quotas.ts";
import { runTrial, type TrialOptions } from "./quota-trial.ts";

const limits = [{ calls: 45, perMs: minuteMs }];
const forMs = 8 * minuteMs;
const faultMs = 2.4 * minuteMs;

/**
 * Runs trials with several seeds; returns the busiest minute of all and the calls of the least busy
 * trial.
 */
async function runTrials(options: Partial<TrialOptions>, seeds = 12) {
  let [busiest, fewest] = [0, Infinity];
  for (let seed = 0; seed < seeds; seed += 1) {
    const outcome = await runTrial({
      instances: 1 + (seed % 3),
      width: 6,
      forMs,
      limits,
      seed,
      server: createServerQuota("sliding", limits),
      ...options,
    });
    busiest = Math.max(busiest, countBusiest(outcome.arrivals, minuteMs));
    fewest = Math.min(fewest, outcome.inTime);
  }
  return { busiest, fewest };
}

/** Before the fault true, then wrong by `errorMs`, from `endMs` on true again. */
const createError =
  (errorMs: number, endMs = Infinity) =>
  (elapsedMs: number): number =>
    elapsedMs < faultMs || elapsedMs >= endMs ? elapsedMs : elapsedMs + errorMs;

describe("the store's clock", () => {
  test.each<[string, (elapsedMs: number) => number]>([
    [
      "stands still for a minute",
      (elapsedMs) => (elapsedMs < faultMs || elapsedMs > faultMs + minuteMs ? elapsedMs : faultMs),
    ],
    [
      "stands still for 20 seconds, again and again",
      (elapsedMs) => elapsedMs - (elapsedMs % 20_000),
    ],
    ["lags by 30 seconds for a minute", createError(-30_000, faultMs + minuteMs)],
    ["jumps back by 90 seconds", createError(-90_000)],
    ["jumps back by an hour", createError(-60 * minuteMs)],
    ["jumps ahead by 40 seconds for a minute", createError(40_000, faultMs + minuteMs)],
    [
      "lags by a minute on every third answer",
      (elapsedMs) => (Math.floor(elapsedMs / 700) % 3 === 0 ? elapsedMs - minuteMs : elapsedMs),
    ],
  ])("never makes the quota grant more when it %s", async (_, distortStore) => {
    const { busiest, fewest } = await runTrials({ distortStore });
    expect(busiest).toBeLessThanOrEqual(45);
    expect(fewest).toBeGreaterThan(0);
  });
});

describe("the store's clock, set back by 20 minutes while processes start,", () => {
  const hourly = [
    { calls: 10, perMs: minuteMs },
    { calls: 300, perMs: 60 * minuteMs },
  ];

  test.each([
    ["for good", Infinity],
    ["for 40 minutes", 40],
    ["for 10 minutes", 10],
  ])("never makes the quota grant more (%s)", async (_, minutes) => {
    const [fromMs, endMs] = [60 * minuteMs, (60 + minutes) * minuteMs];
    for (let seed = 0; seed < 3; seed += 1) {
      const { arrivals, inTime } = await runTrial({
        instances: 3,
        width: 3,
        forMs: 170 * minuteMs,
        limits: hourly,
        seed,
        distortStore: (elapsedMs) =>
          elapsedMs < fromMs || elapsedMs > endMs ? elapsedMs : elapsedMs - 20 * minuteMs,
        startsAfterMs: (instance) => (instance === 0 ? 0 : fromMs + instance * 10 * minuteMs),
      });
      expect(countBusiest(arrivals, minuteMs)).toBeLessThanOrEqual(10);
      expect(countBusiest(arrivals, 60 * minuteMs)).toBeLessThanOrEqual(300);
      expect(inTime).toBeGreaterThan(300);
    }
  });
});

describe("the process's clock", () => {
  test.each([
    ["ahead by three hours", 180 * minuteMs, true],
    ["back by three hours", -180 * minuteMs, true],
    ["ahead by 30 seconds", 30_000, true],
    ["back by 30 seconds", -30_000, true],
    ["ahead by three hours, without a steady clock", 180 * minuteMs, false],
    ["back by three hours, without a steady clock", -180 * minuteMs, false],
  ])(
    "keeps the limit and nine tenths of the pace when it is set %s",
    async (_, errorMs, hasSteadyClock) => {
      const { busiest, fewest } = await runTrials({
        distortLocal: createError(errorMs),
        hasSteadyClock,
      });
      expect(busiest).toBeLessThanOrEqual(45);
      expect(fewest).toBeGreaterThanOrEqual(0.9 * 45 * 8);
    },
  );
});
