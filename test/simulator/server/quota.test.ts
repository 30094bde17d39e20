import { describe, expect, test } from "vitest";
import { createQuota, type Limit, type QuotaModel } from "./quota.ts";
import { countBusiest } from "./request-log.ts";

const minute = 60_000;

const createTestQuota = (model: QuotaModel, limits: readonly Limit[], countRefused = false) =>
  createQuota(() => ({ model, limits, countRefused }));

/** Returns the instants at which a caller that tries every `everyMs` is granted a call. */
function listGranted(
  model: QuotaModel,
  limits: readonly Limit[],
  everyMs: number,
  untilMs: number,
  countRefused = false,
): number[] {
  const quota = createTestQuota(model, limits, countRefused);
  const instants = Array.from(
    { length: Math.ceil(untilMs / everyMs) },
    (_, index) => index * everyMs,
  );
  return instants.filter((at) => quota.acquirePermit(at).kind === "granted");
}

describe("a quota", () => {
  test.each([
    // A caller of a full bucket spends it at once and then each new token: nearly twice the rate in
    // the first span.
    ["sliding", 10],
    ["fixed", 10],
    ["bucket", 19],
  ] as const)("the %s model grants a caller at most the limit", (model, maxCalls) => {
    expect(
      countBusiest(listGranted(model, [{ calls: 10, perMs: minute }], 100, 10 * minute), minute),
    ).toBe(maxCalls);
  });

  test("fixed windows open with the first call and allow two adjacent bursts", () => {
    const quota = createTestQuota("fixed", [{ calls: 2, perMs: minute }]);
    const kinds = [30_000, 89_998, 89_999, 90_000, 90_001, 90_002].map(
      (at) => quota.acquirePermit(at).kind,
    );
    expect(kinds).toEqual(["granted", "granted", "refused", "granted", "granted", "refused"]);
  });

  test.each([
    ["sliding", 59_000],
    ["fixed", 59_000],
    ["bucket", 29_000],
  ] as const)("the %s model states a wait after which a call is granted", (model, waitMs) => {
    const quota = createTestQuota(model, [{ calls: 2, perMs: minute }]);
    quota.acquirePermit(0);
    quota.acquirePermit(0);
    expect(quota.acquirePermit(1_000)).toMatchObject({ kind: "refused", retryAfterMs: waitMs });
    expect(quota.acquirePermit(1_000 + waitMs - 1).kind).toBe("refused");
    expect(quota.acquirePermit(1_000 + waitMs).kind).toBe("granted");
  });

  test("requires room in all limits and states the longest wait", () => {
    const limits = [
      { calls: 2, perMs: minute },
      { calls: 3, perMs: 60 * minute },
    ];
    const quota = createTestQuota("sliding", limits);
    for (const at of [0, 1, minute]) expect(quota.acquirePermit(at).kind).toBe("granted");
    expect(quota.acquirePermit(minute + 1)).toEqual({
      kind: "refused",
      retryAfterMs: 59 * minute - 1,
      limit: limits[1],
    });
  });

  test("counts refused calls only if configured", () => {
    expect(listGranted("sliding", [{ calls: 1, perMs: 1_000 }], 500, 4_000)).toEqual([
      0, 1_000, 2_000, 3_000,
    ]);
    expect(listGranted("sliding", [{ calls: 1, perMs: 1_000 }], 500, 4_000, true)).toEqual([0]);
  });

  test.each(["sliding", "fixed", "bucket"] as const)(
    "the %s model grants all calls without a limit and none with a limit of 0",
    (model) => {
      expect(createTestQuota(model, []).acquirePermit(0).kind).toBe("granted");
      expect(createTestQuota(model, [{ calls: 0, perMs: minute }]).acquirePermit(0).kind).toBe(
        "refused",
      );
    },
  );
});

describe("busiest", () => {
  test.each([
    [[], 0],
    [[0, 59_999], 2],
    [[0, 60_000], 1],
    [[90_000, 0, 30_000, 60_000], 2],
  ])("counts the busiest minute of %j as %i", (instants, maxCalls) => {
    expect(countBusiest(instants, minute)).toBe(maxCalls);
  });
});
