/** Verifies the whole audit chain against its keys and its anchor. */
import { minuteMs } from "../runtime/time.ts";
import type { RecordStore } from "../storage/record-store.ts";
import type { TypedRecord } from "../storage/typed-record.ts";
import { isAnchorSealed, isAnchorStart, type AuditAnchor } from "./anchor.ts";
import { headAt } from "./audit-log.ts";
import {
  auditRecord,
  beforeFirst,
  findFlaw,
  keyFingerprint,
  successorPath,
  type AuditHead,
  type AuditRecord,
  type Flaw,
} from "./chain.ts";
import { TextVerifier, type TextFlaw } from "./verify-texts.ts";

type ChainFlaw =
  | Flaw
  | TextFlaw
  | "missing"
  | "retired key"
  | "cut off after the anchor"
  | "differs from the anchor"
  | "anchor missing"
  | "anchor forged";

/**
 * The result of a verification: the number of valid records, the number of texts about people that
 * they name, and the first invalid record.
 */
interface Verification {
  readonly validCount: number;
  readonly head: AuditHead;
  readonly texts?: { readonly stored: number; readonly erased: number };
  readonly firstBad?: { readonly index: number; readonly path: string; readonly flaw: ChainFlaw };
}

/**
 * Other instances use a cached key for at most 5 minutes after a rotation; twice that is allowed.
 */
const keyOverlapMs = 10 * minuteMs;

/** What the chain must contain. */
interface Expected {
  /** The anchor as stored. */
  readonly anchor?: TypedRecord<AuditAnchor>;
  /** An anchor from the log, which is out of reach of a writer of the store. */
  readonly logged?: { readonly seq: number; readonly hash: string } | undefined;
}

/**
 * Verifies every record in order, that the chain contains its anchors, and the texts that it names.
 *
 * @param keys - the current key and former ones
 */
export async function verifyAudit(
  store: RecordStore,
  keys: readonly string[],
  { anchor, logged }: Expected = {},
): Promise<Verification> {
  const stored = anchor?.kind === "found" ? anchor.value : undefined;
  const context: Context = {
    keys: new Map(keys.map((key) => [keyFingerprint(key), key])),
    anchors: [logged, stored].filter((each) => each !== undefined),
    retirement: new KeyRetirement(),
  };
  let head: AuditHead = beforeFirst;
  let isAnchored = false;
  const texts = new TextVerifier();
  for await (const { path } of store.list("audit/")) {
    const read = await store.read(path);
    const value = read.kind === "found" ? read.value : undefined;
    const record = auditRecord.safeParse(value).data;
    const flaw = findFlaw(head, path, value, context.keys) ?? findMisplacement(record, context);
    if (flaw !== undefined)
      return toBad(head, { path, flaw: path > successorPath(head) ? "missing" : flaw });
    isAnchored ||= isAnchorStart(record);
    texts.collect(record);
    head = headAt(head, value);
  }
  const flaw = findAnchorFlaw(anchor, isAnchored, context.keys) ?? findCut(head, context);
  if (flaw) return toBad(head, { path: successorPath(head), flaw });
  return { validCount: head.seq + 1, head, ...(await texts.verify(store, keys)) };
}

interface Context {
  readonly keys: ReadonlyMap<string, string>;
  readonly anchors: readonly { readonly seq: number; readonly hash: string }[];
  readonly retirement: KeyRetirement;
}

/** Returns why a correctly sealed record does not belong in its place. */
const findMisplacement = (
  record: AuditRecord | undefined,
  { anchors, retirement }: Context,
): ChainFlaw | undefined =>
  record && (retirement.findFlaw(record) ?? findDifference(record, anchors));

const findCut = (head: AuditHead, { anchors }: Context): ChainFlaw | undefined =>
  anchors.some(({ seq }) => seq > head.seq) ? "cut off after the anchor" : undefined;

const toBad = (
  head: AuditHead,
  bad: { readonly path: string; readonly flaw: ChainFlaw },
): Verification => ({
  validCount: head.seq + 1,
  head,
  firstBad: { index: head.seq + 1, ...bad },
});

const findDifference = (record: AuditRecord, anchors: Context["anchors"]): ChainFlaw | undefined =>
  anchors.some(({ seq, hash }) => seq === record.seq && hash !== record.hash)
    ? "differs from the anchor"
    : undefined;

function findAnchorFlaw(
  anchor: TypedRecord<AuditAnchor> | undefined,
  isAnchored: boolean,
  keys: ReadonlyMap<string, string>,
): ChainFlaw | undefined {
  if (!anchor) return undefined;
  if (anchor.kind === "invalid") return "anchor forged";
  if (anchor.kind === "absent") return isAnchored ? "anchor missing" : undefined;
  const key = keys.get(anchor.value.key);
  return key !== undefined && isAnchorSealed(anchor.value, key) ? undefined : "anchor forged";
}

/**
 * Remembers when each key was replaced: a key is valid until 10 minutes after its successor's first
 * record.
 */
class KeyRetirement {
  readonly #endMs = new Map<string, number>();
  #current: string | undefined;

  findFlaw({ at, key }: AuditRecord): "retired key" | undefined {
    const atMs = Date.parse(at);
    const endMs = this.#endMs.get(key);
    if (endMs !== undefined) return atMs > endMs ? "retired key" : undefined;
    if (this.#current !== undefined && this.#current !== key)
      this.#endMs.set(this.#current, atMs + keyOverlapMs);
    this.#current = key;
    return undefined;
  }
}
