import { describe, expect, test } from "vitest";
import type { CallLimit } from "../../../../shared/http-pipeline/quota/quota-state.ts";
import {
  createQuota,
  type QuotaOptions,
} from "../../../../shared/http-pipeline/quota/shared-quota.ts";
import { hourMs, minuteMs, type Clock } from "../../../../shared/runtime/time.ts";
import { createMemoryRecords, type MemoryRecordsOptions } from "../../../support/memory-records.ts";
import {
  countBusiest,
  serverModels,
  createServerQuota,
  type ServerQuota,
} from "../../../support/server-quotas.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";

const fileLimits: readonly CallLimit[] = [
  { calls: 100, perMs: minuteMs },
  { calls: 1_500, perMs: hourMs },
];

/** A seeded generator: the same numbers in every run. */
function createRandom(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface TrialOptions {
  readonly instances: number;
  readonly width: number;
  readonly forMs: number;
  readonly limits: readonly CallLimit[];
  readonly seed: number;
  readonly server?: ServerQuota;
  readonly quota?: Partial<QuotaOptions>;
  readonly records?: Partial<MemoryRecordsOptions>;
  /** Probability that a sleep or an answer of the store finds the process stopped for up to 20 s. */
  readonly stopProbability?: number;
  readonly report429?: boolean;
}

/** Runs instances with wrong clocks and sudden stops, each with `width` callers that always request another permit. */
async function runTrial(options: TrialOptions) {
  const random = createRandom(options.seed);
  const clock = createVirtualClock(Date.UTC(2026, 0, 5, 6, 7, 8, 90));
  const arrivals: number[] = [];
  let refused = 0;
  const store = createMemoryRecords({
    clock,
    before: () => clock.sleep(3 + random() * 30),
    after: () => clock.sleep(3 + random() * 30),
    conflict: () => random() < 0.1,
    ...options.records,
  });
  const startMs = clock.now();
  const endMs = startMs + options.forMs;

  const runInstance = async (): Promise<void> => {
    const localClock = createStoppingClock(
      clock.createShiftedClock((random() - 0.5) * 20 * minuteMs),
      random,
      options.stopProbability ?? 0,
    );
    const { limits } = options;
    const quota = createQuota({
      api: "files",
      store,
      clock: localClock,
      log: () => undefined,
      limits,
      random,
      ...options.quota,
    });
    const runCaller = async (): Promise<void> => {
      await localClock.sleep(random() * 500);
      while (clock.now() < endMs) {
        const outcome = await quota.acquirePermit({ maxWaitMs: 30_000 });
        if (outcome.kind === "later") await localClock.sleep(outcome.retryAfterMs + random() * 200);
        else if (localClock.now() < outcome.permit.usableUntilMs) {
          await clock.sleep(20 + random() * 280);
          arrivals.push(clock.now());
          if (options.server?.(clock.now()) === false) {
            refused += 1;
            if (options.report429 !== false)
              await quota.report({ kind: "throttled", retryAfterMs: 20_000, cause: "calls" });
          }
          await clock.sleep(50 + random() * 200);
        }
      }
    };
    await Promise.all(Array.from({ length: options.width }, runCaller));
  };
  await clock.run(Promise.all(Array.from({ length: options.instances }, runInstance)));
  const inTime = arrivals.filter((atMs) => atMs < endMs);
  return { arrivals, inTime: inTime.length, refused, store, startMs, clock };
}

const createStoppingClock = (clock: Clock, random: () => number, probability: number): Clock => ({
  now: clock.now,
  sleep: async (ms, signal) => {
    await clock.sleep(ms, signal);
    if (random() < probability) await clock.sleep(random() * 20_000);
  },
});

/** What limits allow at most in a time, each window filled at its start. */
const countAllowedCalls = (limits: readonly CallLimit[], forMs: number): number =>
  Math.min(...limits.map(({ calls, perMs }) => calls * Math.ceil(forMs / perMs)));

describe("createQuota, one to four instances with wrong clocks", () => {
  test.each(serverModels)(
    "never meets a 429 of a %s server and uses nine tenths of what is allowed",
    async (model) => {
      for (const [seed, instances] of [1, 2, 3, 4].entries()) {
        const limits = [{ calls: 100, perMs: minuteMs }];
        const outcome = await runTrial({
          instances,
          width: 8,
          forMs: 6 * minuteMs,
          limits,
          seed,
          server: createServerQuota(model, limits),
        });
        expect(outcome.refused).toBe(0);
        expect(countBusiest(outcome.arrivals, minuteMs)).toBeLessThanOrEqual(100);
        expect(outcome.inTime).toBeGreaterThanOrEqual(
          0.9 * countAllowedCalls(limits, 6 * minuteMs),
        );
      }
    },
  );

  test("keeps two limits at once over the hour's edge", async () => {
    const outcome = await runTrial({
      instances: 4,
      width: 4,
      forMs: 1.1 * hourMs,
      limits: fileLimits,
      seed: 7,
      server: createServerQuota("sliding", fileLimits),
    });
    expect(outcome.refused).toBe(0);
    expect(countBusiest(outcome.arrivals, minuteMs)).toBeLessThanOrEqual(100);
    expect(countBusiest(outcome.arrivals, hourMs)).toBeLessThanOrEqual(1_500);
    // An hour's calls, then six minutes of the next hour's.
    expect(outcome.inTime).toBeGreaterThanOrEqual(0.9 * (1_500 + 6 * 100));
  });

  test("never goes over a limit while instances stop dead for seconds", async () => {
    for (let seed = 0; seed < 4; seed += 1) {
      const limits = [{ calls: 30, perMs: minuteMs }];
      const outcome = await runTrial({
        instances: 4,
        width: 6,
        forMs: 15 * minuteMs,
        limits,
        seed,
        stopProbability: 0.03,
        server: createServerQuota("sliding", limits),
      });
      expect(outcome.refused).toBe(0);
      expect(outcome.inTime).toBeGreaterThan(0.5 * countAllowedCalls(limits, 15 * minuteMs));
    }
  });

  test.each([
    ["writes without comparing", { records: { unconditional: true } }],
    ["keeps no margin", { quota: { marginMs: 0 } }],
  ] as const)("the proof is real: a mutant that %s is caught", async (_, mutation) => {
    const limits = [{ calls: 30, perMs: minuteMs }];
    let refused = 0;
    for (let seed = 0; seed < 4; seed += 1)
      refused += (
        await runTrial({
          instances: 4,
          width: 6,
          forMs: 5 * minuteMs,
          limits,
          seed,
          server: createServerQuota("sliding", limits),
          ...mutation,
        })
      ).refused;
    expect(refused).toBeGreaterThan(0);
  });
});
