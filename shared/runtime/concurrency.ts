/** Runs asynchronous work over many items, a few at a time, and long work in portions. */
import { setImmediate } from "node:timers/promises";

/** Lets everything that waits run first: requests, timers, answers of storage. */
export const letOthersRun = (): Promise<void> => setImmediate();

/**
 * How many records are read or written at once by default: storage answers in milliseconds, so a
 * hundred records take a few round trips.
 */
const defaultMaxParallel = 16;

/**
 * Runs `work` over the items in their order, at most `maxParallel` at once. After a failure no
 * further item is started; the first failure is thrown.
 *
 * @returns one result per item, in the order of the items
 */
export async function mapInParallel<T, R>(
  items: Iterable<T>,
  maxParallel: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  // The workers share one iterator. A throw inside `for … of` closes it, so that no worker takes
  // another item.
  const entries = Iterator.from(items).map((item, index) => [item, index] as const);
  const runWorker = async (): Promise<void> => {
    for (const [item, index] of entries) results[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: maxParallel }, runWorker));
  return results;
}

/** Runs `work` over the items as `mapInParallel` does, at most 16 at once, for its effects only. */
export const runInParallel = async <T>(
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> => void (await mapInParallel(items, defaultMaxParallel, work));
