/**
 * What a timer function is handed, in the platform's spelling; `@azure/functions` turns the names
 * to camel case.
 */

/** A timer's record: epoch milliseconds; `lastMs` is absent before the first run. */
export interface TimerStatus {
  readonly lastMs?: number;
  readonly nextMs: number;
  readonly lastUpdatedMs: number;
}

/** Before the first run .NET writes the year one. */
export const neverRun = "0001-01-01T00:00:00";

/** ISO 8601 with an offset, as the platform writes instants. */
const formatInstant = (ms: number): string =>
  new Date(ms).toISOString().replace(/(?:\.000)?Z$/, "+00:00");

/** The record as the status blob stores it. */
export const toStatusJson = (
  status: TimerStatus,
): { Last: string; Next: string; LastUpdated: string } => ({
  Last: status.lastMs === undefined ? neverRun : formatInstant(status.lastMs),
  Next: formatInstant(status.nextMs),
  LastUpdated: formatInstant(status.lastUpdatedMs),
});

/** @param status - undefined when the timer is not monitored: the function then sees null */
export const toTimerInput = (status: TimerStatus | undefined, isPastDue: boolean): string =>
  JSON.stringify({
    Schedule: { AdjustForDST: true },
    ScheduleStatus: status ? toStatusJson(status) : null,
    IsPastDue: isPastDue,
  });
