/**
 * Reads one response: tells the API's own response from redirects, HTML pages and truncated JSON.
 */
import type { ApiResponse, StreamedResponse } from "./api-client.ts";
import type { DeadlineWatch } from "./deadline-watch.ts";
import { mapBodyErrors } from "./map-body-errors.ts";
import { readFailure, requestIdOf } from "./read-failure.ts";
import type { Failure } from "./retry.ts";
import type { TransportResponse } from "./transport.ts";

/** The outcome of one exchange. `requestId` is known as soon as there are headers. */
export type AttemptResult =
  | { readonly kind: "answer"; readonly response: ApiResponse | StreamedResponse }
  | { readonly kind: "failure"; readonly failure: Failure; readonly requestId: string | undefined };

/** The body ended before the service said so, or the deadline ended it; `failure` says which. */
export class TruncatedBodyError extends Error {
  override readonly name = "TruncatedBodyError";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super("the body was cut");
    this.failure = failure;
  }
}

export interface ReadOptions {
  readonly maxBodyBytes: number;
  readonly expectedStatuses: readonly number[];
  /** True: a 2xx body is returned unread. */
  readonly isStreamed: boolean;
}

/**
 * Reads a response whose headers have arrived.
 *
 * @throws TruncatedBodyError, at once or from the body of a streamed response
 */
export async function readResponse(
  response: TransportResponse,
  options: ReadOptions,
  watch: DeadlineWatch,
): Promise<AttemptResult> {
  const { headers, status } = response;
  const foreign = classifyHeaders(status, headers);
  if (foreign) {
    watch.stop();
    return { kind: "failure", failure: foreign, requestId: requestIdOf(headers) };
  }
  if (isSuccess(status) && options.isStreamed) {
    const body = readChunks(response, watch);
    return {
      kind: "answer",
      response: { status, headers, requestId: requestIdOf(headers), body },
    };
  }
  const text = await readText(response, options.maxBodyBytes, watch);
  watch.stop();
  if (text === undefined) {
    const reason = `a body of more than ${options.maxBodyBytes} bytes`;
    const failure = toNotApiFailure(status, reason, false);
    return { kind: "failure", failure, requestId: requestIdOf(headers) };
  }
  return classifyBody(response, text, options.expectedStatuses);
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/**
 * Returns the failure that the headers alone prove: a proxy, a sign-in page or another host
 * responded.
 */
function classifyHeaders(status: number, headers: Headers): Failure | undefined {
  if (status >= 300 && status < 400)
    return toNotApiFailure(status, `a redirect (${status}) instead of the API's response`, false);
  const isPage = /^\s*text\/html\b/i.test(headers.get("content-type") ?? "");
  return isPage && status < 500 && status !== 429
    ? toNotApiFailure(
        status,
        `a page of HTML (${status}) instead of the API's response`,
        isSuccess(status),
      )
    : undefined;
}

function classifyBody(
  { headers, status }: TransportResponse,
  text: string,
  expectedStatuses: readonly number[],
): AttemptResult {
  const requestId = requestIdOf(headers);
  const body = parseBody(text);
  if (!isSuccess(status) && !expectedStatuses.includes(status))
    return {
      kind: "failure",
      failure: { kind: "status", status, headers, body },
      requestId: requestId ?? readFailure(body).requestId,
    };
  if (isSuccess(status) && body === text && looksLikeJson(headers, text))
    return {
      kind: "failure",
      failure: toNotApiFailure(status, "JSON that cannot be parsed", true),
      requestId,
    };
  return { kind: "answer", response: { status, headers, body, requestId } };
}

const toNotApiFailure = (status: number, reason: string, isRetryable: boolean): Failure => ({
  kind: "not-the-api",
  status,
  reason: `the response is ${reason}`,
  isRetryable,
});

const looksLikeJson = (headers: Headers, text: string): boolean =>
  /\bjson\b/i.test(headers.get("content-type") ?? "") || /^\s*[[{]/.test(text);

/** Returns the parsed JSON, `undefined` for an empty body, else the text. */
function parseBody(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return longDigits.test(text) ? JSON.parse(text, keepExact) : (JSON.parse(text) as unknown);
  } catch {
    return text;
  }
}

/** Only a body with as many digits can have a number that is not exact. */
const longDigits = /\d{16}/;

/** Returns a whole number beyond 2^53 as text, because a JavaScript number would round it. */
const keepExact = (_: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" &&
  Number.isInteger(value) &&
  !Number.isSafeInteger(value) &&
  /^-?\d+$/.test(context?.source ?? "")
    ? context?.source
    : value;

/** Returns `undefined` when the body exceeds the limit. */
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
