/**
 * The HTTP pipeline of one API: acquires a permit of the shared quota just before each try, adds
 * the token, keeps the deadline, retries by kind of failure, reports refusals to all instances, and
 * raises redacted errors.
 */
import { failpoints } from "../runtime/failpoints.ts";
import type { Log } from "../runtime/log.ts";
import { secondMs, type Clock } from "../runtime/time.ts";
import type { ApiResponse, ApiName, ApiCall, ApiClient, StreamedResponse } from "./api-client.ts";
import { createUpstreamError, type FailedExchange } from "./create-upstream-error.ts";
import { mapBodyErrors } from "./map-body-errors.ts";
import type { Quota, Permit } from "./quota/quota.ts";
import { TruncatedBodyError, type AttemptResult } from "./read-response.ts";
import { decideRetry, computePauseMs } from "./retry.ts";
import { sendAttempt } from "./send-attempt.ts";
import type { Authorizer } from "./token.ts";
import { sendHttpRequest, type Transport } from "./transport.ts";
import { UpstreamError } from "./upstream-error.ts";

export interface ApiClientOptions {
  readonly api: ApiName;
  /** Root of the service; its path is kept: `https://portal.cloudappsecurity.com/cas`. */
  readonly baseUrl: string;
  readonly authorizer: Authorizer;
  /** Absent where the service counts no calls. */
  readonly quota?: Quota;
  readonly clock: Clock;
  readonly log: Log;
  /** Deadline of a call that names none. @default 30,000 */
  readonly deadlineMs?: number;
  /** Tries of a call that names none. @default 3 */
  readonly tries?: number;
  /** Longest total wait for permits and pauses of a call that names none. @default 25,000 */
  readonly maxWaitMs?: number;
  /** @default 32 MiB */
  readonly maxBodyBytes?: number;
  /** Returns a number in [0, 1), for jitter. @default Math.random */
  readonly random?: () => number;
  /** Sends one HTTP request. @default Node's own client */
  readonly transport?: Transport;
}

const defaults = {
  deadlineMs: 30 * secondMs,
  tries: 3,
  maxWaitMs: 25 * secondMs,
  maxBodyBytes: 32 * 2 ** 20,
  random: Math.random,
  transport: sendHttpRequest,
};

type ClientContext = ApiClientOptions & typeof defaults;

/** Creates the client of one API. Nothing is sent before the first call. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const context = { ...defaults, ...options };
  const startCall = async (
    call: ApiCall,
    expectedStatuses: readonly number[],
    isStreamed: boolean,
  ) => new CallInProgress(context, call, { expectedStatuses, isStreamed }).run();
  return {
    origin: new URL(context.baseUrl).origin,
    send: (call, expectedStatuses = []) => startCall(call, expectedStatuses, false),
    stream: (call, expectedStatuses = []) => startCall(call, expectedStatuses, true),
  };
}

interface ResponseOptions {
  readonly expectedStatuses: readonly number[];
  readonly isStreamed: boolean;
}

/** One call over all its tries. */
class CallInProgress {
  readonly #context: ClientContext;
  readonly #call: ApiCall;
  readonly #options: ResponseOptions;
  readonly #url: URL;
  readonly #maxWaitMs: number;
  #permit: Permit | undefined;
  #waitedMs = 0;
  #triesMade = 0;
  /** The exchange that refused the credential. */
  #refusal: FailedExchange | undefined;

  constructor(context: ClientContext, call: ApiCall, options: ResponseOptions) {
    this.#context = context;
    this.#call = call;
    this.#options = options;
    this.#url = buildUrl(context.baseUrl, call);
    this.#maxWaitMs = call.maxWaitMs ?? context.maxWaitMs;
    this.#permit = call.permit;
  }

  async run(): Promise<ApiResponse> {
    const { quota } = this.#context;
    for (;;) {
      const header = await this.#createHeader();
      await this.#acquirePermit();
      this.#call.signal?.throwIfAborted();
      const result = await this.#sendOnce(header);
      if (result.kind === "answer") {
        await quota?.report({ kind: "ok" });
        return this.#wrapBody(result.response, header.secret);
      }
      await this.#recover(result, header.secret);
    }
  }

