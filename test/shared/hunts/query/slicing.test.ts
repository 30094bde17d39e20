import { describe, expect, test } from "vitest";
import type { Bin } from "../../../../shared/hunts/query/density.ts";
import {
  applyHalving,
  applyHistogram,
  applyTruncation,
  applyWindow,
  isSuspicious,
  planNextStep,
  computeShardCount,
  createPace,
  disableHistograms,
  type Bounds,
  type Caps,
  type Pace,
  type Step,
} from "../../../../shared/hunts/query/slicing.ts";
import type { Ticks } from "../../../../shared/runtime/time.ts";

const caps: Caps = { rows: 10_000, bytes: 100_000_000, roundRows: 10_000 };
const hour = 36_000_000_000n;
const day: Bounds = { from: 0n, to: 24n * hour, canHistogram: true };

describe("isSuspicious", () => {
  test.each([
    ["few rows", { rows: 9_999, bytes: 1 }, false],
    ["no rows", { rows: 0, bytes: 1 }, false],
    ["the row limit", { rows: 10_000, bytes: 1 }, true],
    ["three times a lower limit", { rows: 30_000, bytes: 1 }, true],
    ["more rows than the limit", { rows: 10_001, bytes: 1 }, true],
    ["nearly all the bytes", { rows: 5, bytes: 90_000_000 }, true],
  ])("%s: returns for %o the value %s", (_, result, expected) => {
    expect(isSuspicious(result, caps)).toBe(expected);
  });

  test("notices a lower limit because it is a round number", () => {
    expect(isSuspicious({ rows: 30_000, bytes: 1 }, { ...caps, rows: 100_000 })).toBe(true);
  });
});

describe("planNextStep", () => {
  const pace = createPace(caps);

  test("reads everything when nothing is known", () => {
    expect(planNextStep(pace, day)).toEqual({ kind: "read", to: day.to });
  });

  test("never reads wider than the hunt's own predicates allow", () => {
    expect(planNextStep(pace, { ...day, widestTicks: hour })).toEqual({ kind: "read", to: hour });
  });

  test("requests a histogram when there is much more than one window holds", () => {
    const step = planNextStep({ ...pace, widthTicks: hour }, day);
    expect(step).toMatchObject({ kind: "histogram", span: { from: 0n, to: day.to } });
  });

  test("plans by width where histograms are not available", () => {
    expect(planNextStep(disableHistograms({ ...pace, widthTicks: hour }), day)).toEqual({
      kind: "read",
      to: hour,
    });
  });

  test("reads a little more than one width as one window", () => {
    expect(planNextStep({ ...pace, widthTicks: 20n * hour }, day)).toEqual({
      kind: "read",
      to: day.to,
    });
  });
});

describe("after a halving", () => {
  test("makes the next window half as wide", () => {
    const pace = applyHalving(createPace(caps), { from: 0n, to: 8n * hour }, "too-big");
    expect(planNextStep(pace, day)).toEqual({ kind: "read", to: 4n * hour });
  });

  test("never shrinks a window below one tick", () => {
    let pace = createPace(caps);
    for (let times = 0; times < 60; times += 1)
      pace = applyHalving(pace, { from: 0n, to: pace.widthTicks ?? day.to }, "too-big");
    expect(planNextStep(pace, day)).toEqual({ kind: "read", to: 1n });
  });

  test("counts only a query that the service aborted", () => {
    const span = { from: 0n, to: hour };
    expect(applyHalving(createPace(caps), span, "too-big").halvings).toBe(0);
    expect(applyHalving(createPace(caps), span, "too-heavy").halvings).toBe(1);
    expect(
      applyWindow(
        applyHalving(createPace(caps), span, "too-heavy"),
        span,
        { rows: 1, bytes: 1 },
        caps,
      ).halvings,
    ).toBe(0);
  });

  test("avoids a heavy width for the run and tries twice as wide in the next", () => {
    const heavy = applyHalving(createPace(caps), { from: 0n, to: 8n * hour }, "too-heavy");
    const later = applyWindow(heavy, { from: 0n, to: 4n * hour }, { rows: 1, bytes: 9 }, caps);
    expect(planNextStep(later, day)).toEqual({ kind: "read", to: 4n * hour });
    expect(planNextStep(createPace(caps, later), day)).toEqual({ kind: "read", to: 8n * hour });
  });
});

describe("after a window", () => {
  test("aims at 80 % of the limit", () => {
    const pace = applyWindow(
      createPace(caps),
      { from: 0n, to: hour },
      { rows: 4_000, bytes: 4_000 },
      caps,
    );
    expect(pace.widthTicks).toBe(2n * hour);
  });

  test("grows at most four times at once", () => {
    const pace = applyWindow(createPace(caps), { from: 0n, to: hour }, { rows: 0, bytes: 0 }, caps);
    expect(pace.widthTicks).toBe(4n * hour);
  });

  test("keeps a long width after a short window with few rows", () => {
    const stored = { widthTicks: 100n * hour, halvings: 0 };
    const pace = applyWindow(
      createPace(caps, stored),
      { from: 0n, to: hour },
      { rows: 10, bytes: 10 },
      caps,
    );
    expect(pace.widthTicks).toBe(100n * hour);
  });

  test("aims at fewer rows when rows are wide", () => {
    const pace = applyWindow(
      createPace(caps),
      { from: 0n, to: hour },
      { rows: 100, bytes: 10_000_000 },
      caps,
    );
    expect(pace.maxRows).toBe(850);
  });
});

