/**
 * Asks Defender one question about one file, unless the cache knows the answer or somebody is asking already: in this
 * process the call is shared, between processes a mark in the file's record makes the others wait for the answer.
 */
import type { Clock } from "../runtime/time.ts";
import type { FileCache } from "./cache.ts";
import { isFresh, type CachedFile, type CachedAnswer } from "./cached-file.ts";
import type { CallLimits, FilesPort, FilesReply, FilesSettings } from "./ports.ts";
import type { Failpoint } from "../runtime/failpoints.ts";

/** Until when what may happen. Instants in milliseconds of this machine's clock. */
export interface LookupPlan {
  readonly lookBackHours: number;
  readonly shouldFetchInformation: boolean;
  /** Answers are fresh when they were so then: the start of the request or of the job. */
  readonly freshAtMs: number;
  /** No call is started after this. */
  readonly startUntilMs: number;
  /** Calls end before this, and nothing is read after it. */
  readonly endMs: number;
  /** When Defender is out of reach: serve what is stale (true), or leave it for later (false). */
  readonly isFinal: boolean;
}

/** A question about a file: where its answer lies in the record, and how it is asked and kept. */
export interface LookupStep<T, R> {
  readonly name: string;
  readonly hash: string;
  readonly pickAnswer: (file: CachedFile) => CachedAnswer<T> | undefined;
  readonly fetchAnswer: (limits: CallLimits) => Promise<FilesReply<R>>;
  readonly applyAnswer: (file: CachedFile, answer: R | null, asOf: string) => CachedFile;
}

export type StepResult<T> =
  | { readonly kind: "known"; readonly answer: CachedAnswer<T>; readonly stale: boolean }
  | { readonly kind: "later" | "down"; readonly retryAfterMs: number }
  | { readonly kind: "refused"; readonly problem: string };

export type SingleFlight = <T, R>(
  step: LookupStep<T, R>,
  plan: LookupPlan,
) => Promise<StepResult<T>>;

export interface SingleFlightDeps {
  readonly cache: FileCache;
  readonly files: Pick<FilesPort, "acquirePermit">;
  readonly clock: Clock;
  readonly settings: FilesSettings;
  readonly createAttemptId: () => string;
  readonly failpoint: Failpoint;
}

/** Longest that one call may last, and that it may wait besides: for a turn in place of one that grew old, or to try again. */
const maxCallMs = 15_000;
const maxCallWaitMs = 10_000;
/** So long others wait for whoever asks, which covers both; who died in a call keeps them no longer. */
const leaseMs = 30_000;
const pollMs = 500;

