/** What a timer's record says about now: pure rules of the platform's schedule monitor. */
import { nextRunMs, type CronSchedule } from "../../shared/runtime/ncrontab.ts";
import { neverRun, type TimerStatus } from "./timer-input.ts";

export interface TimerState {
  readonly status: TimerStatus;
  /** The record must be written: it is new, or the schedule was edited. */
  readonly isNew: boolean;
  /** One slot or more was missed: one run makes up for all of them. */
  readonly isPastDue: boolean;
}

/**
 * Judges a record at the start. None yet: the next slot counts from now, nothing is due. One that
 * another schedule wrote: reset, nothing is due either.
 *
 * @returns undefined for a schedule that never fires
 */
export function evaluateRecord(
  nowMs: number,
  schedule: CronSchedule,
  stored: TimerStatus | undefined,
): TimerState | undefined {
  const fromNow = nextRunMs(schedule, nowMs);
  if (fromNow === undefined) return undefined;
  const initial: TimerState = {
    status: { nextMs: fromNow, lastUpdatedMs: nowMs },
    isNew: true,
    isPastDue: false,
  };
  if (!stored) return initial;
  const baseMs = stored.lastMs ?? stored.lastUpdatedMs;
  const expectedMs = nextRunMs(schedule, baseMs) ?? fromNow;
  if (stored.nextMs === expectedMs)
    return { status: stored, isNew: false, isPastDue: nowMs > expectedMs };
  if (nowMs > expectedMs) return initial;
  return { status: { nextMs: expectedMs, lastUpdatedMs: baseMs }, isNew: true, isPastDue: false };
}

/**
 * The record after a run, failed or not. A timer that woke a moment early counts as on time, so
 * that no slot is used twice; a run at start-up counts from when it happened.
 */
export function computeNextStatus(
  startedMs: number,
  schedule: CronSchedule,
  previous: TimerStatus | undefined,
  isStartup: boolean,
): TimerStatus | undefined {
  const countedMs =
    !isStartup && previous && previous.nextMs > startedMs ? previous.nextMs : startedMs;
  const nextMs = nextRunMs(schedule, countedMs);
  return nextMs === undefined ? undefined : { lastMs: countedMs, nextMs, lastUpdatedMs: countedMs };
}

/** Reads a status blob; undefined when it is not what this host or the platform writes. */
export function parseStatus(text: string): TimerStatus | undefined {
  try {
    const { Last, Next, LastUpdated } = JSON.parse(text) as Record<string, unknown>;
    const [nextMs, lastUpdatedMs] = [parseInstantMs(Next), parseInstantMs(LastUpdated)];
    if (nextMs === undefined || lastUpdatedMs === undefined) return undefined;
    const lastMs = parseInstantMs(Last);
    return { nextMs, lastUpdatedMs, ...(lastMs === undefined ? {} : { lastMs }) };
  } catch {
    return undefined;
  }
}

function parseInstantMs(value: unknown): number | undefined {
  if (typeof value !== "string" || value.startsWith(neverRun)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}
