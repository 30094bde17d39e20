/** Appends to the audit chain. Two writers never fork it: each path is created once. */
import * as z from "zod/mini";
import type { RecordStore } from "../storage/record-store.ts";
import { etagOf, readRecord, readValue, writeRecord } from "../storage/typed-record.ts";
import {
  auditRecord,
  beforeFirst,
  sealRecord,
  successorPath,
  type AuditBody,
  type AuditHead,
  type AuditRecord,
} from "./chain.ts";

/** `readKey` returns the key that seals new records. */
interface AuditDeps {
  readonly store: RecordStore;
  readonly readKey: () => Promise<string>;
}

/** A hint at the end of the chain. When it is lost or stale, finding the end costs more reads. */
const hintPath = "state/audit/head.json";
const hintRecord = z.object({
  path: z.string().check(z.regex(/^audit\/\d{4}-\d{2}-\d{2}\/\d{12}\.json$/)),
});

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
        await saveHint(store, record, path);
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
export function headAt(before: AuditHead, value: unknown): AuditHead {
  const record = auditRecord.safeParse(value).data;
  return record ?? { seq: before.seq + 1, at: before.at, hash: "unreadable" };
}

/** The hint is written with every 32nd record: from the hint to the end are at most 31 reads. */
const recordsPerHint = 32;

async function saveHint(store: RecordStore, { seq }: AuditRecord, path: string): Promise<void> {
  if (seq % recordsPerHint !== 0) return;
  const existing = await readRecord(store, hintPath, hintRecord);
  await writeRecord(store, hintPath, { path }, etagOf(existing));
}

/**
 * Returns where to start looking for the end of the chain: the record that the hint names, or the
 * beginning.
 */
async function findHead(store: RecordStore): Promise<AuditHead> {
  const hint = await readValue(store, hintPath, hintRecord);
  return (hint && (await readValue(store, hint.path, auditRecord))) ?? beforeFirst;
}

/** The end of the chain: its last record, the path of it and the fingerprint of its key. */
export interface ChainEnd {
  readonly head: AuditHead;
  readonly path: string;
  readonly key: string;
}

/** Follows the chain to its end from a record. */
export async function followChain(
  store: RecordStore,
  start: AuditHead & Omit<ChainEnd, "head">,
): Promise<ChainEnd> {
  let end: ChainEnd = { head: start, path: start.path, key: start.key };
  for (;;) {
    const path = successorPath(end.head);
    const read = await store.read(path);
    if (read.kind === "absent") return end;
    const value = read.kind === "found" ? read.value : undefined;
    const key = auditRecord.safeParse(value).data?.key ?? "";
    end = { head: headAt(end.head, value), path, key };
  }
}
