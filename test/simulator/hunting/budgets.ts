/**
 * Run-time budgets: CPU per quarter hour (Graph, XDR), run time per hour and day (Defender,
 * legacy).
 */
import { dayMs, hourMs } from "../../../shared/runtime/time.ts";

/** Window of a budget: a clock slot or a sliding span. */
export interface Budget {
  readonly kind: "slot" | "sliding";
  readonly perMs: number;
  /** Milliseconds of work; null: no limit. */
  readonly maxMs: number | null;
}

export const slotMs = 15 * 60_000;

export interface Spending {
  /** Returns the wait until work may start again; 0 = now. */
  readonly computeWaitMs: (budgets: readonly Budget[], nowMs: number) => number;
  readonly recordWork: (workMs: number, nowMs: number) => void;
}

export function createSpending(): Spending {
  let entries: { atMs: number; workMs: number }[] = [];
  return {
    computeWaitMs: (budgets, nowMs) =>
      Math.max(0, ...budgets.map((budget) => computeBudgetWait(budget, entries, nowMs))),
    recordWork: (workMs, nowMs) => {
      entries = entries.filter(({ atMs }) => atMs > nowMs - dayMs);
      entries.push({ atMs: nowMs, workMs });
    },
  };
}

type WorkEntries = readonly { readonly atMs: number; readonly workMs: number }[];

function computeBudgetWait(
  { kind, perMs, maxMs }: Budget,
  entries: WorkEntries,
  nowMs: number,
): number {
  if (maxMs === null) return 0;
  const from = kind === "slot" ? Math.floor(nowMs / perMs) * perMs : nowMs - perMs + 1;
  const counted = entries.filter(({ atMs }) => atMs >= from);
  let used = counted.reduce((sum, { workMs }) => sum + workMs, 0);
  if (used < maxMs) return 0;
  if (kind === "slot") return from + perMs - nowMs;
  for (const { atMs, workMs } of counted) {
    used -= workMs;
    if (used < maxMs) return atMs + perMs - nowMs;
  }
  return perMs;
}

/** The two windows of the older APIs. */
export const createHourAndDayBudgets = (hour: number | null, day: number | null): Budget[] => [
  { kind: "sliding", perMs: hourMs, maxMs: hour },
  { kind: "sliding", perMs: dayMs, maxMs: day },
];
