/**
 * The pipe: takes a turn of the shared quota just before each try, adds the token, keeps the deadline, tries again by
 * the kind of failure, tells everybody of refusals, and reports errors without tokens, bodies or addresses.
 */
import type { Log } from "../runtime/log.ts";
import { secondMs, type Clock } from "../runtime/time.ts";
import { CutBody, exchange, type Try } from "./exchange.ts";
import type { Answer, ApiName, Call, Pipe, StreamedAnswer } from "./api-client.ts";
import { points } from "../runtime/failpoints.ts";
import type { Quota, Turn } from "./quota/quota.ts";
import { readFailure } from "./read-body.ts";
import { redact } from "./redact.ts";
import { retold } from "./map-body-errors.ts";
import { meaningOf, pauseBefore, type Failure, type Meaning } from "./retry.ts";
import type { Authorise } from "./token.ts";
import { UpstreamError } from "./upstream-error.ts";

export interface PipeOptions {
  readonly api: ApiName;
  /** Root of the service; a path in it is kept: `https://portal.cloudappsecurity.com/cas`. */
  readonly baseUrl: string;
  readonly authorise: Authorise;
  /** Absent where the service counts no calls. */
  readonly quota?: Quota;
  readonly clock: Clock;
  readonly log: Log;
  /** For calls that name none: 30 s, 3 tries, 25 s of waiting for turns and pauses in all, 32 MiB of body. */
  readonly deadlineMs?: number;
  readonly tries?: number;
  readonly waitForTurnMs?: number;
  readonly largestBodyBytes?: number;
  /** In [0, 1); for jitter. */
  readonly random?: () => number;
}

const defaults = {
  deadlineMs: 30 * secondMs,
  tries: 3,
  waitForTurnMs: 25 * secondMs,
  largestBodyBytes: 32 * 2 ** 20,
  random: Math.random,
};

type Desk = PipeOptions & typeof defaults;

/** Opens the pipe to one API. Nothing is sent before the first call. */
export function openPipe(options: PipeOptions): Pipe {
  const desk = { ...defaults, ...options };
  return {
    send: (call, expect = []) => carry(desk, call, expect, false),
    stream: (call, expect = []) => carry(desk, call, expect, true),
  };
}

async function carry(desk: Desk, call: Call, expect: readonly number[], streamed: boolean) {
  const { api, authorise, clock, quota } = desk;
  const url = urlOf(desk.baseUrl, call);
  const tries = call.tries ?? desk.tries;
  const patience = startPatience(clock, call.waitForTurnMs ?? desk.waitForTurnMs);
  const { deadlineMs = desk.deadlineMs, signal } = call;
  let { turn } = call;
  let isTokenFresh = false;

  for (let tried = 1; ;) {
    const header = await authorise.header();
    if (quota)
      turn = await patience.during(() => takeTurn(desk, quota, turn, patience.leftMs(), signal));
    signal?.throwIfAborted();
    await points.reach(`${api} request`);
    const { largestBodyBytes } = desk;
    const step: Try = { api, url, clock, header, deadlineMs, largestBodyBytes, expect, streamed };
    const outcome = await exchange(call, step);
    turn = undefined;
    if (outcome.kind === "answer") {
      await quota?.report({ kind: "ok" });
      return guarded(desk, outcome.answer, header.secret);
    }
    const meaning = meaningOf(api, outcome.failure, clock.now());
    if (quota && meaning.report) await quota.report(meaning.report);
    if (meaning.again === "token") authorise.refused(header.secret);
    const pauseMs =
      meaning.again === "token" && isTokenFresh
        ? undefined
        : pauseBefore(meaning, {
            tried,
            tries,
            waitMs: patience.leftMs(),
            hasQuota: quota !== undefined,
            random: desk.random(),
          });
    if (pauseMs === undefined)
      throw errorOf(desk, meaning, outcome.failure, outcome.requestId, header.secret);
    if (meaning.again === "token") isTokenFresh = true;
    else tried += 1;
    await patience.during(() => clock.sleep(pauseMs, signal));
  }
}

