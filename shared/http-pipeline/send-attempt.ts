/** One try of one call: the request, its deadline over headers and body, and what came back, judged before anybody reads it. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../runtime/time.ts";
import type { ApiResponse, ApiCall, StreamedResponse } from "./api-client.ts";
import { failpoints } from "../runtime/failpoints.ts";
import { readFailure, requestIdOf } from "./read-failure.ts";
import { mapBodyErrors } from "./map-body-errors.ts";
import type { Failure } from "./retry.ts";
import { sendHttpRequest, type TransportResponse, type TransportRequest } from "./transport.ts";

/** What a try needs besides the call. */
export interface AttemptOptions {
  readonly api: string;
  readonly url: URL;
  readonly clock: Clock;
  readonly header: { readonly name: string; readonly value: string };
  readonly deadlineMs: number;
  readonly maxBodyBytes: number;
  readonly expectedStatuses: readonly number[];
  /** A 2xx body is handed on unread. */
  readonly isStreamed: boolean;
}

/** What came of it. `requestId` is known as soon as there are headers. */
export type AttemptResult =
  | { readonly kind: "answer"; readonly response: ApiResponse | StreamedResponse }
  | { readonly kind: "failure"; readonly failure: Failure; readonly requestId: string | undefined };

/** The body ended before the service said so, or the deadline ended it; `failure` says which. */
export class TruncatedBodyError extends Error {
  override readonly name = "CutBody";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super("the body was cut");
    this.failure = failure;
  }
}

/**
 * @throws the reason of `call.signal` when that ended it
 * @throws CutBody from the body of a streamed answer
 */
export async function sendAttempt(call: ApiCall, options: AttemptOptions): Promise<AttemptResult> {
  const watch = startWatch(options.clock, options.deadlineMs, call.signal);
  let response: TransportResponse | undefined;
  try {
    response = await sendHttpRequest(options.url, buildRequest(call, options, watch.signal));
    await failpoints.failpoint(`${options.api} headers`);
    const result = await classifyResponse(response, options, watch);
    if (result.kind === "failure") response.discardBody();
    return result;
  } catch (error) {
    call.signal?.throwIfAborted();
    const failure = error instanceof TruncatedBodyError ? error.failure : watch.toFailure(error);
    watch.stop();
    return { kind: "failure", failure, requestId: response && requestIdOf(response.headers) };
  }
}

function buildRequest(
  call: ApiCall,
  { header }: AttemptOptions,
  signal: AbortSignal,
): TransportRequest {
  const headers = new Headers({
    accept: "application/json",
    "user-agent": "huntline",
    "client-request-id": randomUUID(),
    ...call.headers,
    [header.name]: header.value,
  });
  const { method } = call;
  const [type, body] = encodeBody(call);
  if (type !== undefined && !headers.has("content-type")) headers.set("content-type", type);
  return { method, headers, body, signal };
}

function encodeBody({ form, json }: ApiCall): readonly [type?: string, body?: string] {
  if (form)
    return ["application/x-www-form-urlencoded;charset=UTF-8", String(new URLSearchParams(form))];
  return json === undefined ? [] : ["application/json", JSON.stringify(json)];
}

interface DeadlineWatch {
  readonly signal: AbortSignal;
  readonly toFailure: (error: unknown) => Failure;
  readonly stop: () => void;
}

/** One deadline for headers and body together: a body that trickles does not outlive it. */
function startWatch(
  clock: Clock,
  deadlineMs: number,
  outer: AbortSignal | undefined,
): DeadlineWatch {
  const [deadlineController, stopController] = [new AbortController(), new AbortController()];
  clock.sleep(deadlineMs, stopController.signal).then(
    () => deadlineController.abort(new Error("deadline")),
    () => undefined,
  );
  return {
    signal: outer ? AbortSignal.any([outer, deadlineController.signal]) : deadlineController.signal,
    toFailure: (error) =>
      deadlineController.signal.aborted
        ? { kind: "deadline", deadlineMs }
        : toConnectionFailure(error),
    stop: () => stopController.abort(new Error("done")),
  };
}

/** Errors from before a byte of the request left: nothing can have happened. */
const unsentCodes =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|CONNECT_TIMEOUT)$/;
/** The other side is not who it should be; asking again changes nothing, and less security is no way out. */
const untrustedCodes = /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH/;

function toConnectionFailure(error: unknown): Failure {
  const code = codeOf(error) ?? "UNKNOWN";
  if (untrustedCodes.test(code))
    return { kind: "connection", code, isSent: false, isRetryable: false };
  return { kind: "connection", code, isSent: !unsentCodes.test(code), isRetryable: true };
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;

async function classifyResponse(
  response: TransportResponse,
  options: AttemptOptions,
  watch: DeadlineWatch,
): Promise<AttemptResult> {
  const { headers, status } = response;
  const requestId = requestIdOf(headers);
  const failAttempt = (failure: Failure): AttemptResult => {
    watch.stop();
    return { kind: "failure", failure, requestId };
  };
  if (status >= 300 && status < 400)
    return failAttempt(
      toNotApiFailure(status, `a redirect (${status}) instead of the API's answer`, false),
    );
  const isOk = status >= 200 && status < 300;
  const isExpected = isOk || options.expectedStatuses.includes(status);
  const isPage = /^\s*text\/html\b/i.test(headers.get("content-type") ?? "");
  if (isPage && status < 500 && status !== 429)
    return failAttempt(
      toNotApiFailure(status, `a page of HTML (${status}) instead of the API's answer`, isOk),
    );
  if (isOk && options.isStreamed)
    return {
      kind: "answer",
      response: { status, headers, requestId, body: readChunks(response, watch) },
    };

  const text = await readText(response, options.maxBodyBytes, watch);
  watch.stop();
  if (text === undefined)
    return failAttempt(
      toNotApiFailure(status, `a body of more than ${options.maxBodyBytes} bytes`, false),
    );
  const body = parseBody(text);
  if (!isExpected)
    return {
      kind: "failure",
      failure: { kind: "status", status, headers, body },
      requestId: requestId ?? readFailure(body).requestId,
    };
  if (isOk && body === text && looksLikeJson(headers, text))
    return failAttempt(toNotApiFailure(status, "JSON that is cut off", true));
  return { kind: "answer", response: { status, headers, body, requestId } };
}

const toNotApiFailure = (status: number, reason: string, isRetryable: boolean): Failure => ({
  kind: "not-the-api",
  status,
  reason: `the answer is ${reason}`,
  isRetryable,
});

const looksLikeJson = (headers: Headers, text: string): boolean =>
  /\bjson\b/i.test(headers.get("content-type") ?? "") || /^\s*[[{]/.test(text);

/** JSON where it is JSON, `undefined` for nothing, else the text. */
function parseBody(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** `undefined` when there is more than the cap. */
async function readText(
  response: TransportResponse,
  maxBytes: number,
  watch: DeadlineWatch,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of readChunks(response, watch)) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

const readChunks = ({ body }: TransportResponse, watch: DeadlineWatch): AsyncIterable<Uint8Array> =>
  mapBodyErrors(body, {
    toError: async (error) => new TruncatedBodyError(watch.toFailure(error)),
    onEnd: watch.stop,
  });
