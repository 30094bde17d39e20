/** The quota's blob: read, changed by a pure step, written if unchanged. Every answer also tells the server's time. */
import { randomUUID } from "node:crypto";
import type { RecordStore, WriteOutcome } from "../../storage/record-store.ts";
import type { Clock } from "../../runtime/time.ts";
import { longestWindowMs, type Now, type QuotaRules } from "./rate-limiter.ts";
import { newBook, readBook, writeBook, type QuotaBook } from "./quota-state.ts";
import { serverTime, sight, type ServerClock } from "../server-clock.ts";

/** The book as the store has it now; `etag` is absent when it must be created. */
export interface SeenBook {
  readonly book: QuotaBook;
  readonly etag: string | undefined;
  /** Made up just now and not yet in the store: it must be written, or its pause would begin anew with each reading. */
  readonly isNew: boolean;
}

/** One quota's blob as seen by one process. */
export interface QuotaStore {
  /** Server time at this moment. Only after a first answer: throws before. */
  readonly now: () => Now;
  /** The local instant at which server time surely reaches, or may first pass, a server instant. */
  readonly localMs: (serverMs: number, edge: "reached" | "passed") => number;
  readonly read: () => Promise<SeenBook>;
  /** `undefined` when somebody else was first. */
  readonly write: (book: QuotaBook, seen: SeenBook) => Promise<QuotaBook | undefined>;
}

/**
 * @param options.path - `state/quotas/files.json`; beside it `.made.json` remembers that the book once existed, so that a
 * deleted book is not taken for a first start
 */
export function openQuotaStore(options: {
  readonly store: RecordStore;
  readonly path: string;
  readonly clock: Clock;
  readonly rules: QuotaRules;
}): QuotaStore {
  const { clock, path, rules, store } = options;
  const markerPath = path.replace(/\.json$/, ".made.json");
  let known: ServerClock | undefined;
  let existed = false;

  const timed = async <T extends { readonly serverNowMs: number }>(
    act: () => Promise<T>,
  ): Promise<T> => {
    const sentMs = clock.now();
    const answer = await act();
    known = sight(known, { sentMs, receivedMs: clock.now(), serverNowMs: answer.serverNowMs });
    return answer;
  };
  const now = (): Now => {
    if (!known) throw new Error("the store's time is not known before its first answer");
    return serverTime(known, clock.now());
  };
  const localMs = (serverMs: number, edge: "reached" | "passed"): number =>
    serverMs - ((edge === "reached" ? known?.lowMs : known?.highMs) ?? 0);

  /** Nobody knows what was granted in the last window, so nothing is until it has passed. */
  const rebuilt = (): QuotaBook =>
    newBook(randomUUID(), Math.ceil(now().latestMs + longestWindowMs(rules) + rules.marginMs));

  const absent = async (): Promise<SeenBook> => {
    const wasThere = existed || (await timed(() => store.read(markerPath))).kind !== "absent";
    return { book: wasThere ? rebuilt() : newBook(randomUUID()), etag: undefined, isNew: true };
  };

  /** From now on a missing book is a lost one. */
  const remember = async (): Promise<void> => {
    if (existed) return;
    await timed(() => store.create(markerPath, { version: 1 }));
    existed = true;
  };

  const read = async (): Promise<SeenBook> => {
    const answer = await timed(() => store.read(path));
    if (answer.kind === "absent") return absent();
    const book = answer.kind === "found" ? readBook(answer.value) : undefined;
    await remember();
    return { book: book ?? rebuilt(), etag: answer.etag, isNew: book === undefined };
  };

  const write = async (book: QuotaBook, { etag }: SeenBook): Promise<QuotaBook | undefined> => {
    const text = writeBook(book);
    const outcome = await timed((): Promise<WriteOutcome> =>
      etag === undefined ? store.create(path, text) : store.replace(path, text, etag),
    );
    if (outcome.kind !== "written") return undefined;
    await remember();
    return book;
  };

  return { now, localMs, read, write };
}
