/** What stands around the pieces of a body. */
export interface Teller {
  /** What is thrown in the place of a failure of the body. */
  readonly failed: (error: unknown) => Promise<unknown>;
  /** Called when nothing more is read: at the end, after a failure, or when the reader leaves. May come twice. */
  readonly over?: () => void;
}

/**
 * A body with the same pieces, whose failure is told in other words. Not a generator: around every piece of a large
 * body, that costs more than the piece.
 */
export function retold(
  body: AsyncIterable<Uint8Array>,
  { failed, over }: Teller,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      const pieces = body[Symbol.asyncIterator]();
      const seen = (step: IteratorResult<Uint8Array>) => {
        if (step.done) over?.();
        return step;
      };
      const fail = async (error: unknown): Promise<never> => {
        over?.();
        throw await failed(error);
      };
      return {
        next: () => pieces.next().then(seen, fail),
        return: async () => {
          over?.();
          await pieces.return?.();
          return { value: undefined, done: true };
        },
      };
    },
  };
}
