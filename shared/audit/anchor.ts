/**
 * The anchor: the end of the chain, stored and logged outside of it, so that a cut tail is
 * detected. It is sealed with the audit key and never moves back.
 */
import * as z from "zod/mini";
import type { RecordStore } from "../storage/record-store.ts";
import {
  etagOf,
  readRecord,
  readValue,
  writeRecord,
  type TypedRecord,
} from "../storage/typed-record.ts";
import { createAuditLog, followChain, type ChainEnd } from "./audit-log.ts";
import { auditRecord, beforeFirst, keyFingerprint, type AuditRecord } from "./chain.ts";
import { isSameDigest, sealContent } from "../storage/seal.ts";

const anchorPath = "state/audit/anchor.json";

/** `path` is that of the anchored record, `key` the fingerprint of the key of `seal`. */
const anchorRecord = z.looseObject({
  version: z.literal(1),
  seq: z.number().check(z.int(), z.gte(0)),
  at: z.iso.datetime(),
  hash: z.string(),
  path: z.string().check(z.regex(/^audit\/\d{4}-\d{2}-\d{2}\/\d{12}\.json$/)),
  key: z.string(),
  seal: z.string(),
});
export type AuditAnchor = z.infer<typeof anchorRecord>;

/**
 * The result of anchoring. `gap`: the chain does not reach the former anchor, which therefore
 * stays.
 */
export type AnchorResult =
  | { readonly kind: "empty" }
  | { readonly kind: "anchored"; readonly anchor: AuditAnchor }
  | { readonly kind: "gap"; readonly seq: number; readonly cause: string };

interface AnchorDeps {
  readonly store: RecordStore;
  readonly readKey: () => Promise<string>;
}

/** Reads the anchor. */
export const readAnchor = (store: Pick<RecordStore, "read">): Promise<TypedRecord<AuditAnchor>> =>
  readRecord(store, anchorPath, anchorRecord);

/**
 * Moves the anchor to the end of the chain. A chain that lost or changed the anchored record is
 * reported instead.
 */
export async function anchorAudit(deps: AnchorDeps): Promise<AnchorResult> {
  const { store, readKey } = deps;
  const key = await readKey();
  const former = await readAnchor(store);
  if (former.kind === "invalid") return toGap(undefined, "the anchor is invalid");
  if (former.kind === "found") {
    const cause = await findAnchorFault(store, former.value, key);
    if (cause !== undefined) return toGap(former.value, cause);
  }
  const end =
    former.kind === "found" ? await followChain(store, former.value) : await startAnchoring(deps);
  if (end === "anchored before") return toGap(undefined, "the anchor is missing");
  if (end === "empty") return { kind: "empty" };
  const { head, path } = await sealWithKey(deps, end, key);
  const { seq, at, hash } = head;
  const unsealed = { version: 1 as const, seq, at, hash, path, key: keyFingerprint(key) };
  const anchor: AuditAnchor = { ...unsealed, seal: sealContent(unsealed, key) };
  await writeRecord(store, anchorPath, anchor, etagOf(former));
  return { kind: "anchored", anchor };
}

/** The record that starts anchoring. After it, a missing anchor was removed. */
export const isAnchorStart = (record: Pick<AuditRecord, "body"> | undefined): boolean =>
  record?.body["kind"] === "anchorStart";

/** Appends the record that starts anchoring, unless the chain is empty or has one. */
async function startAnchoring(deps: AnchorDeps): Promise<ChainEnd | "empty" | "anchored before"> {
  let isEmpty = true;
  for await (const { path } of deps.store.list("audit/")) {
    isEmpty = false;
    const record = await readValue(deps.store, path, auditRecord);
    if (isAnchorStart(record)) return "anchored before";
  }
  if (isEmpty) return "empty";
  await createAuditLog(deps)({ kind: "anchorStart" });
  return followChain(deps.store, { ...beforeFirst, path: "", key: "" });
}

/**
 * Appends a record where the last one has another key, so that a former key expires soon after a
 * rotation even when nothing else is audited, and an anchor always has the key of its record.
 */
async function sealWithKey(deps: AnchorDeps, end: ChainEnd, key: string): Promise<ChainEnd> {
  if (end.key === keyFingerprint(key)) return end;
  await createAuditLog(deps)({ kind: "keyChange" });
  return followChain(deps.store, { ...end, ...end.head });
}

const toGap = (anchor: AuditAnchor | undefined, cause: string): AnchorResult => ({
  kind: "gap",
  seq: anchor?.seq ?? -1,
  cause,
});

/**
 * An anchor under another key is valid only for a record under that key: the key was rotated since.
 */
async function findAnchorFault(
  store: RecordStore,
  anchor: AuditAnchor,
  key: string,
): Promise<string | undefined> {
  const read = await readRecord(store, anchor.path, auditRecord);
  if (read.kind !== "found") return "the anchored record is missing";
  if (read.value.seq !== anchor.seq || read.value.hash !== anchor.hash)
    return "the anchored record was changed";
  const isValid =
    anchor.key === keyFingerprint(key)
      ? isAnchorSealed(anchor, key)
      : anchor.key === read.value.key;
  return isValid ? undefined : "the anchor's seal is invalid";
}

/** Tells whether the anchor is sealed with the key. */
export function isAnchorSealed(anchor: AuditAnchor, key: string): boolean {
  const { seal, ...unsealed } = anchor;
  return isSameDigest(seal, sealContent(unsealed, key));
}
