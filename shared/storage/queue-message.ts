/**
 * Reads queue messages. The worker passes parsed JSON, or the text when it is not JSON; writers
 * send JSON, or base64 of it. Only objects are accepted: an id of digits would arrive as a number
 * (`603e40…` even as Infinity).
 */

export type ReadMessage =
  | { readonly kind: "object"; readonly value: Readonly<Record<string, unknown>> }
  | {
      readonly kind: "broken";
      readonly reason: "encoding" | "notAnObject" | "tooDeep";
      readonly text: string;
    };

/** Reads the value that a queue trigger passes to its function. */
export function readQueueMessage(raw: unknown): ReadMessage {
  const value = typeof raw === "string" ? parseText(raw) : raw;
  if (isTooDeep(value)) {
    const text = typeof raw === "string" ? raw : `An object of more than ${maxDepth} levels.`;
    return { kind: "broken", reason: "tooDeep", text };
  }
  if (isObject(value)) return { kind: "object", value };
  const text = typeof raw === "string" ? raw : JSON.stringify(raw);
  return {
    kind: "broken",
    reason: typeof raw === "string" && value === undefined ? "encoding" : "notAnObject",
    text,
  };
}

/** No message of the app has more than a few levels. */
const maxDepth = 64;

/** Counts levels without recursion: functions that recurse would end at some thousands. */
function isTooDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth <= maxDepth; depth += 1) {
    level = level.flatMap((each): unknown[] =>
      typeof each === "object" && each !== null ? Object.values(each) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** JSON text, or base64 of JSON text; `undefined` when it is neither. */
function parseText(text: string): unknown {
  const plain = parseJson(text);
  if (plain !== undefined) return plain;
  const encoded = text.trim();
  return base64.test(encoded)
    ? parseJson(Buffer.from(encoded, "base64").toString("utf8"))
    : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
