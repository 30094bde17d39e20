/**
 * Chooses when a hunt runs: six-field NCRONTAB in UTC, `{second} {minute} {hour} {day} {month}
 * {day of week}`.
 */
import { createHash } from "node:crypto";
import { longestIntervalMs, parseNcrontab } from "../../runtime/ncrontab.ts";
import { dayMs, hourMs, minuteMs } from "../../runtime/time.ts";

const minuteSteps = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30];
const hourSteps = [1, 2, 3, 4, 6, 8, 12];

/** A schedule and the time between two of its runs. */
export interface Schedule {
  readonly schedule: string;
  readonly intervalMs: number;
}

/**
 * Creates a schedule that runs every `everyMs` or more often, in steps that divide the clock
 * evenly, from a week to a minute. Hunts with different names start at different minutes, so that
 * they do not all run at once.
 */
export function createSchedule(everyMs: number, name: string): Schedule {
  const hash = createHash("sha256").update(name).digest().readUInt32BE(0);
  const minute = hash % 60;
  const hour = Math.floor(hash / 60) % 24;
  if (everyMs >= 7 * dayMs)
    return { schedule: `0 ${minute} ${hour} * * ${hash % 7}`, intervalMs: 7 * dayMs };
  if (everyMs >= dayMs) return { schedule: `0 ${minute} ${hour} * * *`, intervalMs: dayMs };
  if (everyMs >= hourMs) {
    const step = chooseStep(hourSteps, everyMs / hourMs);
    return {
      schedule: `0 ${minute} ${listSteps(step, 24, hour)} * * *`,
      intervalMs: step * hourMs,
    };
  }
  const step = chooseStep(minuteSteps, everyMs / minuteMs);
  return { schedule: `0 ${listSteps(step, 60, minute)} * * * *`, intervalMs: step * minuteMs };
}

const chooseStep = (steps: readonly number[], maxStep: number): number =>
  steps.findLast((step) => step <= maxStep) ?? 1;

const listSteps = (step: number, total: number, offset: number): string => {
  if (step === 1) return "*";
  return Array.from({ length: total / step }, (_, index) => (offset % step) + index * step).join(
    ",",
  );
};

/**
 * Returns the longest time between two runs of a schedule.
 *
 * @returns `{ intervalMs }`, or `{ problem }` in words
 */
export function computeInterval(
  schedule: string,
): { readonly intervalMs: number } | { readonly problem: string } {
  const parsed = parseNcrontab(schedule);
  if (parsed.kind === "invalid") return { problem: parsed.message };
  if (parsed.schedule.fieldCount === 5)
    return { problem: "must have six fields (second minute hour day month weekday), found 5" };
  const intervalMs = longestIntervalMs(parsed.schedule);
  return intervalMs === undefined ? { problem: "must fit at least one day" } : { intervalMs };
}
