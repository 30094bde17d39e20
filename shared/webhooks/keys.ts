/**
 * Reads the keys in the secret `webhook-<source>`: one key, or during a rotation a JSON list of
 * keys, each with an expiry. Every key that has not expired is tried.
 */
import { createSecretKey, type KeyObject } from "node:crypto";
import * as z from "zod/mini";
import type { AuthMethod } from "./policies.ts";

/**
 * A key. An HMAC is computed five times as fast from a key object; `bytes` is the SHA-256 of a
 * bearer token.
 */
export interface Key {
  readonly object: KeyObject;
  readonly bytes: Uint8Array;
}

type KeysResult =
  | { readonly kind: "keys"; readonly keys: readonly Key[] }
  /** `expected` is what the secret must be, never what it is. */
  | { readonly kind: "invalid"; readonly expected: string };

const maxKeys = 8;
const keyList = z
  .array(
    z.strictObject({
      kid: z.optional(z.string()),
      key: z.string(),
      notAfter: z.optional(z.iso.datetime({ offset: true })),
    }),
  )
  .check(z.minLength(1), z.maxLength(maxKeys));

type KeyedAuth = Extract<AuthMethod, "standard" | "bodyHmac" | "bearer">;

const expectedForms: Readonly<Record<KeyedAuth, string>> = {
  standard: "whsec_ followed by base64 of 24 to 64 bytes",
  bodyHmac: "text of at least 16 characters",
  bearer: "sha256: followed by the SHA-256 of the token, 64 hexadecimal digits",
};

/** Returns the keys of a secret that have not expired at `nowMs`. */
export type KeyReader = (secret: string, auth: KeyedAuth, nowMs: number) => KeysResult;

interface DatedKey {
  readonly key: Key;
  readonly endMs: number;
}

const maxCached = 100;

/** Creates a reader that parses each secret once: every request needs its source's secret. */
export function createKeyReader(): KeyReader {
  const cache = new Map<string, readonly DatedKey[] | undefined>();
  return (secret, auth, nowMs) => {
    const cacheKey = `${auth} ${secret}`;
    if (cache.size >= maxCached && !cache.has(cacheKey)) cache.clear();
    if (!cache.has(cacheKey)) cache.set(cacheKey, parseKeys(secret, auth));
    const datedKeys = cache.get(cacheKey);
    if (!datedKeys)
      return {
        kind: "invalid",
        expected: `${expectedForms[auth]}, or a JSON list of at most ${maxKeys} {"kid","key","notAfter"}`,
      };
    const keys = datedKeys.filter(({ endMs }) => endMs > nowMs).map(({ key }) => key);
    return keys.length > 0
      ? { kind: "keys", keys }
      : { kind: "invalid", expected: "a key whose notAfter is in the future" };
  };
}

function parseKeys(secret: string, auth: KeyedAuth): DatedKey[] | undefined {
  const entries = secret.trimStart().startsWith("[")
    ? parseKeyList(secret)
    : [{ key: secret.trim() }];
  const datedKeys = entries?.flatMap(({ key, notAfter }): DatedKey[] => {
    const bytes = keyBytes[auth](key);
    const endMs = notAfter === undefined ? Number.POSITIVE_INFINITY : Date.parse(notAfter);
    return bytes ? [{ key: { bytes, object: createSecretKey(bytes) }, endMs }] : [];
  });
  return datedKeys?.length === entries?.length ? datedKeys : undefined;
}

function parseKeyList(
  secret: string,
): { readonly key: string; readonly notAfter?: string | undefined }[] | undefined {
  try {
    return keyList.safeParse(JSON.parse(secret)).data;
  } catch {
    return undefined;
  }
}

const keyBytes: Readonly<Record<KeyedAuth, (text: string) => Uint8Array | undefined>> = {
  standard: (text) => {
    const packed = text.replace(/^whsec_/, "");
    const bytes = /^[A-Za-z0-9+/]+={0,2}$/.test(packed) ? Buffer.from(packed, "base64") : undefined;
    return bytes && bytes.length >= 24 && bytes.length <= 64 ? bytes : undefined;
  },
  bodyHmac: (text) => (text.length >= 16 ? Buffer.from(text, "utf8") : undefined),
  bearer: (text) => {
    const digits = /^sha256:([0-9a-f]{64})$/i.exec(text)?.[1];
    return digits === undefined ? undefined : Buffer.from(digits, "hex");
  },
};
