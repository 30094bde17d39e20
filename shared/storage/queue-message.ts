/**
 * The one reader of queue messages. The worker hands over what it could parse as JSON, otherwise the text; writers
 * send JSON or base64 of it. Only an object is a message: ids of digits would arrive as numbers (`603e40…` even as
 * Infinity), so bare values are refused.
 */

export type ReadMessage =
  | { readonly kind: "object"; readonly value: Readonly<Record<string, unknown>> }
  | { readonly kind: "broken"; readonly reason: "encoding" | "notAnObject"; readonly text: string };

/** Reads what the queue trigger handed to a door. */
export function readQueueMessage(raw: unknown): ReadMessage {
  const value = typeof raw === "string" ? parseText(raw) : raw;
  if (isObject(value)) return { kind: "object", value };
  const text = typeof raw === "string" ? raw : JSON.stringify(raw);
  return {
    kind: "broken",
    reason: typeof raw === "string" && value === undefined ? "encoding" : "notAnObject",
    text,
  };
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
