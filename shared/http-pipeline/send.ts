/**
 * The pipe: takes a turn of the shared quota just before each try, adds the token, keeps the deadline, tries again by
 * the kind of failure, tells everybody of refusals, and reports errors without tokens, bodies or addresses.
 */
import type { Log } from "../runtime/log.ts";
import { secondMs, type Clock } from "../runtime/time.ts";
import { TruncatedBodyError, sendAttempt, type AttemptOptions } from "./send-attempt.ts";
import type { ApiResponse, ApiName, ApiCall, ApiClient, StreamedResponse } from "./api-client.ts";
import { failpoints } from "../runtime/failpoints.ts";
import type { Quota, Permit } from "./quota/quota.ts";
import { readFailure } from "./read-failure.ts";
import { redact } from "./redact.ts";
import { mapBodyErrors } from "./map-body-errors.ts";
import { decideRetry, computePauseMs, type Failure, type RetryDecision } from "./retry.ts";
import type { Authorizer } from "./token.ts";
import { UpstreamError } from "./upstream-error.ts";

export interface ApiClientOptions {
  readonly api: ApiName;
  /** Root of the service; a path in it is kept: `https://portal.cloudappsecurity.com/cas`. */
  readonly baseUrl: string;
  readonly authorizer: Authorizer;
  /** Absent where the service counts no calls. */
  readonly quota?: Quota;
  readonly clock: Clock;
  readonly log: Log;
  /** For calls that name none: 30 s, 3 tries, 25 s of waiting for turns and pauses in all, 32 MiB of body. */
  readonly deadlineMs?: number;
  readonly tries?: number;
  readonly maxWaitMs?: number;
  readonly maxBodyBytes?: number;
  /** In [0, 1); for jitter. */
  readonly random?: () => number;
}

const defaults = {
  deadlineMs: 30 * secondMs,
  tries: 3,
  maxWaitMs: 25 * secondMs,
  maxBodyBytes: 32 * 2 ** 20,
  random: Math.random,
};

type ClientContext = ApiClientOptions & typeof defaults;

