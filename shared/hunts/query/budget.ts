/** How long one run may take: it starts no new call after three minutes, and no call takes longer than 230 s. */

/** No new call after this, ms since the run began. */
export const callsEndMs = 180_000;

/** Deadline of one hunting call, body included. */
export const callDeadlineMs = 230_000;

/** The longest wait for a turn of the shared quota before the run ends and goes on by message. */
const longestWaitMs = 45_000;

export interface Budget {
  /** False once no further call may be started. */
  readonly left: () => boolean;
  /** How long the next call may wait for its turn. */
  readonly waitMs: () => number;
}

/** The budget of a run that begins now. */
export function startBudget(nowMs: () => number): Budget {
  const endMs = nowMs() + callsEndMs;
  return {
    left: () => nowMs() < endMs,
    waitMs: () => Math.max(0, Math.min(longestWaitMs, endMs - nowMs())),
  };
}
