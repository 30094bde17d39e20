/** One try of one call: the request, its deadline over headers and body, and what came back, judged before anybody reads it. */
import { randomUUID } from "node:crypto";
import type { Clock } from "../runtime/time.ts";
import type { Answer, Call, StreamedAnswer } from "./api-client.ts";
import { points } from "../runtime/failpoints.ts";
import { readFailure, requestIdOf } from "./read-body.ts";
import { retold } from "./map-body-errors.ts";
import type { Failure } from "./retry.ts";
import { exchangeHttp, type Incoming, type Outgoing } from "./transport.ts";

/** What a try needs besides the call. */
export interface Try {
  readonly api: string;
  readonly url: URL;
  readonly clock: Clock;
  readonly header: { readonly name: string; readonly value: string };
  readonly deadlineMs: number;
  readonly largestBodyBytes: number;
  readonly expect: readonly number[];
  /** A 2xx body is handed on unread. */
  readonly streamed: boolean;
}

/** What came of it. `requestId` is known as soon as there are headers. */
export type Tried =
  | { readonly kind: "answer"; readonly answer: Answer | StreamedAnswer }
  | { readonly kind: "failure"; readonly failure: Failure; readonly requestId: string | undefined };

/** The body ended before the service said so, or the deadline ended it; `failure` says which. */
export class CutBody extends Error {
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
export async function exchange(call: Call, options: Try): Promise<Tried> {
  const watch = startWatch(options.clock, options.deadlineMs, call.signal);
  let response: Incoming | undefined;
  try {
    response = await exchangeHttp(options.url, request(call, options, watch.signal));
    await points.reach(`${options.api} headers`);
    const tried = await judge(response, options, watch);
    if (tried.kind === "failure") response.drop();
    return tried;
  } catch (error) {
    call.signal?.throwIfAborted();
    const failure = error instanceof CutBody ? error.failure : watch.failureOf(error);
    watch.stop();
    return { kind: "failure", failure, requestId: response && requestIdOf(response.headers) };
  }
}

function request(call: Call, { header }: Try, signal: AbortSignal): Outgoing {
  const headers = new Headers({
    accept: "application/json",
    "user-agent": "huntline",
    "client-request-id": randomUUID(),
    ...call.headers,
    [header.name]: header.value,
  });
  const { method } = call;
  const [type, body] = bodyOf(call);
  if (type !== undefined && !headers.has("content-type")) headers.set("content-type", type);
  return { method, headers, body, signal };
}

function bodyOf({ form, json }: Call): readonly [type?: string, body?: string] {
  if (form)
    return ["application/x-www-form-urlencoded;charset=UTF-8", String(new URLSearchParams(form))];
  return json === undefined ? [] : ["application/json", JSON.stringify(json)];
}

interface Watch {
  readonly signal: AbortSignal;
  readonly failureOf: (error: unknown) => Failure;
  readonly stop: () => void;
}

/** One deadline for headers and body together: a body that trickles does not outlive it. */
function startWatch(clock: Clock, deadlineMs: number, outer: AbortSignal | undefined): Watch {
  const [deadline, stopped] = [new AbortController(), new AbortController()];
  clock.sleep(deadlineMs, stopped.signal).then(
    () => deadline.abort(new Error("deadline")),
    () => undefined,
  );
  return {
    signal: outer ? AbortSignal.any([outer, deadline.signal]) : deadline.signal,
    failureOf: (error) =>
      deadline.signal.aborted ? { kind: "deadline", deadlineMs } : connectionFailure(error),
    stop: () => stopped.abort(new Error("done")),
  };
}

/** Errors from before a byte of the request left: nothing can have happened. */
const unsent =
  /^(?:ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|CONNECT_TIMEOUT)$/;
/** The other side is not who it should be; asking again changes nothing, and less security is no way out. */
const untrusted = /CERT|^ERR_TLS|^ERR_SSL|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH/;

function connectionFailure(error: unknown): Failure {
  const code = codeOf(error) ?? "UNKNOWN";
  if (untrusted.test(code)) return { kind: "connection", code, sent: false, again: false };
  return { kind: "connection", code, sent: !unsent.test(code), again: true };
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;

async function judge(response: Incoming, options: Try, watch: Watch): Promise<Tried> {
  const { headers, status } = response;
  const requestId = requestIdOf(headers);
  const fails = (failure: Failure): Tried => {
    watch.stop();
    return { kind: "failure", failure, requestId };
  };
  if (status >= 300 && status < 400)
    return fails(notTheApi(status, `a redirect (${status}) instead of the API's answer`, false));
  const isOk = status >= 200 && status < 300;
  const wanted = isOk || options.expect.includes(status);
  const isPage = /^\s*text\/html\b/i.test(headers.get("content-type") ?? "");
  if (isPage && status < 500 && status !== 429)
    return fails(notTheApi(status, `a page of HTML (${status}) instead of the API's answer`, isOk));
  if (isOk && options.streamed)
    return {
      kind: "answer",
      answer: { status, headers, requestId, body: pieces(response, watch) },
    };

  const text = await readText(response, options.largestBodyBytes, watch);
  watch.stop();
  if (text === undefined)
    return fails(notTheApi(status, `a body of more than ${options.largestBodyBytes} bytes`, false));
  const body = parse(text);
  if (!wanted)
    return {
      kind: "failure",
      failure: { kind: "status", status, headers, body },
      requestId: requestId ?? readFailure(body).requestId,
    };
  if (isOk && body === text && looksLikeJson(headers, text))
    return fails(notTheApi(status, "JSON that is cut off", true));
  return { kind: "answer", answer: { status, headers, body, requestId } };
}

const notTheApi = (status: number, what: string, again: boolean): Failure => ({
  kind: "not-the-api",
  status,
  what: `the answer is ${what}`,
  again,
});

const looksLikeJson = (headers: Headers, text: string): boolean =>
  /\bjson\b/i.test(headers.get("content-type") ?? "") || /^\s*[[{]/.test(text);

/** JSON where it is JSON, `undefined` for nothing, else the text. */
function parse(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** `undefined` when there is more than the cap. */
async function readText(
  response: Incoming,
  mostBytes: number,
  watch: Watch,
): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of pieces(response, watch)) {
    bytes += chunk.length;
    if (bytes > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

const pieces = ({ body }: Incoming, watch: Watch): AsyncIterable<Uint8Array> =>
  retold(body, { failed: async (error) => new CutBody(watch.failureOf(error)), over: watch.stop });
