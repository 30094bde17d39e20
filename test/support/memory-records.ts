/**
 * A RecordStore over a Map, with the guarantees of the live one (one suite tests both) and with
 * faults on request.
 */
import type {
  ListedRecord,
  ReadRecord,
  RecordStore,
  WriteOutcome,
} from "../../shared/storage/record-store.ts";
import type { Clock } from "../../shared/runtime/time.ts";

/** One operation, for a fault to decide on. */
interface StoreOperation {
  readonly verb: "read" | "create" | "replace" | "remove" | "list";
  readonly path: string;
}

export interface MemoryRecordsOptions {
  /** The store's own clock, which also measures its latency. */
  readonly clock: Clock;
  /** Runs before each operation: throw for a store that is down, sleep for one that is slow. */
  readonly before?: (operation: StoreOperation) => void | Promise<void>;
  /**
   * Runs after each operation: throw for an answer that was lost although the operation took
   * effect.
   */
  readonly after?: (operation: StoreOperation) => void | Promise<void>;
  /** True makes a conditional write lose, as if another writer had just written. */
  readonly conflict?: (operation: StoreOperation) => boolean;
  /** For mutants: `replace` ignores the etag. */
  readonly unconditional?: boolean;
}

/** The store, with operations for tests that read and break records. */
export interface MemoryRecords extends RecordStore {
  /** The text of a record; `undefined` when there is none. */
  readonly peek: (path: string) => string | undefined;
  /** Writes any text, also text that is not JSON; `undefined` deletes. */
  readonly poke: (path: string, text: string | undefined) => void;
  /** Every path, in order. */
  readonly paths: () => string[];
  /** How often each verb was used. */
  readonly count: (verb: StoreOperation["verb"]) => number;
}

interface StoredRecord {
  readonly text: string;
  readonly etag: string;
  readonly lastModifiedMs: number;
}

export function createMemoryRecords(options: MemoryRecordsOptions): MemoryRecords {
  const { clock } = options;
  const stored = new Map<string, StoredRecord>();
  // Every write keeps the paths sorted, so that a listing costs what it lists.
  const ordered: string[] = [];
  const counts = new Map<string, number>();
  let writes = 0;

  const writeRecord = (path: string, text: string): string => {
    writes += 1;
    const etag = `"0x${writes.toString(16).toUpperCase()}"`;
    if (!stored.has(path)) ordered.splice(findIndexAfter(ordered, path), 0, path);
    stored.set(path, { text, etag, lastModifiedMs: clock.now() });
    return etag;
  };

  const runOperation = async <T>(operation: StoreOperation, act: () => T): Promise<T> => {
    counts.set(operation.verb, (counts.get(operation.verb) ?? 0) + 1);
    await options.before?.(operation);
    const outcome = act();
    await options.after?.(operation);
    return outcome;
  };

  const writeConditionally = (
    operation: StoreOperation,
    value: object,
    isAllowed: (existing: StoredRecord | undefined) => boolean,
  ) =>
    runOperation(operation, (): WriteOutcome => {
      const { path } = operation;
      const existing = stored.get(path);
      if (existing && options.conflict?.(operation)) writeRecord(path, existing.text);
      if (!isAllowed(stored.get(path))) return { kind: "lost", serverNowMs: readServerNowMs() };
      return {
        kind: "written",
        etag: writeRecord(path, JSON.stringify(value)),
        serverNowMs: readServerNowMs(),
      };
    });

  const hasEtag = (etag: string) => (existing: StoredRecord | undefined) =>
    existing !== undefined && (options.unconditional === true || existing.etag === etag);

  // As the Date header of the live store has it.
  const readServerNowMs = (): number => Math.floor(clock.now() / 1_000) * 1_000;

  const readNow = (path: string): ReadRecord => {
    const existing = stored.get(path);
    const serverNowMs = readServerNowMs();
    if (!existing) return { kind: "absent", serverNowMs };
    const value = parseObject(existing.text);
    return value === undefined
      ? { kind: "broken", etag: existing.etag, serverNowMs }
      : { kind: "found", value, etag: existing.etag, serverNowMs };
  };

  const deleteRecord = (path: string): void => {
    if (stored.delete(path)) ordered.splice(findIndexAfter(ordered, path) - 1, 1);
  };

  const removeNow = (path: string, etag?: string): void => {
    if (etag === undefined || stored.get(path)?.etag === etag) deleteRecord(path);
  };

  const listPage = (prefix: string, after: string): ListedRecord[] => {
    const first =
      after < prefix
        ? findIndexAfter(ordered, prefix) - (stored.has(prefix) ? 1 : 0)
        : findIndexAfter(ordered, after);
    return ordered
      .slice(first, first + pageSize)
      .filter((path) => path.startsWith(prefix))
      .flatMap((path) => {
        const existing = stored.get(path);
        return existing
          ? [{ path, etag: existing.etag, lastModifiedMs: existing.lastModifiedMs }]
          : [];
      });
  };

  return {
    read: (path) => runOperation({ verb: "read", path }, () => readNow(path)),
    create: (path, value) =>
      writeConditionally({ verb: "create", path }, value, (existing) => existing === undefined),
    replace: (path, value, etag) =>
      writeConditionally({ verb: "replace", path }, value, hasEtag(etag)),
    remove: (path, etag) => runOperation({ verb: "remove", path }, () => removeNow(path, etag)),
    list: async function* (prefix, { startAfter = "" } = {}) {
      for (let after = startAfter; ;) {
        const from = after;
        const records = await runOperation({ verb: "list", path: prefix }, () =>
          listPage(prefix, from),
        );
        yield* records;
        if (records.length < pageSize) return;
        after = records.at(-1)?.path ?? after;
      }
    },
    peek: (path) => stored.get(path)?.text,
    poke: (path, text) => void (text === undefined ? deleteRecord(path) : writeRecord(path, text)),
    paths: () => [...ordered],
    count: (verb) => counts.get(verb) ?? 0,
  };
}

const pageSize = 500;

/** Returns the index at which a path belongs, after an equal one. */
function findIndexAfter(ordered: readonly string[], path: string): number {
  let [low, high] = [0, ordered.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ordered[middle] ?? "") <= path) low = middle + 1;
    else high = middle;
  }
  return low;
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
