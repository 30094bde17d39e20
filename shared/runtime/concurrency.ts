/** How many records are read or written at once: storage answers in milliseconds, a hundred alerts in a few of them. */
const maxConcurrency = 16;

/** Runs `work` over all items, at most 16 at once. After a failure no new item is begun; the first failure is thrown. */
export async function forEachInParallel<T>(
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  let isStopped = false;
  const runLane = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      if (isStopped) return;
      await work(next.value);
    }
  };
  const runGuardedLane = (): Promise<void> =>
    runLane().catch((error: unknown) => {
      isStopped = true;
      throw error;
    });
  await Promise.all(Array.from({ length: maxConcurrency }, runGuardedLane));
}
