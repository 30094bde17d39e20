/**
 * The cache of file answers: a blob a file, and a small layer in this process. It only ever saves calls: a store that
 * fails here costs a call to Defender, never an answer.
 */
import type { ReadRecord, RecordStore, WriteOutcome } from "../storage/record-store.ts";
import type { Clock } from "../runtime/time.ts";
import { cachePath, readCachedFile, unknownFile, type CachedFile } from "./cached-file.ts";

/** The cache as the room uses it. */
export interface FileCache {
  /** What is known of a file. What this process remembers is enough when `enough` says so; else the blob is read. */
  readonly read: (
    hash: string,
    enough: (file: CachedFile) => boolean,
  ) => Promise<CachedFile | undefined>;
  /** Adds to what is known; resolves when it is kept, or when keeping it has failed. The same file back writes nothing. */
  readonly learn: (hash: string, change: (file: CachedFile) => CachedFile) => Promise<CachedFile>;
}

interface Remembered {
  readonly file: CachedFile;
  /** `undefined` while no record is known to be there. */
  readonly etag: string | undefined;
}

const mostRemembered = 20_000;
const mostWrites = 4;
/** A store that takes longer saves nothing; so long it is left alone then. */
const patienceMs = 5_000;
const leftAloneMs = 10_000;

/** @param newAttempt - a new id for each write */
export function openFileCache(
  records: Pick<RecordStore, "read" | "create" | "replace">,
  newAttempt: () => string,
  clock: Clock,
): FileCache {
  const remembered = new Map<string, Remembered>();
  let awayUntilMs = 0;

  /** `undefined` for a store that failed, or that did not answer in time. */
  const quietly = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    if (clock.now() < awayUntilMs) return undefined;
    const over = new AbortController();
    const working = work().catch(() => undefined);
    const tooLate = clock.sleep(patienceMs, over.signal).catch(() => undefined);
    const outcome = await Promise.race([working, tooLate]);
    over.abort();
    if (outcome === undefined) awayUntilMs = clock.now() + leftAloneMs;
    return outcome ?? undefined;
  };

  const remember = (hash: string, entry: Remembered): void => {
    remembered.delete(hash);
    remembered.set(hash, entry);
    const oldest = remembered.size > mostRemembered ? remembered.keys().next().value : undefined;
    if (oldest !== undefined) remembered.delete(oldest);
  };

  const load = async (hash: string): Promise<Remembered | undefined> => {
    const record = await quietly(() => records.read(cachePath(hash)));
    if (!record) return remembered.get(hash);
    const entry = asRemembered(record, hash);
    if (entry.etag !== undefined) remember(hash, entry);
    return entry;
  };

  const asRemembered = (record: ReadRecord, hash: string): Remembered => ({
    file:
      (record.kind === "found" && readCachedFile(record.value, hash)) ||
      unknownFile(hash, newAttempt()),
    etag: record.kind === "absent" ? undefined : record.etag,
  });

  const write = (
    path: string,
    file: CachedFile,
    etag: string | undefined,
  ): Promise<WriteOutcome | undefined> =>
    quietly(() =>
      etag === undefined ? records.create(path, file) : records.replace(path, file, etag),
    );

  return {
    read: async (hash, enough) => {
      const near = remembered.get(hash);
      if (near && enough(near.file)) return near.file;
      const entry = await load(hash);
      return entry?.etag === undefined ? undefined : entry.file;
    },
    learn: async (hash, change) => {
      let before = remembered.get(hash) ?? {
        file: unknownFile(hash, newAttempt()),
        etag: undefined,
      };
      for (let tries = 0; ; tries += 1) {
        const changed = change(before.file);
        if (changed === before.file) return before.file;
        const file = { ...changed, attempt: newAttempt() };
        const outcome = await write(cachePath(hash), file, before.etag);
        if (outcome?.kind === "written") remember(hash, { file, etag: outcome.etag });
        if (outcome?.kind !== "lost" || tries >= mostWrites) return file;
        before = (await load(hash)) ?? before;
      }
    },
  };
}