/** @returns one asker for a process; it shares calls among everybody who uses it */
export function createSingleFlight(deps: SingleFlightDeps): SingleFlight {
  const { cache, clock, settings, createAttemptId } = deps;
  const inFlight = new Map<
    string,
    { readonly result: Promise<StepResult<unknown>>; readonly endMs: number }
  >();
  // One 429 or an empty hour closes the way for everybody until then, without a look at the quota for each hash.
  let closedUntilMs = 0;

  const pickFreshAnswer = <T, R>(
    step: LookupStep<T, R>,
    file: CachedFile | undefined,
    plan: LookupPlan,
  ) => {
    const answer = file && step.pickAnswer(file);
    return answer && isFresh(answer, settings, plan.freshAtMs) ? answer : undefined;
  };

  const readFile = async <T, R>(
    step: LookupStep<T, R>,
    plan: LookupPlan,
  ): Promise<CachedFile | undefined> =>
    cache.read(step.hash, (file) => pickFreshAnswer(step, file, plan) !== undefined);

  /** Marks the file as being asked about, or waits for whoever did; the answer, if one came meanwhile. */
  const acquireLookupLease = async <T, R>(
    step: LookupStep<T, R>,
    plan: LookupPlan,
  ): Promise<CachedAnswer<T> | "mine" | "late"> => {
    const attempt = createAttemptId();
    for (;;) {
      const nowMs = clock.now();
      if (nowMs >= Math.min(plan.startUntilMs + leaseMs, plan.endMs)) return "late";
      const file = await cache.update(step.hash, (before) =>
        isLeased(before, nowMs)
          ? before
          : { ...before, asking: { attempt, untilMs: nowMs + leaseMs } },
      );
      const fresh = pickFreshAnswer(step, file, plan);
      if (fresh) return fresh;
      if (file.asking?.attempt === attempt) return "mine";
      await clock.sleep(pollMs);
      const meanwhile = pickFreshAnswer(step, await readFile(step, plan), plan);
      if (meanwhile) return meanwhile;
    }
  };

  const fetchUntilSent = async <T, R>(
    step: LookupStep<T, R>,
    plan: LookupPlan,
  ): Promise<StepResult<T>> => {
    for (;;) {
      const result = await fetchWithLease(step, plan);
      if (result !== "unsent") return result;
    }
  };

  /** `unsent`: the turn was too old when the file was marked, and no other came while the mark holds. */
  const fetchWithLease = async <T, R>(
    step: LookupStep<T, R>,
    plan: LookupPlan,
  ): Promise<StepResult<T> | "unsent"> => {
    // The turn first: it may take minutes, and a mark is for the length of a call.
    const permitResult = await deps.files.acquirePermit(
      Math.max(0, plan.startUntilMs - clock.now()),
    );
    if (permitResult.kind !== "permit") return toRefusal(permitResult, plan);
    await deps.failpoint("F1 permit acquired");
    const leaseResult = await acquireLookupLease(step, plan);
    if (leaseResult === "late") return { kind: "later", retryAfterMs: 0 };
    if (leaseResult !== "mine") return { kind: "known", answer: leaseResult, stale: false };
    await deps.failpoint("F2 lease acquired");
    const nowMs = clock.now();
    const limits = {
      permit: permitResult.permit,
      maxWaitMs: Math.max(0, Math.min(maxCallWaitMs, plan.startUntilMs - nowMs)),
      deadlineMs: Math.max(1, Math.min(maxCallMs, plan.endMs - nowMs)),
    };
    const reply = await step.fetchAnswer(limits);
    await deps.failpoint("F3 answer read");
    const asOf = new Date(clock.now()).toISOString();
    const isAnswered = reply.kind === "found" || reply.kind === "not-found";
    const answer = reply.kind === "found" ? reply.value : null;
    const file = await cache.update(step.hash, (before) => {
      const { asking: _, ...rest } = before;
      return isAnswered ? step.applyAnswer(rest, answer, asOf) : rest;
    });
    await deps.failpoint("F4 answer stored");
    const storedAnswer = step.pickAnswer(file);
    if (isAnswered && storedAnswer) return { kind: "known", answer: storedAnswer, stale: false };
    if (reply.kind === "later" && reply.unsent && clock.now() < plan.startUntilMs) return "unsent";
    return toRefusal(reply, plan);
  };

  const toRefusal = (reply: FilesReply<unknown>, plan: LookupPlan): StepResult<never> => {
    if (reply.kind === "refused") return reply;
    const retryAfterMs = "retryAfterMs" in reply ? reply.retryAfterMs : 0;
    if (reply.kind === "later") closedUntilMs = Math.max(closedUntilMs, clock.now() + retryAfterMs);
    // A call that our own answer's deadline cut short says nothing of Defender.
    const isCutShort = clock.now() >= plan.endMs - 1_000;
    return { kind: reply.kind === "down" && !isCutShort ? "down" : "later", retryAfterMs };
  };

  const shareCall = <T, R>(step: LookupStep<T, R>, plan: LookupPlan): Promise<StepResult<T>> => {
    const key = `${step.hash} ${step.name}`;
    const running = inFlight.get(key);
    // The name fixes the type of the answer.
    if (running)
      return waitWithinPlan(running.result as Promise<StepResult<T>>, running.endMs, plan);
    const result = fetchUntilSent(step, plan).finally(() => inFlight.delete(key));
    inFlight.set(key, { result, endMs: plan.endMs });
    return result;
  };

  /** A job may take its time over a call; who shares it does not wait longer than for one of its own. */
  const waitWithinPlan = async <T>(
    result: Promise<StepResult<T>>,
    endMs: number,
    plan: LookupPlan,
  ): Promise<StepResult<T>> => {
    if (endMs <= plan.endMs) return result;
    const abortController = new AbortController();
    const timeout = clock.sleep(Math.max(0, plan.endMs - clock.now()), abortController.signal).then(
      (): StepResult<T> => ({ kind: "later", retryAfterMs: 0 }),
      () => result,
    );
    return Promise.race([result, timeout]).finally(() => abortController.abort());
  };

  return async (step, plan) => {
    if (clock.now() >= plan.endMs) return { kind: "later", retryAfterMs: 0 };
    const file = await readFile(step, plan);
    const fresh = pickFreshAnswer(step, file, plan);
    if (fresh) return { kind: "known", answer: fresh, stale: false };
    const nowMs = clock.now();
    if (nowMs >= plan.startUntilMs || closedUntilMs >= plan.startUntilMs)
      return { kind: "later", retryAfterMs: Math.max(0, closedUntilMs - nowMs) };
    const result = await shareCall(step, plan);
    const staleAnswer = file && step.pickAnswer(file);
    if (result.kind === "down" && plan.isFinal && staleAnswer)
      return { kind: "known", answer: staleAnswer, stale: true };
    return result;
  };
}

const isLeased = ({ asking }: CachedFile, nowMs: number): boolean =>
  asking !== undefined && asking.untilMs > nowMs && asking.untilMs <= nowMs + 2 * leaseMs;
