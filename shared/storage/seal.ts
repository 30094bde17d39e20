/** Seals of records and messages: HMACs over canonical JSON. */
import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Returns the seal of a value: an HMAC over all its members, also unknown ones, in canonical order.
 */
export const sealContent = (unsealed: object, key: string): string =>
  createHmac("sha256", key).update(toCanonicalJson(unsealed)).digest("hex");

/** Returns JSON with the keys of every object in order, so that equal content has equal bytes. */
function toCanonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toCanonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${toCanonicalJson(inner)}`).join(",")}}`;
}

/** Compares two digests in constant time. */
export function isSameDigest(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
