/**
 * The cache of file answers: one blob per file, and a small layer in this process. The cache saves
 * calls and decides nothing: when the store fails, a lookup costs a call to Defender and still gets
 * its answer.
 */
import type { RecordStore } from "../storage/record-store.ts";
import { etagOf, readRecord, writeRecord } from "../storage/typed-record.ts";
import type { Clock } from "../runtime/time.ts";
import { cachePath, cachedFileSchema, createCachedFile, type CachedFile } from "./cached-file.ts";

/** The cache as lookups use it. */
export interface FileCache {
  /**
   * Returns what is known of a file. Reads the blob unless this process's copy satisfies
   * `isEnough`.
   */
  readonly read: (
    hash: string,
    isEnough: (file: CachedFile) => boolean,
  ) => Promise<CachedFile | undefined>;
  /**
   * Changes what is known and stores it; a store that fails is ignored. An unchanged file writes
   * nothing.
   */
  readonly update: (hash: string, change: (file: CachedFile) => CachedFile) => Promise<CachedFile>;
}

export interface FileCacheDeps {
  readonly records: Pick<RecordStore, "read" | "create" | "replace">;
  readonly clock: Clock;
  /** Makes a new id for each write. */
  readonly createAttemptId: () => string;
}

interface CacheEntry {
  readonly file: CachedFile;
  /** `undefined` while no record is known to exist. */
  readonly etag: string | undefined;
}

const maxEntries = 20_000;
const maxRetries = 4;
/** A slower store saves nothing: it is bypassed for `disabledMs`. */
const timeoutMs = 5_000;
const disabledMs = 10_000;

/** Keeps file answers in the record store, the newest 20,000 also in memory. */
export class StoredFileCache implements FileCache {
  readonly #deps: FileCacheDeps;
  readonly #entries = new Map<string, CacheEntry>();
  #disabledUntilMs = 0;

  constructor(deps: FileCacheDeps) {
    this.#deps = deps;
  }

  async read(
    hash: string,
    isEnough: (file: CachedFile) => boolean,
  ): Promise<CachedFile | undefined> {
    const cached = this.#entries.get(hash);
    if (cached && isEnough(cached.file)) return cached.file;
    const entry = await this.#loadEntry(hash);
    return entry?.etag === undefined ? undefined : entry.file;
  }

  async update(hash: string, change: (file: CachedFile) => CachedFile): Promise<CachedFile> {
    const { records, createAttemptId } = this.#deps;
    let before = this.#entries.get(hash) ?? { file: this.#createFile(hash), etag: undefined };
    for (let retries = 0; ; retries += 1) {
      const changed = change(before.file);
      if (changed === before.file) return before.file;
      const file = { ...changed, attempt: createAttemptId() };
      const { etag } = before;
      const outcome = await this.#tryStore(() => writeRecord(records, cachePath(hash), file, etag));
      if (outcome?.kind === "written") this.#storeEntry(hash, { file, etag: outcome.etag });
      if (outcome?.kind !== "lost" || retries >= maxRetries) return file;
      before = (await this.#loadEntry(hash)) ?? before;
    }
  }

  /** Returns `undefined` when the store fails or does not answer in time. */
  async #tryStore<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { clock } = this.#deps;
    if (clock.now() < this.#disabledUntilMs) return undefined;
    const abortController = new AbortController();
    const outcomePromise = work().catch(() => undefined);
    const timeout = clock.sleep(timeoutMs, abortController.signal).catch(() => undefined);
    const outcome = await Promise.race([outcomePromise, timeout]);
    abortController.abort();
    if (outcome === undefined) this.#disabledUntilMs = clock.now() + disabledMs;
    return outcome ?? undefined;
  }

  async #loadEntry(hash: string): Promise<CacheEntry | undefined> {
    const record = await this.#tryStore(() =>
      readRecord(this.#deps.records, cachePath(hash), cachedFileSchema),
    );
    if (!record) return this.#entries.get(hash);
    const isOwn = record.kind === "found" && record.value.hash === hash;
    const file = isOwn ? record.value : this.#createFile(hash);
    const entry = { file, etag: etagOf(record) };
    if (entry.etag !== undefined) this.#storeEntry(hash, entry);
    return entry;
  }

  #createFile(hash: string): CachedFile {
    return createCachedFile(hash, this.#deps.createAttemptId());
  }

  #storeEntry(hash: string, entry: CacheEntry): void {
    this.#entries.delete(hash);
    this.#entries.set(hash, entry);
    const oldest = this.#entries.size > maxEntries ? this.#entries.keys().next().value : undefined;
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