/** Rows at given ticks, and a service that cuts at `cap`; counts the calls until all is read. */
function readAll(
  ticks: readonly Ticks[],
  cap: number,
  canHistogram = true,
): { calls: number; largest: number } {
  const sorted = [...ticks].sort((a, b) => (a < b ? -1 : 1));
  const countIn = (from: Ticks, to: Ticks): number =>
    findLowerBound(sorted, to) - findLowerBound(sorted, from);
  const goal = (sorted.at(-1) ?? 0n) + 1_000n;
  const serviceCaps: Caps = { rows: cap, bytes: 1e12, roundRows: cap };
  let pace: Pace = createPace(serviceCaps);
  let [from, calls, largest] = [0n, 0, 0];
  while (from < goal) {
    const step: Step = planNextStep(pace, { from, to: goal, canHistogram });
    calls += 1;
    if (calls > 5_000) throw new Error("does not come to an end");
    if (step.kind === "histogram") {
      pace = applyHistogram(pace, step.span, binsOf(sorted, step));
      continue;
    }
    const count = countIn(from, step.to);
    if (step.kind === "shards") {
      calls += 1 + computeShardCount(count, cap, 0);
      pace = applyWindow(pace, { from, to: step.to }, { rows: count, bytes: 1 }, serviceCaps);
      from = step.to;
      continue;
    }
    const rows = Math.min(count, cap);
    if (isSuspicious({ rows, bytes: 1 }, serviceCaps)) calls += 1;
    if (rows < count && step.to - from === 1n) {
      calls += 1 + computeShardCount(count, cap, 0);
    } else if (rows < count) {
      pace = applyTruncation(pace, { from, to: step.to }, { rows, count }, serviceCaps);
      continue;
    }
    largest = Math.max(largest, rows);
    pace = applyWindow(pace, { from, to: step.to }, { rows, bytes: rows }, serviceCaps);
    from = step.to;
  }
  return { calls, largest };
}

function findLowerBound(sorted: readonly Ticks[], at: Ticks): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0n) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function binsOf(
  sorted: readonly Ticks[],
  { span, step }: { span: { from: Ticks; to: Ticks }; step: Ticks },
): Bin[] {
  const bins = new Map<Ticks, number>();
  for (const at of sorted.slice(
    findLowerBound(sorted, span.from),
    findLowerBound(sorted, span.to),
  )) {
    const start = (at / step) * step;
    bins.set(start, (bins.get(start) ?? 0) + 1);
  }
  return [...bins].map(([start, rows]) => ({ from: start, to: start + step, rows }));
}

/** A small generator, so that a failure is a seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const dayTicks = 24 * 36_000_000_000;
const createTicks = (count: number, at: (next: () => number) => number, seed = 1): Ticks[] => {
  const next = createRandom(seed);
  return Array.from({ length: count }, () => BigInt(Math.floor(at(next))));
};

describe("calls for many rows", () => {
  const shapes: [string, Ticks[]][] = [
    ["uniform", createTicks(200_000, (next) => next() * dayTicks)],
    ["skewed", createTicks(200_000, (next) => next() ** 6 * dayTicks)],
    ["one burst of a second", createTicks(200_000, (next) => 3e11 + next() * 1e7)],
    ["forty bursts", createTicks(200_000, (next) => Math.floor(next() * 40) * 2e10 + next() * 1e7)],
    [
      "half in bursts, half spread",
      createTicks(200_000, (next) =>
        next() < 0.5 ? next() * dayTicks : Math.floor(next() * 20) * 4e10 + next() * 1e6,
      ),
    ],
    ["one tick", createTicks(200_000, () => 5e11)],
    [
      "one tick among others",
      createTicks(200_000, (next) => (next() < 0.3 ? 5e11 : next() * dayTicks)),
    ],
  ];

  test.each(shapes)("%s: needs at most 1.1 calls for each full window and ten more", (_, ticks) => {
    const cap = 10_000;
    const { calls } = readAll(ticks, cap);
    expect(calls).toBeLessThanOrEqual(1.1 * Math.ceil(ticks.length / cap) + 10);
  });

  test.each(shapes)("%s: finishes without histograms", (_, ticks) => {
    expect(readAll(ticks, 10_000, false).largest).toBeLessThanOrEqual(10_000);
  });
});

describe("computeShardCount", () => {
  test("leaves room for an uneven hash", () => {
    expect(computeShardCount(1_000_000, 10_000, 0)).toBe(106);
  });

  test("doubles with every attempt and is never one", () => {
    expect([0, 1, 2].map((attempt) => computeShardCount(10, 10_000, attempt))).toEqual([2, 4, 8]);
  });
});
