/** What a storage queue message becomes on its way into a function. */
import type { TypedData } from "./protocol.ts";

/** A message as it came from the queue. */
export interface RawMessage {
  readonly messageId: string;
  readonly popReceipt: string;
  readonly messageText: string;
  readonly dequeueCount: number;
  readonly insertedOn: Date;
  readonly expiresOn: Date;
  readonly nextVisibleOn: Date;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Returns the message's text under host.json's `messageEncoding`; `undefined` when it must be
 * Base64 and is not.
 */
export function decodeMessage(text: string, encoding: "base64" | "none"): string | undefined {
  if (encoding === "none") return text;
  const compact = text.replaceAll(/[ \t\r\n]/g, "");
  return base64.test(compact) ? Buffer.from(compact, "base64").toString("utf8") : undefined;
}

export const encodeMessage = (content: string | Uint8Array, encoding: "base64" | "none"): string =>
  Buffer.from(content).toString(encoding === "base64" ? "base64" : "utf8");

/**
 * The binding data of a message. Top-level properties of a JSON message replace what has their
 * name, in any case: never trust `id` or `dequeueCount` of a message that others can write.
 */
export function createBindingData(message: RawMessage, text: string): Record<string, TypedData> {
  const entries = new Map<string, { name: string; data: TypedData }>();
  const setEntry = (name: string, data: TypedData): void => {
    const existing = entries.get(name.toLowerCase());
    entries.set(name.toLowerCase(), { name: existing?.name ?? name, data });
  };
  setEntry("QueueTrigger", { string: text });
  setEntry("DequeueCount", { json: String(message.dequeueCount) });
  setEntry("ExpirationTime", toInstant(message.expiresOn));
  setEntry("Id", { string: message.messageId });
  setEntry("InsertionTime", toInstant(message.insertedOn));
  setEntry("NextVisibleTime", toInstant(message.nextVisibleOn));
  setEntry("PopReceipt", { string: message.popReceipt });
  for (const [name, value] of readProperties(text)) setEntry(name, value);
  return Object.fromEntries([...entries.values()].map(({ name, data }) => [name, data]));
}

const toInstant = (date: Date): TypedData => ({
  json: JSON.stringify(date.toISOString().replace("Z", "+00:00")),
});

function readProperties(text: string): [string, TypedData][] {
  try {
    const parsed = JSON.parse(text) as unknown;
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return [];
    return Object.entries(parsed)
      .filter(([, value]) => !Array.isArray(value))
      .map(([name, value]: [string, unknown]) => [name, toTypedData(value)]);
  } catch {
    return [];
  }
}

/** Scalars become the text .NET gives them; objects stay. */
function toTypedData(value: unknown): TypedData {
  if (typeof value === "object" && value !== null) return { json: JSON.stringify(value) };
  if (typeof value === "boolean") return { string: value ? "True" : "False" };
  return { string: value === null ? "" : `${value as string | number}` };
}
