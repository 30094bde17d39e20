/**
 * Asks Defender one question about one file, unless the cache knows the answer or somebody is asking already: in this
 * process the call is shared, between processes a mark in the file's record makes the others wait for the answer.
 */
import type { Clock } from "../runtime/time.ts";
import type { FileCache } from "./cache.ts";
import { isFresh, type CachedFile, type Known } from "./cached-file.ts";
import type { CallLimits, FilesPort, FilesReply, FilesSettings } from "./ports.ts";

/** Until when what may happen. Instants in milliseconds of this machine's clock. */
export interface LookUpPlan {
  readonly lookBackHours: number;
  readonly information: boolean;
  /** Answers are fresh when they were so then: the start of the request or of the job. */
  readonly freshAtMs: number;
  /** No call is started after this. */
  readonly startUntilMs: number;
  /** Calls end before this, and nothing is read after it. */
  readonly endMs: number;
  /** When Defender is out of reach: serve what is stale (true), or leave it for later (false). */
  readonly settle: boolean;
}

/** A question about a file: where its answer lies in the record, and how it is asked and kept. */
export interface Question<T, R> {
  readonly name: string;
  readonly hash: string;
  readonly pick: (file: CachedFile) => Known<T> | undefined;
  readonly ask: (limits: CallLimits) => Promise<FilesReply<R>>;
  readonly keep: (file: CachedFile, answer: R | null, asOf: string) => CachedFile;
}

export type Settled<T> =
  | { readonly kind: "known"; readonly known: Known<T>; readonly stale: boolean }
  | { readonly kind: "later" | "down"; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly problem: string };

export type AskOnce = <T, R>(question: Question<T, R>, plan: LookUpPlan) => Promise<Settled<T>>;

export interface AskOnceOutside {
  readonly cache: FileCache;
  readonly files: Pick<FilesPort, "turn">;
  readonly clock: Clock;
  readonly settings: FilesSettings;
  readonly newAttempt: () => string;
  readonly reach: (name: string) => void | Promise<void>;
}

/** Longest that one call may last, and that it may wait besides: for a turn in place of one that grew old, or to try again. */
const callMs = 15_000;
const callWaitMs = 10_000;
/** So long others wait for whoever asks, which covers both; who died in a call keeps them no longer. */
const markMs = 30_000;
const lookAgainMs = 500;

