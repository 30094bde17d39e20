import { describe, expect, test } from "vitest";
import { computeOffsetMs } from "../../../shared/app/enqueue-timer-runs.ts";
import { computeShare, createTenantShare } from "../../../shared/app/tenant-share.ts";
import { dayMs, hourMs, minuteMs } from "../../../shared/runtime/time.ts";

describe("the offset of a tenant's runs", () => {
  const offsets = (intervalMs: number): number[] =>
    Array.from({ length: 400 }, (_, index) =>
      computeOffsetMs(`tenant-${index}`, { name: "finds-things", intervalMs }),
    );

  test("is none for the default tenant and always the same for another", () => {
    const hunt = { name: "finds-things", intervalMs: hourMs };
    expect(computeOffsetMs("default", hunt)).toBe(0);
    expect(computeOffsetMs("contoso", hunt)).toBe(computeOffsetMs("contoso", hunt));
  });

  test.each([
    [10 * minuteMs, 5 * minuteMs],
    [hourMs, 30 * minuteMs],
    [dayMs, 30 * minuteMs],
  ])("of an interval of %i ms is spread evenly over %i ms", (intervalMs, spreadMs) => {
    const all = offsets(intervalMs);
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...all)).toBeLessThan(spreadMs);
    for (let quarter = 0; quarter < 4; quarter += 1) {
      const count = all.filter((ms) => Math.floor((ms / spreadMs) * 4) === quarter).length;
      expect(count).toBeGreaterThan(60);
      expect(count).toBeLessThan(140);
    }
  });
});

describe("the share of a tenant in one instance", () => {
  test.each([
    [1, 4],
    [2, 2],
    [3, 2],
    [4, 1],
    [200, 1],
  ])("of %i tenants is %i runs", (tenants, share) => {
    expect(computeShare(tenants)).toBe(share);
  });

  test("is never exceeded, free for other tenants, and given back after a failure", async () => {
    const runWithinShare = createTenantShare();
    const releases: (() => void)[] = [];
    const block = () =>
      new Promise<void>((resolve) => {
        releases.push(resolve);
      });
    const first = runWithinShare("a", 2, block);
    const second = runWithinShare("a", 2, block);
    expect(await runWithinShare("a", 2, block)).toBe(false);
    const other = runWithinShare("b", 2, block);
    for (const release of releases) release();
    expect(await Promise.all([first, second, other])).toEqual([true, true, true]);
    const failure = new Error("failed");
    await expect(runWithinShare("a", 4, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await runWithinShare("a", 4, async () => undefined)).toBe(true);
  });
});
