/** Senders of webhooks: each way of signing, as the sender's own product does it. */
import { createHash, createHmac, randomBytes } from "node:crypto";

export type SentHeaders = Readonly<Record<string, string>>;

const json = { "content-type": "application/json" } as const;

/** A key as Standard Webhooks writes it. */
export const standardKey = (bytes = 32): string => `whsec_${randomBytes(bytes).toString("base64")}`;

/** One signature of Standard Webhooks: `v1,…`. */
export const standardSignature = (
  key: string,
  id: string,
  timestampS: number,
  body: string,
): string =>
  `v1,${createHmac("sha256", Buffer.from(key.replace(/^whsec_/, ""), "base64"))
    .update(`${id}.${timestampS}.${body}`)
    .digest("base64")}`;

/** @param timestampS - now when absent */
export const standardHeaders = (
  key: string,
  body: string,
  id = `msg_${randomBytes(12).toString("hex")}`,
  timestampS = Math.floor(Date.now() / 1_000),
): SentHeaders => ({
  ...json,
  "webhook-id": id,
  "webhook-timestamp": String(timestampS),
  "webhook-signature": standardSignature(key, id, timestampS, body),
});

export const bodyHeaders = (key: string, body: string, delivery?: string): SentHeaders => ({
  ...json,
  "x-hub-signature-256": `sha256=${createHmac("sha256", key).update(body).digest("hex")}`,
  ...(delivery === undefined ? {} : { "x-github-delivery": delivery }),
});

export const bearerHeaders = (token: string): SentHeaders => ({
  ...json,
  authorization: `Bearer ${token}`,
});

/** What the vault keeps of a bearer token. */
export const tokenHash = (token: string): string =>
  `sha256:${createHash("sha256").update(token).digest("hex")}`;
