/**
 * The circuit breaker of one API, shared by all instances: five failures in a row open it. Pure.
 */
import { minuteMs, secondMs } from "../../runtime/time.ts";

/**
 * Closed while `openForMs` is 0; open until `openUntilMs`, then half open: one call may probe.
 * Server time.
 */
export interface Breaker {
  readonly failures: number;
  readonly openUntilMs: number;
  readonly openForMs: number;
  readonly probe?: { readonly id: string; readonly untilMs: number } | undefined;
}

export const closedBreaker: Breaker = { failures: 0, openUntilMs: 0, openForMs: 0 };

const failuresToOpen = 5;
const firstOpenMs = 30 * secondMs;
const maxOpenMs = 15 * minuteMs;

/**
 * Counts one more failure. A call that fails while the breaker is open was sent before it opened,
 * and counts nothing.
 */
export function recordFailure(breaker: Breaker, nowMs: number): Breaker {
  if (nowMs < breaker.openUntilMs) return breaker;
  const failures = breaker.failures + 1;
  if (breaker.openForMs === 0 && failures < failuresToOpen) return { ...breaker, failures };
  const openForMs =
    breaker.openForMs === 0 ? firstOpenMs : Math.min(maxOpenMs, breaker.openForMs * 2);
  return { failures, openForMs, openUntilMs: nowMs + openForMs };
}

/**
 * When the breaker lets a call start: now, or the instant to ask again. `isProbe`: that call must
 * be the only one. `isProbing`: another call's probe is in flight, and its response decides.
 */
export function computeBreakerGate(
  { openForMs, openUntilMs, probe }: Breaker,
  nowMs: number,
): { readonly atMs: number; readonly isProbe: boolean; readonly isProbing: boolean } {
  if (openForMs === 0) return { atMs: nowMs, isProbe: false, isProbing: false };
  const atMs = Math.max(nowMs, openUntilMs);
  return { atMs, isProbe: true, isProbing: (probe?.untilMs ?? 0) > atMs };
}

/**
 * Returns the breaker of a pause that was cut short: after it one call probes. It counts no
 * failures.
 */
export const createPauseProbe = (pausedUntilMs: number, pauseMs: number): Breaker => ({
  failures: 0,
  openUntilMs: pausedUntilMs,
  openForMs: pauseMs,
});

/** True for the breaker of a pause, which no failure has opened. */
export const isPauseProbe = ({ failures, openForMs }: Breaker): boolean =>
  failures === 0 && openForMs > 0;
