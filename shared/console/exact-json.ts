/** Parses JSON without losing digits: integers beyond 2^53 become text. */

interface ReviverContext {
  readonly source?: string;
}

type Reviver = (key: string, value: unknown, context?: ReviverContext) => unknown;

const keepDigits: Reviver = (_, value, context) =>
  typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
    ? (context?.source ?? value)
    : value;

/** Parses JSON. @throws SyntaxError */
export const parseExactJson = (text: string): unknown => JSON.parse(text, keepDigits as never);