/** @throws RangeError when a path leaves the API's own place: `..`, another host, an unencoded `?` */
function urlOf(baseUrl: string, call: Call): URL {
  const base = new URL(baseUrl);
  const path = `${base.pathname.replace(/\/$/, "")}${call.path}`;
  const url = new URL(path, base);
  if (
    !call.path.startsWith("/") ||
    url.origin !== base.origin ||
    url.pathname !== path ||
    url.search !== "" ||
    url.hash !== ""
  )
    throw new RangeError("a call's path begins with / and has each segment encoded");
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
  return url;
}

/** Counts the waiting of one call, over all its tries. */
function startPatience(clock: Clock, mostMs: number) {
  let waitedMs = 0;
  return {
    leftMs: (): number => Math.max(0, mostMs - waitedMs),
    during: async <T>(wait: () => Promise<T>): Promise<T> => {
      const startMs = clock.now();
      try {
        return await wait();
      } finally {
        waitedMs += clock.now() - startMs;
      }
    },
  };
}

/** The turn that came with the call while it is usable, else a fresh one. */
async function takeTurn(
  { api, clock }: Desk,
  quota: Quota,
  given: Turn | undefined,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<Turn> {
  if (given && clock.now() < given.usableUntilMs) return given;
  // A token may have taken longer than the turn was good for.
  given?.giveBack?.();
  for (;;) {
    const outcome = await quota.take(signal ? { waitMs, signal } : { waitMs });
    if (outcome.kind === "later") {
      const { reason, retryAfterMs } = outcome;
      throw new UpstreamError("throttled", `${api}: no turn of the shared quota yet (${reason})`, {
        api,
        retryAfterMs,
        upstreamCode: `no-turn-${reason}`,
        sent: false,
      });
    }
    if (clock.now() < outcome.turn.usableUntilMs) return outcome.turn;
    outcome.turn.giveBack?.();
  }
}

/** A streamed body that is cut ends in an UpstreamError as well. */
function guarded(
  desk: Desk,
  answer: Answer | StreamedAnswer,
  secret: string,
): Answer | StreamedAnswer {
  return isStreamed(answer) ? { ...answer, body: bodyOf(desk, answer, secret) } : answer;
}

const isStreamed = (answer: Answer | StreamedAnswer): answer is StreamedAnswer =>
  typeof answer.body === "object" && answer.body !== null && Symbol.asyncIterator in answer.body;

function bodyOf(desk: Desk, answer: StreamedAnswer, secret: string): AsyncIterable<Uint8Array> {
  const failed = async (error: unknown): Promise<unknown> => {
    if (!(error instanceof CutBody)) return error;
    const meaning = meaningOf(desk.api, error.failure, desk.clock.now());
    if (desk.quota && meaning.report) await desk.quota.report(meaning.report);
    const why = `the body was cut: ${meaning.why}`;
    return errorOf(desk, { ...meaning, why }, error.failure, answer.requestId, secret);
  };
  return retold(answer.body, { failed });
}

function errorOf(
  { api, log }: Desk,
  meaning: Meaning,
  failure: Failure,
  requestId: string | undefined,
  secret: string,
): UpstreamError {
  const said = failure.kind === "status" ? readFailure(failure.body) : undefined;
  const status = "status" in failure ? failure.status : undefined;
  const upstreamCode = said?.code ?? (failure.kind === "connection" ? failure.code : undefined);
  const error = new UpstreamError(meaning.code, `${api}: ${meaning.why}`, {
    api,
    status,
    requestId: requestId && redact(requestId, [secret]),
    retryAfterMs: meaning.retryAfterMs,
    upstreamCode: upstreamCode && redact(upstreamCode, [secret]).slice(0, 60),
    upstreamMessage: said && redact(said.message, [secret]),
    sent: failure.kind === "connection" ? failure.sent : true,
  });
  if (!error.passing || meaning.again === "never")
    log("upstream.refused", {
      api,
      status,
      code: error.upstreamCode ?? error.code,
      requestId: error.requestId,
    });
  return error;
}
