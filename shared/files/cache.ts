/**
 * The cache of file answers: a blob a file, and a small layer in this process. It only ever saves calls: a store that
 * fails here costs a call to Defender, never an answer.
 */
import type { ReadRecord, RecordStore, WriteOutcome } from "../storage/record-store.ts";
import type { Clock } from "../runtime/time.ts";
import { cachePath, readCachedFile, createCachedFile, type CachedFile } from "./cached-file.ts";

/** The cache as the room uses it. */
export interface FileCache {
  /** What is known of a file. What this process remembers is enough when `isEnough` says so; else the blob is read. */
  readonly read: (
    hash: string,
    isEnough: (file: CachedFile) => boolean,
  ) => Promise<CachedFile | undefined>;
  /** Adds to what is known; resolves when it is kept, or when keeping it has failed. The same file back writes nothing. */
  readonly update: (hash: string, change: (file: CachedFile) => CachedFile) => Promise<CachedFile>;
}

interface CacheEntry {
  readonly file: CachedFile;
  /** `undefined` while no record is known to be there. */
  readonly etag: string | undefined;
}

const maxEntries = 20_000;
const maxWrites = 4;
/** A store that takes longer saves nothing; so long it is left alone then. */
const timeoutMs = 5_000;
const disabledMs = 10_000;

/** @param createAttemptId - a new id for each write */
export function createFileCache(
  records: Pick<RecordStore, "read" | "create" | "replace">,
  createAttemptId: () => string,
  clock: Clock,
): FileCache {
  const entries = new Map<string, CacheEntry>();
  let disabledUntilMs = 0;

  /** `undefined` for a store that failed, or that did not answer in time. */
  const tryWithTimeout = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    if (clock.now() < disabledUntilMs) return undefined;
    const abortController = new AbortController();
    const outcomePromise = work().catch(() => undefined);
    const timeout = clock.sleep(timeoutMs, abortController.signal).catch(() => undefined);
    const outcome = await Promise.race([outcomePromise, timeout]);
    abortController.abort();
    if (outcome === undefined) disabledUntilMs = clock.now() + disabledMs;
    return outcome ?? undefined;
  };

  const storeEntry = (hash: string, entry: CacheEntry): void => {
    entries.delete(hash);
    entries.set(hash, entry);
    const oldest = entries.size > maxEntries ? entries.keys().next().value : undefined;
    if (oldest !== undefined) entries.delete(oldest);
  };

  const loadEntry = async (hash: string): Promise<CacheEntry | undefined> => {
    const record = await tryWithTimeout(() => records.read(cachePath(hash)));
    if (!record) return entries.get(hash);
    const entry = toCacheEntry(record, hash);
    if (entry.etag !== undefined) storeEntry(hash, entry);
    return entry;
  };

  const toCacheEntry = (record: ReadRecord, hash: string): CacheEntry => ({
    file:
      (record.kind === "found" && readCachedFile(record.value, hash)) ||
      createCachedFile(hash, createAttemptId()),
    etag: record.kind === "absent" ? undefined : record.etag,
  });

  const writeFile = (
    path: string,
    file: CachedFile,
    etag: string | undefined,
  ): Promise<WriteOutcome | undefined> =>
    tryWithTimeout(() =>
      etag === undefined ? records.create(path, file) : records.replace(path, file, etag),
    );

  return {
    read: async (hash, isEnough) => {
      const cached = entries.get(hash);
      if (cached && isEnough(cached.file)) return cached.file;
      const entry = await loadEntry(hash);
      return entry?.etag === undefined ? undefined : entry.file;
    },
    update: async (hash, change) => {
      let before = entries.get(hash) ?? {
        file: createCachedFile(hash, createAttemptId()),
        etag: undefined,
      };
      for (let tries = 0; ; tries += 1) {
        const changed = change(before.file);
        if (changed === before.file) return before.file;
        const file = { ...changed, attempt: createAttemptId() };
        const outcome = await writeFile(cachePath(hash), file, before.etag);
        if (outcome?.kind === "written") storeEntry(hash, { file, etag: outcome.etag });
        if (outcome?.kind !== "lost" || tries >= maxWrites) return file;
        before = (await loadEntry(hash)) ?? before;
      }
    },
  };
}