/** @returns one asker for a process; it shares calls among everybody who uses it */
export function openAskOnce(outside: AskOnceOutside): AskOnce {
  const { cache, clock, settings, newAttempt } = outside;
  const inFlight = new Map<
    string,
    { readonly settled: Promise<Settled<unknown>>; readonly endMs: number }
  >();
  // One 429 or an empty hour closes the way for everybody until then, without a look at the quota for each hash.
  let closedUntilMs = 0;

  const freshOf = <T, R>(
    question: Question<T, R>,
    file: CachedFile | undefined,
    plan: LookUpPlan,
  ) => {
    const known = file && question.pick(file);
    return known && isFresh(known, settings, plan.freshAtMs) ? known : undefined;
  };

  const look = async <T, R>(
    question: Question<T, R>,
    plan: LookUpPlan,
  ): Promise<CachedFile | undefined> =>
    cache.read(question.hash, (file) => freshOf(question, file, plan) !== undefined);

  /** Marks the file as being asked about, or waits for whoever did; the answer, if one came meanwhile. */
  const mark = async <T, R>(
    question: Question<T, R>,
    plan: LookUpPlan,
  ): Promise<Known<T> | "mine" | "late"> => {
    const attempt = newAttempt();
    for (;;) {
      const nowMs = clock.now();
      if (nowMs >= Math.min(plan.startUntilMs + markMs, plan.endMs)) return "late";
      const file = await cache.learn(question.hash, (before) =>
        isAsking(before, nowMs)
          ? before
          : { ...before, asking: { attempt, untilMs: nowMs + markMs } },
      );
      const fresh = freshOf(question, file, plan);
      if (fresh) return fresh;
      if (file.asking?.attempt === attempt) return "mine";
      await clock.sleep(lookAgainMs);
      const meanwhile = freshOf(question, await look(question, plan), plan);
      if (meanwhile) return meanwhile;
    }
  };

  const askNow = async <T, R>(question: Question<T, R>, plan: LookUpPlan): Promise<Settled<T>> => {
    for (;;) {
      const settled = await askMarked(question, plan);
      if (settled !== "unsent") return settled;
    }
  };

  /** `unsent`: the turn was too old when the file was marked, and no other came while the mark holds. */
  const askMarked = async <T, R>(
    question: Question<T, R>,
    plan: LookUpPlan,
  ): Promise<Settled<T> | "unsent"> => {
    // The turn first: it may take minutes, and a mark is for the length of a call.
    const turned = await outside.files.turn(Math.max(0, plan.startUntilMs - clock.now()));
    if (turned.kind !== "turn") return refusal(turned, plan);
    await outside.reach("F1 turn taken");
    const mine = await mark(question, plan);
    if (mine === "late") return { kind: "later", retryAfterMs: 0 };
    if (mine !== "mine") return { kind: "known", known: mine, stale: false };
    await outside.reach("F2 marked");
    const nowMs = clock.now();
    const limits = {
      turn: turned.turn,
      waitForTurnMs: Math.max(0, Math.min(callWaitMs, plan.startUntilMs - nowMs)),
      deadlineMs: Math.max(1, Math.min(callMs, plan.endMs - nowMs)),
    };
    const reply = await question.ask(limits);
    await outside.reach("F3 answer read");
    const asOf = new Date(clock.now()).toISOString();
    const answered = reply.kind === "found" || reply.kind === "not-found";
    const answer = reply.kind === "found" ? reply.value : null;
    const file = await cache.learn(question.hash, (before) => {
      const { asking: _, ...rest } = before;
      return answered ? question.keep(rest, answer, asOf) : rest;
    });
    await outside.reach("F4 answer kept");
    const known = question.pick(file);
    if (answered && known) return { kind: "known", known, stale: false };
    if (reply.kind === "later" && reply.unsent && clock.now() < plan.startUntilMs) return "unsent";
    return refusal(reply, plan);
  };

  const refusal = (reply: FilesReply<unknown>, plan: LookUpPlan): Settled<never> => {
    if (reply.kind === "refused") return reply;
    const retryAfterMs = "retryAfterMs" in reply ? reply.retryAfterMs : 0;
    if (reply.kind === "later") closedUntilMs = Math.max(closedUntilMs, clock.now() + retryAfterMs);
    // A call that our own answer's deadline cut short says nothing of Defender.
    const cut = clock.now() >= plan.endMs - 1_000;
    return { kind: reply.kind === "down" && !cut ? "down" : "later", retryAfterMs };
  };

  const share = <T, R>(question: Question<T, R>, plan: LookUpPlan): Promise<Settled<T>> => {
    const key = `${question.hash} ${question.name}`;
    const running = inFlight.get(key);
    // The name fixes the type of the answer.
    if (running) return within(running.settled as Promise<Settled<T>>, running.endMs, plan);
    const settled = askNow(question, plan).finally(() => inFlight.delete(key));
    inFlight.set(key, { settled, endMs: plan.endMs });
    return settled;
  };

  /** A job may take its time over a call; who shares it does not wait longer than for one of its own. */
  const within = async <T>(
    settled: Promise<Settled<T>>,
    endMs: number,
    plan: LookUpPlan,
  ): Promise<Settled<T>> => {
    if (endMs <= plan.endMs) return settled;
    const over = new AbortController();
    const tooLate = clock.sleep(Math.max(0, plan.endMs - clock.now()), over.signal).then(
      (): Settled<T> => ({ kind: "later", retryAfterMs: 0 }),
      () => settled,
    );
    return Promise.race([settled, tooLate]).finally(() => over.abort());
  };

  return async (question, plan) => {
    if (clock.now() >= plan.endMs) return { kind: "later", retryAfterMs: 0 };
    const file = await look(question, plan);
    const fresh = freshOf(question, file, plan);
    if (fresh) return { kind: "known", known: fresh, stale: false };
    const nowMs = clock.now();
    if (nowMs >= plan.startUntilMs || closedUntilMs >= plan.startUntilMs)
      return { kind: "later", retryAfterMs: Math.max(0, closedUntilMs - nowMs) };
    const settled = await share(question, plan);
    const old = file && question.pick(file);
    if (settled.kind === "down" && plan.settle && old)
      return { kind: "known", known: old, stale: true };
    return settled;
  };
}

const isAsking = ({ asking }: CachedFile, nowMs: number): boolean =>
  asking !== undefined && asking.untilMs > nowMs && asking.untilMs <= nowMs + 2 * markMs;
