/**
 * Budgets of query run time: documented start values, corrected by the service's refusals. Pure.
 */
import { dayMs, hourMs, minuteMs, secondMs } from "../../runtime/time.ts";

/** Run time allowed per window of time. */
export interface RunTimeBudget {
  readonly perMs: number;
  /**
   * Documented start value. Absent where the service documents none: then the first refusal gives
   * it.
   */
  readonly runTimeMs?: number;
  /** True: windows start on the clock (`:00, :15, :30, :45`) instead of sliding. */
  readonly isAligned?: boolean;
}

/**
 * Start values per hunting back-end. Source: Microsoft's pages of 2017 (legacy), 2022 (Defender)
 * and 2025 (Graph).
 */
export const runTimeBudgets: Readonly<
  Record<"legacy" | "defender" | "graph", readonly RunTimeBudget[]>
> = {
  legacy: [
    { perMs: hourMs, runTimeMs: 15 * minuteMs },
    { perMs: dayMs, runTimeMs: 4 * hourMs },
  ],
  defender: [
    { perMs: hourMs, runTimeMs: 10 * minuteMs },
    { perMs: dayMs, runTimeMs: 3 * hourMs },
  ],
  graph: [{ perMs: 15 * minuteMs, isAligned: true }],
};

/**
 * Run time spent, by minute, and the budget that refusals showed for the shortest window. Server
 * time.
 */
export interface RunTime {
  readonly spent: readonly (readonly [minuteMs: number, runTimeMs: number])[];
  readonly learned?: { readonly runTimeMs: number; readonly sinceMs: number } | undefined;
}

const minLearnedMs = 10 * secondMs;
const recoveryPerWindow = 0.1;

const getMaxPeriodMs = (budgets: readonly RunTimeBudget[]): number =>
  Math.max(0, ...budgets.map((budget) => budget.perMs));

/** Adds one call's run time and removes entries older than the longest window. */
export function addRunTime(
  runTime: RunTime,
  runTimeMs: number,
  nowMs: number,
  budgets: readonly RunTimeBudget[],
): RunTime {
  const minute = Math.floor(nowMs / minuteMs) * minuteMs;
  const recent = runTime.spent.filter(
    ([atMs]) => atMs > nowMs - getMaxPeriodMs(budgets) - minuteMs,
  );
  const otherMinutes = recent.filter(([atMs]) => atMs !== minute);
  const thisMinuteMs = recent.find(([atMs]) => atMs === minute)?.[1] ?? 0;
  return { ...runTime, spent: [...otherMinutes, [minute, thisMinuteMs + runTimeMs]] };
}

/**
 * Learns from a refusal: the true budget of the shortest window is at most the run time spent in
 * it.
 */
export function learnBudget(
  runTime: RunTime,
  nowMs: number,
  budgets: readonly RunTimeBudget[],
): RunTime {
  const shortest = budgets.toSorted((a, b) => a.perMs - b.perMs)[0];
  if (!shortest) return runTime;
  const floorMs = Math.max(minLearnedMs, recoveryPerWindow * (shortest.runTimeMs ?? 0));
  return {
    ...runTime,
    learned: { runTimeMs: Math.max(floorMs, sumSpentMs(runTime, shortest, nowMs)), sinceMs: nowMs },
  };
}

/**
 * Returns the first instant, `nowMs` or later, at which `share` of each budget lets another call
 * start.
 */
export function findRunTimeFreeMs(
  runTime: RunTime,
  budgets: readonly RunTimeBudget[],
  share: number,
  nowMs: number,
): number {
  const shortestMs = Math.min(...budgets.map((budget) => budget.perMs));
  return Math.max(
    nowMs,
    ...budgets.map((budget) => {
      const startMs = (budget.runTimeMs ?? Infinity) * share;
      const learnedMs =
        budget.perMs === shortestMs ? computeLearnedMs(runTime, budget, nowMs) : Infinity;
      return findBudgetFreeMs(runTime, budget, Math.min(startMs, learnedMs), nowMs);
    }),
  );
}

/** Returns the learned budget, which grows by a tenth with each clean window. */
function computeLearnedMs({ learned }: RunTime, { perMs }: RunTimeBudget, nowMs: number): number {
  if (!learned) return Infinity;
  const cleanWindows = Math.max(0, Math.floor((nowMs - learned.sinceMs) / perMs));
  return learned.runTimeMs * (1 + recoveryPerWindow * cleanWindows);
}

const getWindowStart = ({ perMs, isAligned }: RunTimeBudget, nowMs: number): number =>
  isAligned ? Math.floor(nowMs / perMs) * perMs : nowMs - perMs;

const sumSpentMs = ({ spent }: RunTime, budget: RunTimeBudget, nowMs: number): number =>
  spent
    .filter(([atMs]) => atMs >= getWindowStart(budget, nowMs))
    .reduce((sum, [, runTimeMs]) => sum + runTimeMs, 0);

function findBudgetFreeMs(
  runTime: RunTime,
  budget: RunTimeBudget,
  allowedMs: number,
  nowMs: number,
): number {
  let remainingMs = sumSpentMs(runTime, budget, nowMs);
  if (remainingMs < allowedMs) return nowMs;
  if (budget.isAligned) return getWindowStart(budget, nowMs) + budget.perMs;
  for (const [atMs, runTimeMs] of runTime.spent.filter(
    ([atMs]) => atMs >= getWindowStart(budget, nowMs),
  )) {
    remainingMs -= runTimeMs;
    if (remainingMs < allowedMs) return atMs + budget.perMs + 1;
  }
  return nowMs + budget.perMs;
}
