export interface BodyHandlers {
  /** Returns the error to throw in place of a failure of the body. */
  readonly toError: (error: unknown) => Promise<unknown>;
  /** Called when the body ends, fails or is abandoned by its reader. May be called twice. */
  readonly onEnd?: () => void;
}

/**
 * Returns the same body with its errors mapped. Not a generator: the cost of one step of a
 * generator exceeds the cost of one chunk of a large body.
 */
export function mapBodyErrors(
  body: AsyncIterable<Uint8Array>,
  { toError, onEnd }: BodyHandlers,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      const chunks = body[Symbol.asyncIterator]();
      const checkStep = (step: IteratorResult<Uint8Array>) => {
        if (step.done) onEnd?.();
        return step;
      };
      const throwMapped = async (error: unknown): Promise<never> => {
        onEnd?.();
        throw await toError(error);
      };
      return {
        next: () => chunks.next().then(checkStep, throwMapped),
        return: async () => {
          onEnd?.();
          await chunks.return?.();
          return { value: undefined, done: true };
        },
      };
    },
  };
}
