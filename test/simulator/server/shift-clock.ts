/** The tenant's clock: another clock, and a shift that a test may add. */
import type { Clock } from "../../../shared/runtime/time.ts";

export interface ShiftClock extends Clock {
  /** Moves the tenant ahead (or back) of the clock below, by so many milliseconds more. */
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
