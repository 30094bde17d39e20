/**
 * What the store's `Date` headers prove about the true time. Such a header has whole seconds and
 * the response takes time to arrive, so one header gives an interval; several, at different parts
 * of a second, narrow it to the round trip. The local clock measures spans only: its absolute value
 * is never trusted.
 */
import { minuteMs } from "../runtime/time.ts";

/** Server time minus local time is within `[lowMs, highMs]`, as known at local instant `atMs`. */
export interface ServerClock {
  readonly lowMs: number;
  readonly highMs: number;
  readonly atMs: number;
  /** The steady clock at `atMs`, where there is one. */
  readonly steadyMs: number | undefined;
  /** Since when, local clock, the store's clock has been behind. */
  readonly behindSinceMs?: number | undefined;
}

/**
 * One response: local instants around the exchange, and the server's time in whole seconds, rounded
 * down.
 */
export interface ClockObservation {
  readonly sentMs: number;
  readonly receivedMs: number;
  readonly serverNowMs: number;
  /** A clock that is never set, when the response arrived. */
  readonly steadyMs?: number | undefined;
}

/** A new interval. `distrustMs`: by how much instants that were granted before may be wrong. */
export interface ClockUpdate {
  readonly clock: ServerClock;
  readonly distrustMs: number;
  /**
   * True when the store's clock had been behind by minutes: instants that were granted meanwhile
   * are older than they look.
   */
  readonly wasBehind?: boolean;
}

const headerGrainMs = 1_000;
/** Largest drift of a quartz clock: 200 parts in a million, ten times the usual. */
const drift = 200e-6;
/** A smaller difference between two local clocks is jitter of their readings. */
const minStepMs = 50;
/**
 * A larger contradiction means, without a steady clock, that the local clock was set, else that the
 * store's clock was wrong for long.
 */
const maxStoreErrorMs = 2 * minuteMs;
/** A store that stays behind for this time is believed: an earlier response was ahead. */
const maxBehindMs = 5 * minuteMs;

/**
 * Narrows the interval by one more response. A response that contradicts it means that the local
 * clock was set, or that the store's clock is frozen, late or corrected. A store that is behind is
 * ignored, so that its freeze or a jump back never makes granted instants due at once; a store that
 * is ahead is believed, and `distrustMs` says by how much.
 */
export function narrowServerClock(
  known: ServerClock | undefined,
  observation: ClockObservation,
): ClockUpdate {
  const fresh: ServerClock = {
    lowMs: observation.serverNowMs - observation.receivedMs,
    highMs: observation.serverNowMs + headerGrainMs - observation.sentMs,
    atMs: observation.receivedMs,
    steadyMs: observation.steadyMs,
  };
  if (!known) return { clock: fresh, distrustMs: 0 };
  const current = carryOn(known, observation);
  const lowMs = Math.max(current.lowMs, fresh.lowMs);
  const highMs = Math.min(current.highMs, fresh.highMs);
  if (lowMs <= highMs) return { clock: { ...fresh, lowMs, highMs }, distrustMs: 0 };

  const errorMs = lowMs - highMs;
  const isLocalStep = current.steadyMs === undefined && errorMs > maxStoreErrorMs;
  if (isLocalStep) return { clock: fresh, distrustMs: 0 };
  if (fresh.lowMs > current.highMs)
    return { clock: fresh, distrustMs: errorMs, wasBehind: errorMs > maxStoreErrorMs };
  const behindSinceMs = current.behindSinceMs ?? current.atMs;
  return current.atMs - behindSinceMs > maxBehindMs
    ? { clock: fresh, distrustMs: errorMs }
    : { clock: { ...current, behindSinceMs }, distrustMs: 0 };
}

/**
 * Returns the interval at the time of the observation: wider by the drift, and shifted by a step of
 * the local clock.
 */
function carryOn(known: ServerClock, { receivedMs, steadyMs }: ClockObservation): ServerClock {
  const localMs = receivedMs - known.atMs;
  const hasSteady = steadyMs !== undefined && known.steadyMs !== undefined;
  const elapsedMs = hasSteady ? steadyMs - known.steadyMs : Math.abs(localMs);
  const differenceMs = hasSteady ? localMs - elapsedMs : 0;
  const stepMs = Math.abs(differenceMs) > minStepMs + elapsedMs * drift ? differenceMs : 0;
  const slackMs = elapsedMs * drift;
  return {
    ...known,
    lowMs: known.lowMs - slackMs - stepMs,
    highMs: known.highMs + slackMs - stepMs,
    atMs: receivedMs,
    steadyMs: hasSteady ? steadyMs : undefined,
    behindSinceMs: known.behindSinceMs === undefined ? undefined : known.behindSinceMs + stepMs,
  };
}

/** Returns the bounds of true server time when the local clock shows `localMs`. */
export function toServerTime(
  clock: ServerClock,
  localMs: number,
): { earliestMs: number; latestMs: number } {
  return { earliestMs: localMs + clock.lowMs, latestMs: localMs + clock.highMs };
}
