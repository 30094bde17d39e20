import { describe, expect, test } from "vitest";
import { computeMinDurationMs, estimateRetryAfterMs } from "../../../shared/files/retry-after.ts";
import { minuteMs, secondMs } from "../../../shared/runtime/time.ts";
import { countBusiest, serverModels } from "../../support/server-quotas.ts";
import { measureFilesPace } from "../../support/measure-files-pace.ts";

const quota = { callsPerMinute: 100, callsPerHour: 1_500 };

test.each([
  [1, 0],
  [100, 0],
  [300, 120],
  [1_500, 840],
  [5_000, 11_040],
  [10_000, 22_140],
])("the lower bound of %i calls is %i s", (calls, seconds) => {
  expect(computeMinDurationMs(calls, 100, 1_500)).toBe(seconds * secondMs);
});

describe("Retry-After", () => {
  test.each([
    ["nothing left", { hashes: 0, batches: 0 }, 0, 2_000],
    ["three minutes of calls", { hashes: 250, batches: 0 }, 0, 122_000],
    ["a pause that the quota names", { hashes: 1, batches: 0 }, 45_000, 45_000],
    ["ten batches of the bulk path", { hashes: 10_000, batches: 10 }, 0, 80_000],
    ["hours of calls", { hashes: 10_000, batches: 0 }, 0, 600_000],
  ])("is estimated for %s", (_, remaining, notBeforeMs, ms) => {
    expect(estimateRetryAfterMs(remaining, quota, notBeforeMs)).toBe(ms);
  });
});

describe.each(serverModels)("a %s server", (model) => {
  test.each([1, 4])(
    "receives no call too many from %i instances, and is never idle",
    async (instances) => {
      const run = await measureFilesPace({ model, instances, hashes: 300 });
      expect(run.rejections).toBe(0);
      expect(run.found).toBe(300);
      expect(run.calls).toBe(300);
      expect(countBusiest(run.arrivals, minuteMs)).toBeLessThanOrEqual(100);
      // Two per cent over the bound, and the margin of two seconds a minute.
      expect(run.lastMs).toBeLessThanOrEqual(1.02 * run.minDurationMs + 2 * 2 * secondMs);
      expect(run.repeatedCalls).toBe(0);
    },
  );
});