/** Opens the pipe to one API. Nothing is sent before the first call. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const context = { ...defaults, ...options };
  return {
    send: (call, expectedStatuses = []) => sendCall(context, call, expectedStatuses, false),
    stream: (call, expectedStatuses = []) => sendCall(context, call, expectedStatuses, true),
  };
}

async function sendCall(
  context: ClientContext,
  call: ApiCall,
  expectedStatuses: readonly number[],
  isStreamed: boolean,
) {
  const { api, authorizer, clock, quota } = context;
  const url = buildUrl(context.baseUrl, call);
  const tries = call.tries ?? context.tries;
  const waitBudget = startWaitBudget(clock, call.maxWaitMs ?? context.maxWaitMs);
  const { deadlineMs = context.deadlineMs, signal } = call;
  let { permit } = call;
  let isTokenFresh = false;

  for (let triesMade = 1; ;) {
    const header = await authorizer.createHeader();
    if (quota)
      permit = await waitBudget.trackWait(() =>
        acquirePermit(context, quota, permit, waitBudget.remainingMs(), signal),
      );
    signal?.throwIfAborted();
    await failpoints.failpoint(`${api} request`);
    const { maxBodyBytes } = context;
    const attempt: AttemptOptions = {
      api,
      url,
      clock,
      header,
      deadlineMs,
      maxBodyBytes,
      expectedStatuses,
      isStreamed,
    };
    const outcome = await sendAttempt(call, attempt);
    permit = undefined;
    if (outcome.kind === "answer") {
      await quota?.report({ kind: "ok" });
      return wrapStreamErrors(context, outcome.response, header.secret);
    }
    const decision = decideRetry(api, outcome.failure, clock.now());
    if (quota && decision.report) await quota.report(decision.report);
    if (decision.retry === "token") authorizer.reportRefused(header.secret);
    const pauseMs =
      decision.retry === "token" && isTokenFresh
        ? undefined
        : computePauseMs(decision, {
            triesMade,
            tries,
            maxWaitMs: waitBudget.remainingMs(),
            hasQuota: quota !== undefined,
            random: context.random(),
          });
    if (pauseMs === undefined)
      throw createUpstreamError(
        context,
        decision,
        outcome.failure,
        outcome.requestId,
        header.secret,
      );
    if (decision.retry === "token") isTokenFresh = true;
    else triesMade += 1;
    await waitBudget.trackWait(() => clock.sleep(pauseMs, signal));
  }
}

/** @throws RangeError when a path leaves the API's own place: `..`, another host, an unencoded `?` */
function buildUrl(baseUrl: string, call: ApiCall): URL {
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
function startWaitBudget(clock: Clock, maxMs: number) {
  let waitedMs = 0;
  return {
    remainingMs: (): number => Math.max(0, maxMs - waitedMs),
    trackWait: async <T>(wait: () => Promise<T>): Promise<T> => {
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
async function acquirePermit(
  { api, clock }: ClientContext,
  quota: Quota,
  permit: Permit | undefined,
  maxWaitMs: number,
  signal: AbortSignal | undefined,
): Promise<Permit> {
  if (permit && clock.now() < permit.usableUntilMs) return permit;
  // A token may have taken longer than the turn was good for.
  permit?.returnUnused?.();
  for (;;) {
    const outcome = await quota.acquirePermit(signal ? { maxWaitMs, signal } : { maxWaitMs });
    if (outcome.kind === "later") {
      const { reason, retryAfterMs } = outcome;
      throw new UpstreamError("throttled", `${api}: no turn of the shared quota yet (${reason})`, {
        api,
        retryAfterMs,
        upstreamCode: `no-turn-${reason}`,
        isSent: false,
      });
    }
    if (clock.now() < outcome.permit.usableUntilMs) return outcome.permit;
    outcome.permit.returnUnused?.();
  }
}

/** A streamed body that is cut ends in an UpstreamError as well. */
function wrapStreamErrors(
  context: ClientContext,
  response: ApiResponse | StreamedResponse,
  secret: string,
): ApiResponse | StreamedResponse {
  return isStreamedResponse(response)
    ? { ...response, body: mapStreamErrors(context, response, secret) }
    : response;
}

const isStreamedResponse = (
  response: ApiResponse | StreamedResponse,
): response is StreamedResponse =>
  typeof response.body === "object" &&
  response.body !== null &&
  Symbol.asyncIterator in response.body;

function mapStreamErrors(
  context: ClientContext,
  response: StreamedResponse,
  secret: string,
): AsyncIterable<Uint8Array> {
  const toError = async (error: unknown): Promise<unknown> => {
    if (!(error instanceof TruncatedBodyError)) return error;
    const decision = decideRetry(context.api, error.failure, context.clock.now());
    if (context.quota && decision.report) await context.quota.report(decision.report);
    const why = `the body was cut: ${decision.why}`;
    return createUpstreamError(
      context,
      { ...decision, why },
      error.failure,
      response.requestId,
      secret,
    );
  };
  return mapBodyErrors(response.body, { toError });
}

function createUpstreamError(
  { api, log }: ClientContext,
  decision: RetryDecision,
  failure: Failure,
  requestId: string | undefined,
  secret: string,
): UpstreamError {
  const errorDetails = failure.kind === "status" ? readFailure(failure.body) : undefined;
  const status = "status" in failure ? failure.status : undefined;
  const upstreamCode =
    errorDetails?.code ?? (failure.kind === "connection" ? failure.code : undefined);
  const error = new UpstreamError(decision.code, `${api}: ${decision.why}`, {
    api,
    status,
    requestId: requestId && redact(requestId, [secret]),
    retryAfterMs: decision.retryAfterMs,
    upstreamCode: upstreamCode && redact(upstreamCode, [secret]).slice(0, 60),
    upstreamMessage: errorDetails && redact(errorDetails.message, [secret]),
    isSent: failure.kind === "connection" ? failure.isSent : true,
  });
  if (!error.isTransient || decision.retry === "never")
    log("upstream.refused", {
      api,
      status,
      code: error.upstreamCode ?? error.code,
      requestId: error.requestId,
    });
  return error;
}
