/**
 * Limits how many requests of one source are processed and queued at once, so that it cannot take a
 * whole instance.
 */

export interface FairShare {
  /**
   * Runs the work when its source has a free place; `undefined` when too many requests of it are
   * queued.
   */
  readonly run: <T>(source: string, work: () => Promise<T>) => Promise<T | undefined>;
}

interface Lane {
  active: number;
  readonly waiting: (() => void)[];
}

/**
 * Creates the limits of this instance.
 *
 * @param maxActive - requests of one source that are processed at once
 * @param maxWaiting - requests of one source that are queued
 */
export function createFairShare(maxActive = 24, maxWaiting = 100): FairShare {
  const lanes = new Map<string, Lane>();
  return {
    run: async (source, work) => {
      const lane = lanes.get(source) ?? { active: 0, waiting: [] };
      lanes.set(source, lane);
      if (lane.active >= maxActive) {
        if (lane.waiting.length >= maxWaiting) return undefined;
        await new Promise<void>((resolve) => lane.waiting.push(resolve));
      } else {
        lane.active += 1;
      }
      try {
        return await work();
      } finally {
        // The place passes to the next request in the queue without becoming free.
        const next = lane.waiting.shift();
        if (next) next();
        else lane.active -= 1;
      }
    },
  };
}
