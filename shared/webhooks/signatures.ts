/** HMACs and digests, compared in constant time. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Key } from "./keys.ts";

/**
 * Tells whether any candidate equals any expected digest. Compares all pairs, so the time reveals
 * nothing.
 */
export function hasMatch(
  expected: readonly Uint8Array[],
  candidates: readonly Uint8Array[],
): boolean {
  let matches = 0;
  for (const one of expected)
    for (const other of candidates)
      matches += one.length === other.length && timingSafeEqual(one, other) ? 1 : 0;
  return matches > 0;
}

export const sha256 = (bytes: Uint8Array | string): Buffer =>
  createHash("sha256").update(bytes).digest();

/** Computes the HMAC-SHA-256 over the concatenated parts. */
export function computeHmac(key: Key, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const mac = createHmac("sha256", key.object);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
