/** What stands around the pieces of a body. */
export interface BodyHandlers {
  /** What is thrown in the place of a failure of the body. */
  readonly toError: (error: unknown) => Promise<unknown>;
  /** Called when nothing more is read: at the end, after a failure, or when the reader leaves. May come twice. */
  readonly onEnd?: () => void;
}

/**
 * A body with the same pieces, whose failure is told in other words. Not a generator: around every piece of a large
 * body, that costs more than the piece.
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
