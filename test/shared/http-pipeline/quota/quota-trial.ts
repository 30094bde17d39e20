/**
 * Runs instances of one quota on a virtual clock against a server that counts, with wrong and
 * stopping clocks.
 */
import type { CallLimit } from "../../../../shared/http-pipeline/quota/quota-state.ts";
import {
  createQuota,
  type QuotaOptions,
} from "../../../../shared/http-pipeline/quota/shared-quota.ts";
import { minuteMs, type Clock } from "../../../../shared/runtime/time.ts";
import { createMemoryRecords, type MemoryRecordsOptions } from "../../../support/memory-records.ts";
import type { ServerQuota } from "../../../support/server-quotas.ts";
import { createVirtualClock, type VirtualClock } from "../../../support/virtual-clock.ts";

/** A seeded generator: the same numbers in every run. */
function createRandom(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface TrialOptions {
  readonly instances: number;
  readonly width: number;
  readonly forMs: number;
  readonly limits: readonly CallLimit[];
  readonly seed: number;
  readonly server?: ServerQuota;
  readonly quota?: Partial<QuotaOptions>;
  readonly records?: Partial<MemoryRecordsOptions>;
  /**
   * Probability that a sleep or an answer of the store finds the process stopped for up to 20 s.
   */
  readonly stopProbability?: number;
  readonly report429?: boolean;
  /** Returns the store's time for a true time after the start, both in milliseconds. */
  readonly distortStore?: (elapsedMs: number) => number;
  /** Returns an instance's time for a true time after the start, both in milliseconds. */
  readonly distortLocal?: (elapsedMs: number) => number;
  /** Returns when an instance starts, in milliseconds after the first one. @default 0 for each */
  readonly startsAfterMs?: (instance: number) => number;
  /** False: the instances have no steady clock. @default true */
  readonly hasSteadyClock?: boolean;
}

/**
 * Runs instances with wrong clocks and sudden stops, each with `width` callers that always request
 * another permit.
 */
export async function runTrial(options: TrialOptions) {
  const random = createRandom(options.seed);
  const clock = createVirtualClock(Date.UTC(2026, 0, 5, 6, 7, 8, 90));
  const startMs = clock.now();
  const distort = (map: TrialOptions["distortStore"]) => (): number =>
    map ? startMs + map(clock.now() - startMs) : clock.now();
  const arrivals: number[] = [];
  let refused = 0;
  const store = createMemoryRecords({
    clock: { now: distort(options.distortStore), sleep: clock.sleep },
    before: () => clock.sleep(3 + random() * 30),
    after: () => clock.sleep(3 + random() * 30),
    conflict: () => random() < 0.1,
    ...options.records,
  });
  const endMs = startMs + options.forMs;

  const runInstance = async (index: number): Promise<void> => {
    await clock.sleep(options.startsAfterMs?.(index) ?? 0);
    const localClock = createStoppingClock(
      createLocalClock(
        clock,
        distort(options.distortLocal),
        (random() - 0.5) * 20 * minuteMs,
        options.hasSteadyClock ?? true,
      ),
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
  await clock.run(
    Promise.all(Array.from({ length: options.instances }, (_, index) => runInstance(index))),
  );
  const inTime = arrivals.filter((atMs) => atMs < endMs);
  return { arrivals, inTime: inTime.length, refused, store, startMs, clock };
}

const createLocalClock = (
  clock: VirtualClock,
  now: () => number,
  offsetMs: number,
  hasSteadyClock: boolean,
): Clock => ({
  now: () => now() + offsetMs,
  sleep: clock.sleep,
  ...(hasSteadyClock ? { steadyMs: clock.now } : {}),
});

const createStoppingClock = (clock: Clock, random: () => number, probability: number): Clock => ({
  ...clock,
  sleep: async (ms, signal) => {
    await clock.sleep(ms, signal);
    if (random() < probability) await clock.sleep(random() * 20_000);
  },
});
