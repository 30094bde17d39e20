/** Appends to the audit chain and reads it back. Two writers never fork it: the next place exists once, and is created once. */
import * as z from "zod/mini";
import type { RecordStore } from "../storage/record-store.ts";
import {
  auditRecord,
  beforeFirst,
  findFlaw,
  keyFingerprint,
  sealRecord,
  successorPath,
  type AuditBody,
  type AuditHead,
  type AuditRecord,
  type Flaw,
} from "./chain.ts";

/** What the log needs of the outside. `readKey` gives the current key, `formerKeys` those before a rotation. */
export interface AuditDeps {
  readonly store: RecordStore;
  readonly readKey: () => Promise<string>;
}

/** A hint where the chain ends; lost or stale it costs a listing, nothing else. */
const hintPath = "state/audit/head.json";
const hint = z.object({ seq: z.number(), at: z.string(), hash: z.string() });

/** Opens the log; what it returns appends one record, durable before it resolves. */
export function createAuditLog(deps: AuditDeps): (body: AuditBody) => Promise<void> {
  let head: AuditHead | undefined;
  let last: Promise<void> = Promise.resolve();
  const appendRecord = async (body: AuditBody): Promise<void> => {
    head = await appendAfter(deps, head ?? (await findHead(deps.store)), body);
  };
  // One at a time within the process: concurrent appends would only lose to each other.
  return (body) => {
    const pending = last.then(() => appendRecord(body));
    last = pending.catch(() => undefined);
    return pending;
  };
}

async function appendAfter(
  { store, readKey }: AuditDeps,
  start: AuditHead,
  body: AuditBody,
): Promise<AuditHead> {
  const sealKey = await readKey();
  let head = start;
  for (;;) {
    const path = successorPath(head);
    const read = await store.read(path);
    if (read.kind === "absent") {
      const record = sealRecord(head, body, new Date(read.serverNowMs).toISOString(), sealKey);
      if ((await store.create(path, record)).kind === "written") {
        await saveHint(store, record);
        return record;
      }
      continue;
    }
    head = headAt(head, read.kind === "found" ? read.value : undefined);
  }
}

/** The head that a record makes. One that cannot be read still takes its place: the chain goes on after it, verification names it. */
function headAt(before: AuditHead, value: unknown): AuditHead {
  const record = auditRecord.safeParse(value).data;
  return record ?? { seq: before.seq + 1, at: before.at, hash: "unreadable" };
}

/** Written every so often only: the way from a hint to the end is a few reads. */
const recordsPerHint = 32;

async function saveHint(store: RecordStore, { seq, at, hash }: AuditRecord): Promise<void> {
  if (seq % recordsPerHint !== 0) return;
  const read = await store.read(hintPath);
  if (read.kind === "absent") await store.create(hintPath, { seq, at, hash });
  else await store.replace(hintPath, { seq, at, hash }, read.etag);
}

/** A place in the chain to begin looking for its end: the hint where it holds, the very beginning otherwise. */
async function findHead(store: RecordStore): Promise<AuditHead> {
  const read = await store.read(hintPath);
  const storedHint = read.kind === "found" ? hint.safeParse(read.value).data : undefined;
  return storedHint ?? beforeFirst;
}

/** What checking the whole log gives: how many records are sound, and the first that is not. */
export interface Verification {
  readonly validCount: number;
  readonly head: AuditHead;
  readonly firstBad?: {
    readonly index: number;
    readonly path: string;
    readonly flaw: Flaw | "missing" | "cut off after the anchor";
  };
}

/**
 * Checks every record in order and, where the tail may have been cut, against the anchor.
 *
 * @param keys - the current key and former ones
 * @param anchorSeq - the last seq that was seen from outside, if any
 */
export async function verifyAudit(
  store: RecordStore,
  keys: readonly string[],
  anchorSeq?: number,
): Promise<Verification> {
  const byFingerprint = new Map(keys.map((key) => [keyFingerprint(key), key]));
  let head: AuditHead = beforeFirst;
  for await (const { path } of store.list("audit/")) {
    const read = await store.read(path);
    const value = read.kind === "found" ? read.value : undefined;
    const flaw = findFlaw(head, path, value, byFingerprint);
    const index = head.seq + 1;
    if (flaw !== undefined)
      return {
        validCount: index,
        head,
        firstBad: { index, path, flaw: path > successorPath(head) ? "missing" : flaw },
      };
    head = headAt(head, value);
  }
  if (anchorSeq !== undefined && anchorSeq > head.seq)
    return {
      validCount: head.seq + 1,
      head,
      firstBad: {
        index: head.seq + 1,
        path: successorPath(head),
        flaw: "cut off after the anchor",
      },
    };
  return { validCount: head.seq + 1, head };
}

const anchorPath = "state/audit/anchor.json";

/** Notes how far the chain reaches, outside of it, so that cutting its tail shows. */
export async function anchorAudit(store: RecordStore): Promise<AuditHead> {
  let head = await findHead(store);
  for (;;) {
    const read = await store.read(successorPath(head));
    if (read.kind === "absent") break;
    head = headAt(head, read.kind === "found" ? read.value : undefined);
  }
  if (head.seq < 0) return head;
  const read = await store.read(anchorPath);
  const { seq, at, hash } = head;
  if (read.kind === "absent") await store.create(anchorPath, { seq, at, hash });
  else await store.replace(anchorPath, { seq, at, hash }, read.etag);
  return head;
}

/** The seq that the last anchor saw. */
export async function readAnchorSeq(store: RecordStore): Promise<number | undefined> {
  const read = await store.read(anchorPath);
  return read.kind === "found" ? hint.safeParse(read.value).data?.seq : undefined;
}
