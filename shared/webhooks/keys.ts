/**
 * What the secret `webhook-<source>` holds: one key, or a JSON list of them for the time of a rotation, each with an end.
 * Every key whose time has not run out is tried.
 */
import * as z from "zod/mini";
import type { ProofName } from "./policies.ts";

/** A key as bytes: of an HMAC, or the SHA-256 of a bearer token. */
export type Key = Uint8Array;

export type ReadKeys =
  | { readonly kind: "keys"; readonly keys: readonly Key[] }
  /** What the secret should hold instead; never what it holds. */
  | { readonly kind: "fault"; readonly want: string };

const mostKeys = 8;
const keyList = z
  .array(
    z.strictObject({
      kid: z.optional(z.string()),
      key: z.string(),
      notAfter: z.optional(z.iso.datetime({ offset: true })),
    }),
  )
  .check(z.minLength(1), z.maxLength(mostKeys));

type KeyedProof = Extract<ProofName, "standard" | "body-hmac" | "bearer">;

const wants: Readonly<Record<KeyedProof, string>> = {
  standard: "whsec_ and base64 of 24 to 64 bytes",
  "body-hmac": "a text of 16 characters or more",
  bearer: "sha256: and the SHA-256 of the token, 64 hexadecimal digits",
};

/** @param nowMs - keys whose `notAfter` has passed are left out */
export function readKeys(secret: string, proof: KeyedProof, nowMs: number): ReadKeys {
  const listed = secret.trimStart().startsWith("[") ? readList(secret) : [{ key: secret.trim() }];
  const fault: ReadKeys = {
    kind: "fault",
    want: `${wants[proof]}; or [{"kid","key","notAfter"}], at most ${mostKeys}`,
  };
  if (!listed) return fault;
  const keys: Key[] = [];
  for (const { key, notAfter } of listed) {
    const bytes = keyBytes[proof](key);
    if (!bytes) return fault;
    if (notAfter === undefined || Date.parse(notAfter) > nowMs) keys.push(bytes);
  }
  return keys.length > 0 ? { kind: "keys", keys } : { kind: "fault", want: "a key whose notAfter has not passed" };
}

function readList(secret: string): { readonly key: string; readonly notAfter?: string | undefined }[] | undefined {
  try {
    return keyList.safeParse(JSON.parse(secret)).data;
  } catch {
    return undefined;
  }
}

const keyBytes: Readonly<Record<KeyedProof, (text: string) => Key | undefined>> = {
  standard: (text) => {
    const packed = text.replace(/^whsec_/, "");
    const bytes = /^[A-Za-z0-9+/]+={0,2}$/.test(packed) ? Buffer.from(packed, "base64") : undefined;
    return bytes && bytes.length >= 24 && bytes.length <= 64 ? bytes : undefined;
  },
  "body-hmac": (text) => (text.length >= 16 ? Buffer.from(text, "utf8") : undefined),
  bearer: (text) => {
    const digits = /^sha256:([0-9a-f]{64})$/i.exec(text)?.[1];
    return digits === undefined ? undefined : Buffer.from(digits, "hex");
  },
};
