/**
 * JSON pointers (RFC 6901) with one addition: the step `*` matches every element of an array or
 * member of an object.
 */

/**
 * Tells whether a text is a pointer: empty, or steps that begin with a slash, with `~` only as `~0`
 * and `~1`.
 */
export const isPointer = (text: string): boolean => /^(?:\/(?:[^~/]|~[01])*)*$/.test(text);

const stepsOf = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));

/** Returns all values at a pointer, in document order; none when a step is missing. */
export function valuesAt(value: unknown, pointer: string): unknown[] {
  return stepsOf(pointer).reduce<unknown[]>(
    (values, step) => values.flatMap((each) => readStep(each, step)),
    [value],
  );
}

function readStep(value: unknown, step: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if (step === "*") return Object.values(value) as unknown[];
  if (Array.isArray(value) && !/^(?:0|[1-9]\d*)$/.test(step)) return [];
  return Object.hasOwn(value, step) ? [(value as Readonly<Record<string, unknown>>)[step]] : [];
}

/** Returns the texts, numbers and booleans at a pointer, as text; the elements of a list count. */
export const textsAt = (value: unknown, pointer: string): string[] =>
  valuesAt(value, pointer)
    .flatMap((each) => (Array.isArray(each) ? (each as unknown[]) : [each]))
    .flatMap((each) =>
      typeof each === "string"
        ? [each.trim()]
        : typeof each === "number" || typeof each === "boolean"
          ? [String(each)]
          : [],
    )
    .filter((text) => text !== "");
