/**
 * Appends to the audit chain and verifies it. Two writers never fork it: each path is created once.
 */
import * as z from "zod/mini";
import type { RecordStore } from "../storage/record-store.ts";
import { etagOf, readRecord, readValue, writeRecord } from "../storage/typed-record.ts";
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

/** `readKey` returns the key that seals new records. */
interface AuditDeps {
  readonly store: RecordStore;
  readonly readKey: () => Promise<string>;
}

/** A hint at the end of the chain. When it is lost or stale, finding the end costs more reads. */
const hintPath = "state/audit/head.json";
const headRecord = z.object({ seq: z.number(), at: z.string(), hash: z.string() });

/** Returns a function that appends one record, durable before it resolves. */
export function createAuditLog(deps: AuditDeps): (body: AuditBody) => Promise<void> {
  let head: AuditHead | undefined;
  let last: Promise<void> = Promise.resolve();
  const appendRecord = async (body: AuditBody): Promise<void> => {
    head = await appendAfter(deps, head ?? (await findHead(deps.store)), body);
  };
  // One append at a time per process: concurrent appends would only lose to each other.
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

/**
 * Returns the head after a record. An invalid record keeps its place: the chain continues,
 * verification names it.
 */
function headAt(before: AuditHead, value: unknown): AuditHead {
  const record = auditRecord.safeParse(value).data;
  return record ?? { seq: before.seq + 1, at: before.at, hash: "unreadable" };
}

/** The hint is written with every 32nd record: from the hint to the end are at most 31 reads. */
const recordsPerHint = 32;

async function saveHint(store: RecordStore, { seq, at, hash }: AuditRecord): Promise<void> {
  if (seq % recordsPerHint !== 0) return;
  const existing = await readRecord(store, hintPath, headRecord);
  await writeRecord(store, hintPath, { seq, at, hash }, etagOf(existing));
}

/** Returns where to start looking for the end of the chain: the hint, or the beginning. */
async function findHead(store: RecordStore): Promise<AuditHead> {
  return (await readValue(store, hintPath, headRecord)) ?? beforeFirst;
}

/** The result of a verification: the number of valid records, and the first invalid one. */
interface Verification {
  readonly validCount: number;
  readonly head: AuditHead;
  readonly firstBad?: {
    readonly index: number;
    readonly path: string;
    readonly flaw: Flaw | "missing" | "cut off after the anchor";
  };
}

/**
 * Verifies every record in order, and that the chain reaches its anchor.
 *
 * @param keys - the current key and former ones
 * @param anchorSeq - the sequence number of the anchor, if there is one
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

/** Stores the end of the chain outside of it, so that a cut tail is detected. */
export async function anchorAudit(store: RecordStore): Promise<AuditHead> {
  let head = await findHead(store);
  for (;;) {
    const read = await store.read(successorPath(head));
    if (read.kind === "absent") break;
    head = headAt(head, read.kind === "found" ? read.value : undefined);
  }
  if (head.seq < 0) return head;
  const existing = await readRecord(store, anchorPath, headRecord);
  const { seq, at, hash } = head;
  await writeRecord(store, anchorPath, { seq, at, hash }, etagOf(existing));
  return head;
}

/** Reads the sequence number of the anchor. */
export async function readAnchorSeq(store: RecordStore): Promise<number | undefined> {
  return (await readValue(store, anchorPath, headRecord))?.seq;
}
