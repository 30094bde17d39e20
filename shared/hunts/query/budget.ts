/**
 * Limits how long one run takes: it starts no call after three minutes, and no call takes longer
 * than 230 s.
 */

/** No call starts later than this after the run began, in milliseconds. */
const maxCallStartMs = 180_000;

/** Deadline of one hunting call, body included. */
export const callDeadlineMs = 230_000;

/**
 * Longest wait for a permit of the shared quota; then the run ends and continues with its next
 * message.
 */
const maxWaitMs = 45_000;

export interface Budget {
  /** Returns false once no further call may start. */
  readonly hasTimeLeft: () => boolean;
  /** Returns how long the next call may wait for its permit, in milliseconds. */
  readonly remainingWaitMs: () => number;
}

/** Starts the budget of a run that begins now. */
export function startBudget(nowMs: () => number): Budget {
  const endMs = nowMs() + maxCallStartMs;
  return {
    hasTimeLeft: () => nowMs() < endMs,
    remainingWaitMs: () => Math.max(0, Math.min(maxWaitMs, endMs - nowMs())),
  };
}
