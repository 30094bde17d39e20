/** The simulator's clock: another clock plus a shift that a test adds. */
import type { Clock } from "../../../shared/runtime/time.ts";

export interface ShiftClock extends Clock {
  /** Adds `ms` (may be negative) to the shift. */
  readonly shift: (ms: number) => void;
}

export function createShiftClock(base: Clock): ShiftClock {
  let aheadMs = 0;
  return {
    now: () => base.now() + aheadMs,
    sleep: base.sleep,
    shift: (ms) => {
      aheadMs += ms;
    },
  };
}
