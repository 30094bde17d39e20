/**
 * Texts about people: `state/personal/{digest}.json`. An audit record names a text by its digest, an
 * HMAC with the audit key, so that the text can be erased and cannot be guessed or exchanged. An
 * erasure is audited first: a text that is missing without such a record was deleted by another
 * writer.
 */
import { personalText, type PersonalText } from "../contracts/personal-text.ts";
import { mapInParallel } from "../runtime/concurrency.ts";
import { sealContent } from "../storage/seal.ts";
import type { ListedRecord, RecordStore } from "../storage/record-store.ts";
import { readValue } from "../storage/typed-record.ts";
import type { AuditBody } from "./chain.ts";

export const textFolder = "state/personal/";

const maxParallel = 16;
const digestPattern = /^[0-9a-f]{64}$/;

export const textPath = (digest: string): string => `${textFolder}${digest}.json`;

/** Returns the digest in a text's path. */
export const digestInPath = (path: string): string =>
  path.slice(textFolder.length).replace(/\.json$/, "");

/** Returns the digest by which audit records name a text. */
export const digestText = (text: PersonalText, key: string): string =>
  sealContent({ kind: "personal text", ...text }, key);

/**
 * Returns a function that stores texts, durable before it resolves to their digests. An audit
 * record that names them is written afterwards.
 */
export const createTextWriter =
  (deps: { readonly store: RecordStore; readonly readKey: () => Promise<string> }) =>
  async (texts: readonly PersonalText[]): Promise<readonly string[]> => {
    if (texts.length === 0) return [];
    const key = await deps.readKey();
    return mapInParallel(texts, maxParallel, async (text) => {
      const digest = digestText(text, key);
      await deps.store.create(textPath(digest), text);
      return digest;
    });
  };

/** Reads the texts that are not erased, by digest. */
export async function readTexts(
  store: Pick<RecordStore, "read">,
  digests: readonly string[],
): Promise<ReadonlyMap<string, PersonalText>> {
  // Readers do not verify seals, so a forged name must not lead to another record.
  const texts = await mapInParallel(digests, maxParallel, async (digest) =>
    digestPattern.test(digest) ? readValue(store, textPath(digest), personalText) : undefined,
  );
  return new Map(
    digests.flatMap((digest, index) => {
      const text = texts[index];
      return text ? [[digest, text]] : [];
    }),
  );
}

/** Why texts are erased: on request, or because they are older than the setting allows. */
type ErasureCause = "request" | "retention";

interface ErasureDeps {
  readonly store: RecordStore;
  readonly appendAudit: (body: AuditBody) => Promise<void>;
}

const textsPerRecord = 500;

/**
 * Erases texts. The audit record comes first, so that a crash in between leaves texts that the next
 * erasure finds, and never a text that is missing without a reason.
 */
export async function eraseTexts(
  { store, appendAudit }: ErasureDeps,
  digests: readonly string[],
  cause: ErasureCause,
): Promise<void> {
  for (let start = 0; start < digests.length; start += textsPerRecord) {
    const erased = digests.slice(start, start + textsPerRecord);
    await appendAudit({ kind: "erasure", cause, erased });
    await mapInParallel(erased, maxParallel, (digest) => store.remove(textPath(digest)));
  }
}

const maxTextsPerRun = 2_000;

/** Erases texts that were stored before an instant, at most 2,000 a time. */
export async function expireTexts(deps: ErasureDeps, cutoffMs: number): Promise<number> {
  const expired: ListedRecord[] = [];
  for await (const listed of deps.store.list(textFolder)) {
    if (listed.lastModifiedMs <= cutoffMs) expired.push(listed);
    if (expired.length >= maxTextsPerRun) break;
  }
  const digests = expired.map(({ path }) => digestInPath(path));
  await eraseTexts(deps, digests, "retention");
  return digests.length;
}
