/** A RecordStore over a Map, with the promises of the live one (one test holds both to them) and with faults on request. */
import type {
  ListedRecord,
  ReadRecord,
  RecordStore,
  WriteOutcome,
} from "../../shared/storage/record-store.ts";
import type { Clock } from "../../shared/runtime/time.ts";

/** What is about to be done, for a fault to judge. */
interface StoreOperation {
  readonly verb: "read" | "create" | "replace" | "remove" | "list";
  readonly path: string;
}

export interface MemoryRecordsOptions {
  /** The store's own clock, and the one its latency is slept on. */
  readonly clock: Clock;
  /** Runs before each operation: throw for a store that is down, sleep for one that is slow. */
  readonly before?: (operation: StoreOperation) => void | Promise<void>;
  /** Runs after each operation: throw for an answer that was lost although the operation took effect. */
  readonly after?: (operation: StoreOperation) => void | Promise<void>;
  /** True makes a conditional write lose as if somebody else had just written the same bytes. */
  readonly conflict?: (operation: StoreOperation) => boolean;
  /** Mutants only: `replace` no longer minds the etag. */
  readonly unconditional?: boolean;
}

/** The store, and the back door through which a test looks in and breaks things. */
export interface MemoryRecords extends RecordStore {
  /** The text of a record; `undefined` when there is none. */
  readonly peek: (path: string) => string | undefined;
  /** Puts any text there, also one that is no JSON; `undefined` deletes. */
  readonly poke: (path: string, text: string | undefined) => void;
  /** Every path, in order. */
  readonly paths: () => string[];
  /** How often each verb was used. */
  readonly count: (verb: StoreOperation["verb"]) => number;
}

interface Kept {
  readonly text: string;
  readonly etag: string;
  readonly lastModifiedMs: number;
}

export function memoryRecords(options: MemoryRecordsOptions): MemoryRecords {
  const { clock } = options;
  const kept = new Map<string, Kept>();
  // Paths in order, kept so on every write: a listing then costs what it lists.
  const ordered: string[] = [];
  const counts = new Map<string, number>();
  let writes = 0;

  const put = (path: string, text: string): string => {
    writes += 1;
    const etag = `"0x${writes.toString(16).toUpperCase()}"`;
    if (!kept.has(path)) ordered.splice(placeAfter(ordered, path), 0, path);
    kept.set(path, { text, etag, lastModifiedMs: clock.now() });
    return etag;
  };

  const around = async <T>(operation: StoreOperation, act: () => T): Promise<T> => {
    counts.set(operation.verb, (counts.get(operation.verb) ?? 0) + 1);
    await options.before?.(operation);
    const outcome = act();
    await options.after?.(operation);
    return outcome;
  };

  const write = (
    operation: StoreOperation,
    value: object,
    allowed: (there: Kept | undefined) => boolean,
  ) =>
    around(operation, (): WriteOutcome => {
      const { path } = operation;
      const there = kept.get(path);
      if (there && options.conflict?.(operation)) put(path, there.text);
      if (!allowed(kept.get(path))) return { kind: "lost", serverNowMs: serverNow() };
      return { kind: "written", etag: put(path, JSON.stringify(value)), serverNowMs: serverNow() };
    });

  const unchanged = (etag: string) => (there: Kept | undefined) =>
    there !== undefined && (options.unconditional === true || there.etag === etag);

  // As the Date header of the live store has it.
  const serverNow = (): number => Math.floor(clock.now() / 1_000) * 1_000;

  const readNow = (path: string): ReadRecord => {
    const there = kept.get(path);
    const serverNowMs = serverNow();
    if (!there) return { kind: "absent", serverNowMs };
    const value = objectOf(there.text);
    return value === undefined
      ? { kind: "broken", etag: there.etag, serverNowMs }
      : { kind: "found", value, etag: there.etag, serverNowMs };
  };

  const forget = (path: string): void => {
    if (kept.delete(path)) ordered.splice(placeAfter(ordered, path) - 1, 1);
  };

  const removeNow = (path: string, etag?: string): void => {
    if (etag === undefined || kept.get(path)?.etag === etag) forget(path);
  };

  const page = (prefix: string, after: string): ListedRecord[] => {
    const first =
      after < prefix
        ? placeAfter(ordered, prefix) - (kept.has(prefix) ? 1 : 0)
        : placeAfter(ordered, after);
    return ordered
      .slice(first, first + pageSize)
      .filter((path) => path.startsWith(prefix))
      .flatMap((path) => {
        const there = kept.get(path);
        return there ? [{ path, etag: there.etag, lastModifiedMs: there.lastModifiedMs }] : [];
      });
  };

  return {
    read: (path) => around({ verb: "read", path }, () => readNow(path)),
    create: (path, value) => write({ verb: "create", path }, value, (there) => there === undefined),
    replace: (path, value, etag) => write({ verb: "replace", path }, value, unchanged(etag)),
    remove: (path, etag) => around({ verb: "remove", path }, () => removeNow(path, etag)),
    list: async function* (prefix, { startAfter = "" } = {}) {
      for (let after = startAfter; ;) {
        const from = after;
        const listed = await around({ verb: "list", path: prefix }, () => page(prefix, from));
        yield* listed;
        if (listed.length < pageSize) return;
        after = listed.at(-1)?.path ?? after;
      }
    },
    peek: (path) => kept.get(path)?.text,
    poke: (path, text) => void (text === undefined ? forget(path) : put(path, text)),
    paths: () => [...ordered],
    count: (verb) => counts.get(verb) ?? 0,
  };
}

const pageSize = 500;

/** Where a path belongs in the order, behind an equal one. */
function placeAfter(ordered: readonly string[], path: string): number {
  let [low, high] = [0, ordered.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ordered[middle] ?? "") <= path) low = middle + 1;
    else high = middle;
  }
  return low;
}

function objectOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
