/** Run-time budgets: CPU per quarter hour (Graph, XDR), run time per hour and day (Defender, legacy). */
import { dayMs, hourMs } from "../../../shared/runtime/time.ts";

/** Ends of budgets: a clock slot, or a span that slides. */
export interface Budget {
  readonly kind: "slot" | "sliding";
  readonly perMs: number;
  /** Milliseconds of work; null: no limit. */
  readonly mostMs: number | null;
}

export const slotMs = 15 * 60_000;

export interface Spending {
  /** How long until work may start again; 0 = now. */
  readonly waitMs: (budgets: readonly Budget[], nowMs: number) => number;
  readonly spend: (workMs: number, nowMs: number) => void;
}

export function createSpending(): Spending {
  let spent: { atMs: number; workMs: number }[] = [];
  return {
    waitMs: (budgets, nowMs) =>
      Math.max(0, ...budgets.map((budget) => waitFor(budget, spent, nowMs))),
    spend: (workMs, nowMs) => {
      spent = spent.filter(({ atMs }) => atMs > nowMs - dayMs);
      spent.push({ atMs: nowMs, workMs });
    },
  };
}

type Spent = readonly { readonly atMs: number; readonly workMs: number }[];

function waitFor({ kind, perMs, mostMs }: Budget, spent: Spent, nowMs: number): number {
  if (mostMs === null) return 0;
  const from = kind === "slot" ? Math.floor(nowMs / perMs) * perMs : nowMs - perMs + 1;
  const counted = spent.filter(({ atMs }) => atMs >= from);
  let used = counted.reduce((sum, { workMs }) => sum + workMs, 0);
  if (used < mostMs) return 0;
  if (kind === "slot") return from + perMs - nowMs;
  for (const { atMs, workMs } of counted) {
    used -= workMs;
    if (used < mostMs) return atMs + perMs - nowMs;
  }
  return perMs;
}

/** The two spans of the older APIs. */
export const hourAndDay = (hour: number | null, day: number | null): Budget[] => [
  { kind: "sliding", perMs: hourMs, mostMs: hour },
  { kind: "sliding", perMs: dayMs, mostMs: day },
];
