/**
 * What the secret `webhook-<source>` holds: one key, or a JSON list of them for the time of a rotation, each with an end.
 * Every key whose time has not run out is tried.
 */
import { createSecretKey, type KeyObject } from "node:crypto";
import * as z from "zod/mini";
import type { ProofName } from "./policies.ts";

/** A key: for HMACs, which are made five times as fast with a key object, and as bytes: the SHA-256 of a bearer token. */
export interface Key {
  readonly object: KeyObject;
  readonly bytes: Uint8Array;
}

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

/** The keys that a secret holds, without those whose `notAfter` has passed at `nowMs`. */
export type ReadKeyring = (secret: string, proof: KeyedProof, nowMs: number) => ReadKeys;

interface Dated {
  readonly key: Key;
  readonly endMs: number;
}

const mostKept = 100;

/** Reads secrets, each text once: a secret is asked for at every request. */
export function openKeyring(): ReadKeyring {
  const kept = new Map<string, readonly Dated[] | undefined>();
  return (secret, proof, nowMs) => {
    const name = `${proof} ${secret}`;
    if (kept.size >= mostKept && !kept.has(name)) kept.clear();
    if (!kept.has(name)) kept.set(name, datedKeys(secret, proof));
    const dated = kept.get(name);
    if (!dated)
      return {
        kind: "fault",
        want: `${wants[proof]}; or [{"kid","key","notAfter"}], at most ${mostKeys}`,
      };
    const keys = dated.filter(({ endMs }) => endMs > nowMs).map(({ key }) => key);
    return keys.length > 0
      ? { kind: "keys", keys }
      : { kind: "fault", want: "a key whose notAfter has not passed" };
  };
}

function datedKeys(secret: string, proof: KeyedProof): Dated[] | undefined {
  const listed = secret.trimStart().startsWith("[") ? readList(secret) : [{ key: secret.trim() }];
  const dated = listed?.flatMap(({ key, notAfter }): Dated[] => {
    const bytes = keyBytes[proof](key);
    const endMs = notAfter === undefined ? Number.POSITIVE_INFINITY : Date.parse(notAfter);
    return bytes ? [{ key: { bytes, object: createSecretKey(bytes) }, endMs }] : [];
  });
  return dated?.length === listed?.length ? dated : undefined;
}

function readList(
  secret: string,
): { readonly key: string; readonly notAfter?: string | undefined }[] | undefined {
  try {
    return keyList.safeParse(JSON.parse(secret)).data;
  } catch {
    return undefined;
  }
}

const keyBytes: Readonly<Record<KeyedProof, (text: string) => Uint8Array | undefined>> = {
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
