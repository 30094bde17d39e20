/** How long one run may take: it starts no new call after three minutes, and no call takes longer than 230 s. */

/** No new call after this, ms since the run began. */
export const maxCallStartMs = 180_000;

/** Deadline of one hunting call, body included. */
export const callDeadlineMs = 230_000;

/** The longest wait for a turn of the shared quota before the run ends and goes on by message. */
const maxWaitMs = 45_000;

export interface Budget {
  /** False once no further call may be started. */
  readonly hasTimeLeft: () => boolean;
  /** How long the next call may wait for its turn. */
  readonly remainingWaitMs: () => number;
}

/** The budget of a run that begins now. */
export function startBudget(nowMs: () => number): Budget {
  const endMs = nowMs() + maxCallStartMs;
  return {
    hasTimeLeft: () => nowMs() < endMs,
    remainingWaitMs: () => Math.max(0, Math.min(maxWaitMs, endMs - nowMs())),
  };
}
