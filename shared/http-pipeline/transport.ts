/**
 * One HTTP request over Node's own client. `fetch` copies every chunk of a body twice, and the body
 * of a response is most of the work of an export.
 */
import { request as requestHttp, type ClientRequest, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { Socket } from "node:net";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { secondMs } from "../runtime/time.ts";

/** One request. */
export interface TransportRequest {
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | undefined;
  /** Ends the request, or the body of its response, at any time. */
  readonly signal: AbortSignal;
}

/** A response whose headers have arrived. A redirect is a response like any other. */
export interface TransportResponse {
  readonly status: number;
  readonly headers: Headers;
  /**
   * Decompressed, to be read once. Throws when the connection or the signal ends before the body
   * does.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** Drops the rest of the body. */
  readonly discardBody: () => void;
}

/** Sends one request and resolves when the headers of its response have arrived. */
export type Transport = (url: URL, request: TransportRequest) => Promise<TransportResponse>;

const connectTimeoutMs = 10 * secondMs;

/** No connection was made in time: nothing was sent. */
class ConnectTimeoutError extends Error {
  override readonly name = "ConnectTimeout";
  readonly code = "CONNECT_TIMEOUT";
}

/**
 * @throws the system's error with its `code` when no response arrives; an AbortError when the
 *   signal ended it
 */
export function sendHttpRequest(
  url: URL,
  { body, headers, method, signal }: TransportRequest,
): Promise<TransportResponse> {
  const options = {
    method,
    headers: { "accept-encoding": "gzip", ...Object.fromEntries(headers) },
    signal,
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? requestHttps : requestHttp)(
      url,
      options,
      (response) => resolve(toTransportResponse(response)),
    );
    // Stays attached: a later failure is reported by the body and must not become an unhandled
    // error event.
    request.on("error", reject);
    request.once("socket", (socket) => limitConnecting(request, socket, url.protocol));
    request.end(body);
  });
}

/**
 * Limits the time to connect: a host that drops packets would use the whole deadline, and look as
 * if the request had been sent.
 */
function limitConnecting(request: ClientRequest, socket: Socket, protocol: string): void {
  if (!socket.connecting) return;
  const giveUp = (): void =>
    void request.destroy(new ConnectTimeoutError(`no connection within ${connectTimeoutMs} ms`));
  const timer = setTimeout(giveUp, connectTimeoutMs);
  const clearTimer = (): void => clearTimeout(timer);
  socket
    .once(protocol === "https:" ? "secureConnect" : "connect", clearTimer)
    .once("close", clearTimer);
}

function toTransportResponse(response: IncomingMessage): TransportResponse {
  const headers = new Headers();
  for (const [name, values] of Object.entries(response.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  const stream = decompressBody(response, headers.get("content-encoding"));
  return {
    status: response.statusCode ?? 0,
    headers,
    body: readChunks(stream),
    discardBody: () => void response.destroy(),
  };
}

function decompressBody(response: IncomingMessage, encoding: string | null): Readable {
  if (!/^(?:x-)?gzip$/i.test(encoding?.trim() ?? "")) return response;
  // An error of either stream ends both and is thrown by the one that is read.
  return pipeline(response, createGunzip(), () => undefined);
}

/** Bytes that may wait to be read. */
const maxBufferedBytes = 262_144;

type Step = IteratorResult<Uint8Array, undefined>;

/**
 * Iterates over the chunks of a stream as the socket delivered them: the stream's own iterator
 * joins waiting chunks into a copy. Supports one step at a time, as `for await` does.
 */
function readChunks(stream: Readable): AsyncIterable<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bufferedBytes = 0;
  let end: { readonly error?: unknown } | undefined;
  let wakeReader = (): void => undefined;
  const endStream = (outcome: NonNullable<typeof end>): void => {
    end ??= outcome;
    wakeReader();
  };
  // Attached from the beginning: an error may occur before the first read.
  stream.once("end", () => endStream({}));
  stream.on("error", (error) => endStream({ error }));
  stream.once("close", () => endStream({ error: new Error("closed before its end") }));

  const addChunk = (chunk: Uint8Array): void => {
    chunks.push(chunk);
    bufferedBytes += chunk.length;
    if (bufferedBytes >= maxBufferedBytes) stream.pause();
    wakeReader();
  };
  const readNext = async (): Promise<Step> => {
    for (;;) {
      const chunk = chunks.shift();
      if (chunk) {
        bufferedBytes -= chunk.length;
        return { value: chunk, done: false };
      }
      if (end && "error" in end) throw end.error;
      if (end) return { value: undefined, done: true };
      const more = new Promise<void>((resolve) => (wakeReader = resolve));
      stream.resume();
      await more;
    }
  };
  const stopReading = async (): Promise<Step> => {
    stream.destroy();
    return { value: undefined, done: true };
  };
  return {
    [Symbol.asyncIterator]: () => {
      stream.on("data", addChunk);
      return { next: readNext, return: stopReading };
    },
  };
}
