/**
 * The records of the audit log. Each is created once and sealed over its predecessor with a key
 * from Key Vault, so that write access to the store alone does not suffice to forge, change, remove
 * or swap a record undetected.
 */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { isSameDigest, sealContent } from "../storage/seal.ts";

/** The content of a record. The module that writes it decides its shape. */
export type AuditBody = Readonly<Record<string, unknown>>;

/**
 * One record as stored. `at` is the store's clock, ISO 8601; `key` the fingerprint of the key that
 * sealed it.
 */
export const auditRecord = z.looseObject({
  version: z.literal(1),
  seq: z.number().check(z.int(), z.gte(0)),
  at: z.iso.datetime(),
  body: z.record(z.string(), z.unknown()),
  prevHash: z.string(),
  key: z.string(),
  hash: z.string(),
});
export type AuditRecord = z.infer<typeof auditRecord>;

/** The end of the chain, from which the next record's place and seal follow. */
export interface AuditHead {
  readonly seq: number;
  readonly at: string;
  readonly hash: string;
}

/**
 * The head before the first record. Its date is constant, so that two first writers meet on one
 * path.
 */
export const beforeFirst: AuditHead = { seq: -1, at: "1970-01-01T00:00:00.000Z", hash: "" };

const seqDigits = 12;

/**
 * Returns the path of the record after `head`. The folder is the day of the predecessor, not of the
 * writer's clock, so two writers at midnight meet on one path and one of them loses.
 */
export const successorPath = (head: AuditHead): string =>
  `audit/${head.at.slice(0, 10)}/${String(head.seq + 1).padStart(seqDigits, "0")}.json`;

/**
 * Returns a key's fingerprint. It distinguishes keys after a rotation and reveals nothing of them.
 */
export const keyFingerprint = (key: string): string =>
  createHash("sha256").update(`huntline audit key ${key}`).digest("hex").slice(0, 12);

/** Returns the sealed record after `head`. */
export function sealRecord(head: AuditHead, body: AuditBody, at: string, key: string): AuditRecord {
  const unsealed = {
    version: 1 as const,
    seq: head.seq + 1,
    at,
    body: toPlainJson(body),
    prevHash: head.hash,
    key: keyFingerprint(key),
  };
  return { ...unsealed, hash: sealContent(unsealed, key) };
}

/** Returns the body as JSON keeps it: the seal must match the record that is read back. */
const toPlainJson = (body: AuditBody): Record<string, unknown> =>
  JSON.parse(JSON.stringify(body)) as Record<string, unknown>;

/** Why a record is invalid. */
export type Flaw =
  | "unreadable"
  | "out of order"
  | "wrong predecessor"
  | "unknown key"
  | "broken seal"
  | "wrong place";

/** Verifies one record against its predecessor; returns `undefined` when it is valid. */
export function findFlaw(
  head: AuditHead,
  path: string,
  value: unknown,
  keys: ReadonlyMap<string, string>,
): Flaw | undefined {
  const record = auditRecord.safeParse(value).data;
  if (!record) return "unreadable";
  if (record.seq !== head.seq + 1) return "out of order";
  if (path !== successorPath(head)) return "wrong place";
  if (record.prevHash !== head.hash) return "wrong predecessor";
  const key = keys.get(record.key);
  if (key === undefined) return "unknown key";
  const { hash, ...unsealed } = record;
  return isSameDigest(hash, sealContent(unsealed, key)) ? undefined : "broken seal";
}
