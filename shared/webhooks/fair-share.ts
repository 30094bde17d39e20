/** Keeps one source from taking the whole instance: so many of its requests at work, so many waiting, the rest refused. */

export interface FairShare {
  /** Runs the work when its source has room; `undefined` when too many of that source wait already. */
  readonly run: <T>(source: string, work: () => Promise<T>) => Promise<T | undefined>;
}

interface Lane {
  active: number;
  readonly waiting: (() => void)[];
}

/**
 * @param maxActive - requests of one source that may be at storage at once
 * @param maxWaiting - requests of one source that may wait for it
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
        // The place goes to the next in line, without being free in between.
        const next = lane.waiting.shift();
        if (next) next();
        else lane.active -= 1;
      }
    },
  };
}
