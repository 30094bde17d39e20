import { describe, expect, test } from "vitest";
import type { CallLimit } from "../../../../shared/http-pipeline/quota/quota-state.ts";
import { hourMs, minuteMs } from "../../../../shared/runtime/time.ts";
import { countBusiest, serverModels, createServerQuota } from "../../../support/server-quotas.ts";
import { runTrial } from "./quota-trial.ts";

const fileLimits: readonly CallLimit[] = [
  { calls: 100, perMs: minuteMs },
  { calls: 1_500, perMs: hourMs },
];

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
