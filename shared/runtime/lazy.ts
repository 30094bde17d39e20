/**
 * Creates a value at its first use and keeps it. A failure is not kept, so that a corrected setting
 * needs no restart.
 */
export function lazy<T>(create: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => {
    value ??= create().catch((error: unknown) => {
      value = undefined;
      throw error;
    });
    return value;
  };
}