  /** Without another credential the refusal of the former one is the result of the call. */
  async #createHeader() {
    try {
      return await this.#context.authorizer.createHeader();
    } catch (error) {
      throw this.#refusal ? createUpstreamError(this.#context, this.#refusal) : error;
    }
  }

  async #sendOnce(header: { readonly name: string; readonly value: string }) {
    const { api, clock, maxBodyBytes, transport } = this.#context;
    await failpoints.failpoint(`${api} request`);
    const deadlineMs = this.#call.deadlineMs ?? this.#context.deadlineMs;
    this.#permit = undefined;
    this.#triesMade += 1;
    return sendAttempt(this.#call, {
      ...this.#options,
      api,
      url: this.#url,
      clock,
      header,
      deadlineMs,
      maxBodyBytes,
      transport,
    });
  }

  /** Keeps the permit that came with the call while it is usable, else acquires another. */
  async #acquirePermit(): Promise<void> {
    const { api, clock, quota } = this.#context;
    const { signal } = this.#call;
    if (!quota) return;
    while (!this.#permit || clock.now() >= this.#permit.usableUntilMs) {
      // Reading a token may have taken longer than the permit is usable.
      this.#permit?.returnUnused?.();
      const maxWaitMs = this.#remainingWaitMs();
      const outcome = await this.#trackWait(() =>
        quota.acquirePermit(signal ? { maxWaitMs, signal } : { maxWaitMs }),
      );
      if (outcome.kind === "later") {
        const { reason, retryAfterMs } = outcome;
        const message = `${api}: no permit of the shared quota yet (${reason})`;
        const upstreamCode = `no-permit-${reason}`;
        throw new UpstreamError("throttled", message, {
          api,
          retryAfterMs,
          upstreamCode,
          isSent: false,
        });
      }
      this.#permit = outcome.permit;
    }
  }

  /** Reports the failure to all instances, then waits for the next try or throws. */
  async #recover(
    { failure, requestId }: AttemptResult & { kind: "failure" },
    secret: string,
  ): Promise<void> {
    const { api, authorizer, clock, quota } = this.#context;
    const decision = decideRetry(api, failure, clock.now());
    if (quota && decision.report) await quota.report(decision.report);
    const isTokenRefused = decision.retry === "token";
    if (isTokenRefused) authorizer.reportRefused(secret);
    const pauseMs = isTokenRefused && this.#refusal ? undefined : this.#computePause(decision);
    if (pauseMs === undefined)
      throw createUpstreamError(this.#context, { failure, decision, requestId, secret });
    if (isTokenRefused) {
      this.#refusal = { failure, decision, requestId, secret };
      this.#triesMade -= 1;
    }
    await this.#trackWait(() => clock.sleep(pauseMs, this.#call.signal));
  }

  #computePause(decision: FailedExchange["decision"]): number | undefined {
    return computePauseMs(decision, {
      triesMade: this.#triesMade,
      tries: this.#call.tries ?? this.#context.tries,
      maxWaitMs: this.#remainingWaitMs(),
      hasQuota: this.#context.quota !== undefined,
      random: this.#context.random(),
    });
  }

  #remainingWaitMs(): number {
    return Math.max(0, this.#maxWaitMs - this.#waitedMs);
  }

  /** Counts the waiting of this call, over all its tries. */
  async #trackWait<T>(wait: () => Promise<T>): Promise<T> {
    const { clock } = this.#context;
    const startMs = clock.now();
    try {
      return await wait();
    } finally {
      this.#waitedMs += clock.now() - startMs;
    }
  }

  /** Makes a streamed body that is cut end in an UpstreamError as well. */
  #wrapBody(response: ApiResponse | StreamedResponse, secret: string) {
    if (!isStreamedResponse(response)) return response;
    const { requestId } = response;
    const toError = async (error: unknown): Promise<unknown> => {
      if (!(error instanceof TruncatedBodyError)) return error;
      const { failure } = error;
      const { api, clock, quota } = this.#context;
      const decision = decideRetry(api, failure, clock.now());
      if (quota && decision.report) await quota.report(decision.report);
      const cut = { ...decision, why: `the body was cut: ${decision.why}` };
      return createUpstreamError(this.#context, { failure, decision: cut, requestId, secret });
    };
    return { ...response, body: mapBodyErrors(response.body, { toError }) };
  }
}

const isStreamedResponse = (
  response: ApiResponse | StreamedResponse,
): response is StreamedResponse =>
  typeof response.body === "object" &&
  response.body !== null &&
  Symbol.asyncIterator in response.body;

/**
 * @throws RangeError when a path leaves the API's own root: `..`, another host, an unencoded `?`
 */
function buildUrl(baseUrl: string, call: ApiCall): URL {
  const base = new URL(baseUrl);
  const path = `${base.pathname.replace(/\/$/, "")}${call.path}`;
  const url = new URL(path, base);
  const isBelowRoot =
    call.path.startsWith("/") &&
    url.origin === base.origin &&
    url.pathname === path &&
    url.search === "" &&
    url.hash === "";
  if (!isBelowRoot)
    throw new RangeError("the path of a call must begin with / and have each segment encoded");
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
  return url;
}
