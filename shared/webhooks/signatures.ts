/** The arithmetic of proofs: HMACs and digests, compared in constant time. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Key } from "./keys.ts";

/** Every key against every candidate, without stopping at the first that fits; all have the length of a SHA-256. */
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

/** HMAC-SHA-256 over the parts as if they were one. */
export function computeHmac(key: Key, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const mac = createHmac("sha256", key.object);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
