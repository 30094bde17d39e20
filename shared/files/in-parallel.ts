/**
 * Runs `work` over items, at most `maxParallel` at a time, in their order.
 *
 * @returns one outcome an item, in the order of the items; the first throw stops the taking of new ones
 */
export async function mapInParallel<T, R>(
  items: readonly T[],
  maxParallel: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const outcomes: R[] = [];
  const entries = items.entries();
  const runWorker = async (): Promise<void> => {
    for (const [index, item] of entries) outcomes[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(maxParallel, items.length) }, runWorker));
  return outcomes;
}
