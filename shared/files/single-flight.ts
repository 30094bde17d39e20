/**
 * Asks Defender one question about one file with one call: the cache is read first, equal questions
 * in this process share a call, and a lease in the file's record makes other processes wait for the
 * answer instead of calling too.
 */
import { retryLater, type RetryLater } from "../contracts/retry-later.ts";
import type { Failpoint } from "../runtime/failpoints.ts";
import type { Clock } from "../runtime/time.ts";
import type { FileCache } from "./cache.ts";
import { isFresh, type CachedFile, type CachedAnswer } from "./cached-file.ts";
import type {
  CallLimits,
  FilesPort,
  FilesReply,
  FilesSettings,
  Permit,
  Unreachable,
} from "./ports.ts";

/** The limits of one lookup. Instants are epoch milliseconds of this machine's clock. */
export interface LookupPlan {
  readonly lookBackHours: number;
  readonly shouldFetchInformation: boolean;
  /**
   * An answer counts as fresh when it is fresh at this instant: the start of the request or job.
   */
  readonly freshAtMs: number;
  /** No call starts after this. */
  readonly startUntilMs: number;
  /** Calls end before this, and nothing is read after it. */
  readonly endMs: number;
  /**
   * When Defender is out of reach: serve a stale answer (true), or leave the hash for later
   * (false).
   */
  readonly isFinal: boolean;
}

/** A question about a file: how to call, and where the answer is in the file's record. */
export interface LookupStep<T, R> {
  readonly name: string;
  readonly hash: string;
  readonly pickAnswer: (file: CachedFile) => CachedAnswer<T> | undefined;
  readonly fetchAnswer: (limits: CallLimits) => Promise<FilesReply<R>>;
  readonly applyAnswer: (file: CachedFile, answer: R | null, asOf: string) => CachedFile;
}

export type StepResult<T> =
  | { readonly kind: "known"; readonly answer: CachedAnswer<T>; readonly stale: boolean }
  | RetryLater
  | Unreachable
  | { readonly kind: "refused"; readonly problem: string };

export interface SingleFlightDeps {
  readonly cache: FileCache;
  readonly files: Pick<FilesPort, "acquirePermit">;
  readonly clock: Clock;
  readonly settings: FilesSettings;
  readonly createAttemptId: () => string;
  readonly failpoint: Failpoint;
}

/**
 * Longest duration of a call, and longest wait inside it: for a permit in place of an old one, or
 * to retry.
 */
const maxCallMs = 15_000;
const maxCallWaitMs = 10_000;
/** Covers a call and its wait, so that a crashed process blocks others for at most this long. */
const leaseMs = 30_000;
const pollMs = 500;
/** A call that ends this close to the plan's end may have been cut short by it. */
const cutShortMs = 1_000;

/** Runs lookup steps for one process; all its callers share calls. */
export class SingleFlight {
  readonly #deps: SingleFlightDeps;
  readonly #inFlight = new Map<
    string,
    { readonly result: Promise<StepResult<unknown>>; readonly endMs: number }
  >();
  /**
   * After a 429 or an empty hour no call starts before this; the quota is not asked for each hash.
   */
  #closedUntilMs = 0;

  constructor(deps: SingleFlightDeps) {
    this.#deps = deps;
  }

  /** Answers a question from the cache or by a call. */
  async run<T, R>(step: LookupStep<T, R>, plan: LookupPlan): Promise<StepResult<T>> {
    const nowMs = this.#deps.clock.now();
    if (nowMs >= plan.endMs) return retryLater(0);
    const file = await this.#readFile(step, plan);
    const fresh = this.#pickFreshAnswer(step, file, plan);
    if (fresh) return { kind: "known", answer: fresh, stale: false };
    const readMs = this.#deps.clock.now();
    if (readMs >= plan.startUntilMs || this.#closedUntilMs >= plan.startUntilMs)
      return retryLater(Math.max(0, this.#closedUntilMs - readMs));
    const result = await this.#shareCall(step, plan);
    const staleAnswer = file && step.pickAnswer(file);
    if (result.kind === "down" && plan.isFinal && staleAnswer)
      return { kind: "known", answer: staleAnswer, stale: true };
    return result;
  }

  #shareCall<T, R>(step: LookupStep<T, R>, plan: LookupPlan): Promise<StepResult<T>> {
    const key = `${step.hash} ${step.name}`;
    const running = this.#inFlight.get(key);
    // The step's name determines the type of its answer.
    if (running)
      return this.#waitWithinPlan(running.result as Promise<StepResult<T>>, running.endMs, plan);
    const result = this.#fetchUntilSent(step, plan).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, { result, endMs: plan.endMs });
    return result;
  }

  /**
   * A job may wait long for its call; a request that shares the call waits only until its own end.
   */
  async #waitWithinPlan<T>(
    result: Promise<StepResult<T>>,
    endMs: number,
    plan: LookupPlan,
  ): Promise<StepResult<T>> {
    const { clock } = this.#deps;
    if (endMs <= plan.endMs) return result;
    const abortController = new AbortController();
    const timeout = clock.sleep(Math.max(0, plan.endMs - clock.now()), abortController.signal).then(
      (): StepResult<T> => retryLater(0),
      () => result,
    );
    return Promise.race([result, timeout]).finally(() => abortController.abort());
  }

  async #fetchUntilSent<T, R>(step: LookupStep<T, R>, plan: LookupPlan): Promise<StepResult<T>> {
    for (;;) {
      const result = await this.#fetchWithLease(step, plan);
      if (result !== "unsent") return result;
    }
  }

