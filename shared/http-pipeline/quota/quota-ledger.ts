/** One process's side of a shared quota: gathers who asks and what is reported, and settles them together in one write. */
import { randomUUID } from "node:crypto";
import type { Log } from "../../runtime/log.ts";
import { secondMs, type Clock } from "../../runtime/time.ts";
import { enter, giveBack, grant, type Granted, type Now, type QuotaRules } from "./rate-limiter.ts";
import { points } from "../../runtime/failpoints.ts";
import type { QuotaBook } from "./quota-state.ts";
import type { QuotaStore, SeenBook } from "./quota-store.ts";
import type { QuotaReport } from "./quota.ts";

/** An instant of server time handed to this process; void once the book's generation changes. */
export interface Permit {
  readonly kind: "instant";
  readonly atMs: number;
  readonly generation: string;
  /** Names the probe when this is the one call that tries a half-open breaker. */
  readonly probeId: string | undefined;
}

/** `store`: the blob cannot be reached, so nobody sends. */
type LedgerAnswer =
  | Permit
  | Exclude<Granted, { kind: "instant" }>
  | { readonly kind: "later"; readonly retryAfterMs: number; readonly reason: "store" };

export interface QuotaLedger {
  /** @param untilMs - local clock: the latest instant the asker waits for */
  readonly ask: (untilMs: number) => Promise<LedgerAnswer>;
  /** Resolves when it is entered, or when the store is away: then it goes with the next round. */
  readonly report: (report: QuotaReport) => Promise<void>;
  /** A permit that was surely not used. */
  readonly giveBack: (permit: Permit) => void;
  /** The book as last seen, not older than a second. */
  readonly freshBook: () => Promise<QuotaBook>;
  /** The book as last seen, however old. */
  readonly lastBook: () => QuotaBook | undefined;
}

interface Asker {
  readonly untilMs: number;
  readonly settle: (answer: LedgerAnswer) => void;
}

/** Instants of the future that one process may hold, so that nobody books a whole minute ahead. */
const mostReserved = 10;
const triesInARow = 6;
const storeRetryMs = 5 * secondMs;
/** What was read so long ago is read again before a permit is used: somebody may have met a refusal. */
const freshMs = secondMs;

export function openLedger(options: {
  readonly api: string;
  readonly store: QuotaStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly rules: QuotaRules;
  readonly random: () => number;
}): QuotaLedger {
  const { api, clock, log, random, rules, store } = options;
  let askers: Asker[] = [];
  let reports: QuotaReport[] = [];
  let unused: Permit[] = [];
  let held: number[] = [];
  let seen: { readonly book: QuotaBook; readonly atMs: number } | undefined;
  let running: Promise<void> | undefined;

  const see = (book: QuotaBook): QuotaBook => {
    seen = { book, atMs: clock.now() };
    return book;
  };

  const decide = (found: SeenBook, now: Now, asking: readonly Asker[], probeId: string) => {
    held = held.filter((atMs) => atMs > now.latestMs);
    const returned = unused.filter((permit) => permit.generation === found.book.generation);
    const start = giveBack(found.book, returned);
    const entered = reports.reduce((book, report) => enter(book, report, now, rules), start);
    // Who will not wait at all still waits for this round; the 1 is for rounding up.
    const until = asking.map(({ untilMs }) => now.earliestMs + Math.max(1, untilMs - clock.now()));
    return grant(entered, { probeId, until, mayReserve: mostReserved - held.length }, now, rules);
  };

  /** Reads, decides for everybody who asks, writes. False when somebody else was first. */
  const round = async (): Promise<boolean> => {
    const found = await store.read();
    const now = store.now();
    // Copies: who asks or reports during the write is of the next round.
    const [asking, entered, returned] = [[...askers], [...reports], [...unused]];
    const probeId = randomUUID();
    const { answers, book } = decide(found, now, asking, probeId);
    const changed =
      entered.length + returned.length > 0 ||
      found.isNew ||
      answers.some(({ kind }) => kind === "instant");
    if (changed) {
      // Given back once at most: should the answer get lost, the same instant may already be somebody else's.
      unused = unused.slice(returned.length);
      if (!(await store.write(book, found))) {
        unused = [...returned, ...unused];
        return false;
      }
      if (answers.some(({ kind }) => kind === "instant")) await points.reach("E3 permit reserved");
      if (hasOpened(found.book, book)) await points.reach("C1 breaker opened");
    }
    askers = askers.slice(asking.length);
    reports = reports.slice(entered.length);
    tell(found.book, see(book), now);
    for (const [index, { settle }] of asking.entries())
      settle(permitted(answers[index], book.generation, probeId));
    return true;
  };

  const permitted = (
    granted: Granted | undefined,
    generation: string,
    probeId: string,
  ): LedgerAnswer => {
    if (granted?.kind !== "instant") return granted ?? storeAway;
    held.push(granted.atMs);
    return {
      kind: "instant",
      atMs: granted.atMs,
      generation,
      probeId: granted.probe ? probeId : undefined,
    };
  };

  const tell = (before: QuotaBook, after: QuotaBook, now: Now): void => {
    if (after.pausedUntilMs > before.pausedUntilMs)
      log("quota.paused", {
        api,
        cause: "refused",
        retryAfterMs: Math.round(after.pausedUntilMs - now.latestMs),
      });
    if (hasOpened(before, after))
      log("breaker.opened", {
        api,
        failures: after.breaker.failures,
        retryAfterMs: after.breaker.openForMs,
      });
  };

  const settleAll = (answer: LedgerAnswer): void => {
    const asking = askers;
    askers = [];
    for (const { settle } of asking) settle(answer);
  };

  /** Rounds until nobody asks and everything is entered. After too many lost writes in a row the askers come back later. */
  const rounds = async (): Promise<void> => {
    let lost = 0;
    while (askers.length > 0 || reports.length > 0) {
      try {
        lost = (await round()) ? 0 : lost + 1;
      } catch {
        return settleAll(storeAway);
      }
      if (lost >= triesInARow) return settleAll(crowded(store.now().earliestMs, random()));
      if (lost > 0) await clock.sleep(10 + random() * 40);
    }
  };

  /** One at a time in a process. */
  const run = (): Promise<void> => {
    running ??= rounds().finally(() => {
      running = undefined;
      // Somebody who came between the last look and this line is not left behind.
      if (askers.length > 0) void run();
    });
    return running;
  };

  return {
    ask: (untilMs) =>
      new Promise((settle) => {
        askers.push({ untilMs, settle });
        void run();
      }),
    report: (report) => {
      reports.push(report);
      return run();
    },
    giveBack: (permit) => void (unused.includes(permit) || unused.push(permit)),
    freshBook: async () =>
      seen && clock.now() - seen.atMs <= freshMs ? seen.book : see((await store.read()).book),
    lastBook: () => seen?.book,
  };
}

const hasOpened = (before: QuotaBook, after: QuotaBook): boolean =>
  after.breaker.openUntilMs > before.breaker.openUntilMs;

const storeAway: LedgerAnswer = { kind: "later", retryAfterMs: storeRetryMs, reason: "store" };

const crowded = (earliestMs: number, jitter: number): LedgerAnswer => ({
  kind: "wait",
  againAtMs: earliestMs + secondMs * (0.5 + jitter),
});
