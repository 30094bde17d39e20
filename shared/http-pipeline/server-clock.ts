/**
 * What the store's `Date` headers prove about the true time. Such a header has whole seconds and the response takes
 * time to arrive, so one header gives an interval; several, at different parts of a second, narrow it to the round
 * trip. The local clock measures spans only: its absolute value is never trusted.
 */

/** Server time minus local time is within `[lowMs, highMs]`, as known at local instant `atMs`. */
export interface ServerClock {
  readonly lowMs: number;
  readonly highMs: number;
  readonly atMs: number;
}

/** One response: local instants around the exchange, and the server's time in whole seconds, rounded down. */
export interface ClockObservation {
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly serverNowMs: number;
}

const headerGrainMs = 1_000;
/** Largest drift of a quartz clock: 200 parts in a million, ten times the usual. */
const drift = 200e-6;

/** Narrows the interval by one more response. One that contradicts it means that the local clock was set: starts again. */
export function narrowServerClock(
  current: ServerClock | undefined,
  observation: ClockObservation,
): ServerClock {
  const fresh = {
    lowMs: observation.serverNowMs - observation.receivedMs,
    highMs: observation.serverNowMs + headerGrainMs - observation.sentMs,
    atMs: observation.receivedMs,
  };
  if (!current) return fresh;
  const slackMs = Math.abs(observation.receivedMs - current.atMs) * drift;
  const lowMs = Math.max(current.lowMs - slackMs, fresh.lowMs);
  const highMs = Math.min(current.highMs + slackMs, fresh.highMs);
  return lowMs <= highMs ? { lowMs, highMs, atMs: fresh.atMs } : fresh;
}

/** Returns the bounds of true server time when the local clock shows `localMs`. */
export function toServerTime(
  clock: ServerClock,
  localMs: number,
): { earliestMs: number; latestMs: number } {
  return { earliestMs: localMs + clock.lowMs, latestMs: localMs + clock.highMs };
}