  /**
   * `unsent`: the permit was too old once the lease was acquired, and no other came while the lease
   * lasts.
   */
  async #fetchWithLease<T, R>(
    step: LookupStep<T, R>,
    plan: LookupPlan,
  ): Promise<StepResult<T> | "unsent"> {
    const { clock, files, failpoint } = this.#deps;
    // The permit comes first: it may take minutes, and a lease covers no more than one call.
    const permitResult = await files.acquirePermit(Math.max(0, plan.startUntilMs - clock.now()));
    if (permitResult.kind !== "permit") return this.#toRefusal(permitResult, plan);
    await failpoint("F1 permit acquired");
    const leaseResult = await this.#acquireLookupLease(step, plan);
    if (leaseResult === "expired") return retryLater(0);
    if (leaseResult !== "acquired") return { kind: "known", answer: leaseResult, stale: false };
    await failpoint("F2 lease acquired");
    const reply = await step.fetchAnswer(this.#limitCall(permitResult.permit, plan));
    await failpoint("F3 answer read");
    const stored = await this.#storeReply(step, reply);
    await failpoint("F4 answer stored");
    if (stored) return { kind: "known", answer: stored, stale: false };
    if (reply.kind === "later" && reply.unsent && clock.now() < plan.startUntilMs) return "unsent";
    return this.#toRefusal(reply, plan);
  }

  /**
   * Acquires the file's lease, or waits for the process that holds it; returns the answer if one
   * came meanwhile.
   */
  async #acquireLookupLease<T, R>(
    step: LookupStep<T, R>,
    plan: LookupPlan,
  ): Promise<CachedAnswer<T> | "acquired" | "expired"> {
    const { cache, clock, createAttemptId } = this.#deps;
    const owner = createAttemptId();
    for (;;) {
      const nowMs = clock.now();
      if (nowMs >= Math.min(plan.startUntilMs + leaseMs, plan.endMs)) return "expired";
      const file = await cache.update(step.hash, (before) =>
        isLeased(before, nowMs)
          ? before
          : { ...before, lease: { owner, untilMs: nowMs + leaseMs } },
      );
      const fresh = this.#pickFreshAnswer(step, file, plan);
      if (fresh) return fresh;
      if (file.lease?.owner === owner) return "acquired";
      await clock.sleep(pollMs);
      const meanwhile = this.#pickFreshAnswer(step, await this.#readFile(step, plan), plan);
      if (meanwhile) return meanwhile;
    }
  }

  #limitCall(permit: Permit, plan: LookupPlan): CallLimits {
    const nowMs = this.#deps.clock.now();
    return {
      permit,
      maxWaitMs: Math.max(0, Math.min(maxCallWaitMs, plan.startUntilMs - nowMs)),
      deadlineMs: Math.max(1, Math.min(maxCallMs, plan.endMs - nowMs)),
    };
  }

  /**
   * Releases the lease and stores what the call answered; returns the answer when the reply was
   * one.
   */
  async #storeReply<T, R>(
    step: LookupStep<T, R>,
    reply: FilesReply<R>,
  ): Promise<CachedAnswer<T> | undefined> {
    const asOf = new Date(this.#deps.clock.now()).toISOString();
    const isAnswered = reply.kind === "found" || reply.kind === "notFound";
    const answer = reply.kind === "found" ? reply.value : null;
    const file = await this.#deps.cache.update(step.hash, (before) => {
      const { lease: _, ...rest } = before;
      return isAnswered ? step.applyAnswer(rest, answer, asOf) : rest;
    });
    return isAnswered ? step.pickAnswer(file) : undefined;
  }

  #toRefusal(reply: FilesReply<unknown>, plan: LookupPlan): StepResult<never> {
    const nowMs = this.#deps.clock.now();
    if (reply.kind === "refused") return reply;
    const retryAfterMs = "retryAfterMs" in reply ? reply.retryAfterMs : 0;
    if (reply.kind === "later")
      this.#closedUntilMs = Math.max(this.#closedUntilMs, nowMs + retryAfterMs);
    const isCutShort = nowMs >= plan.endMs - cutShortMs;
    return { kind: reply.kind === "down" && !isCutShort ? "down" : "later", retryAfterMs };
  }

  #readFile<T, R>(step: LookupStep<T, R>, plan: LookupPlan): Promise<CachedFile | undefined> {
    return this.#deps.cache.read(
      step.hash,
      (file) => this.#pickFreshAnswer(step, file, plan) !== undefined,
    );
  }

  #pickFreshAnswer<T, R>(
    step: LookupStep<T, R>,
    file: CachedFile | undefined,
    plan: LookupPlan,
  ): CachedAnswer<T> | undefined {
    const answer = file && step.pickAnswer(file);
    return answer && isFresh(answer, this.#deps.settings, plan.freshAtMs) ? answer : undefined;
  }
}

/** An expiry further away than any process writes is ignored. */
const isLeased = ({ lease }: CachedFile, nowMs: number): boolean =>
  lease !== undefined && lease.untilMs > nowMs && lease.untilMs <= nowMs + 2 * leaseMs;
