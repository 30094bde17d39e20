/** Sends one call once, within its deadline. */
import { randomUUID } from "node:crypto";
import { failpoints } from "../runtime/failpoints.ts";
import type { Clock } from "../runtime/time.ts";
import type { ApiCall } from "./api-client.ts";
import { startWatch } from "./deadline-watch.ts";
import { requestIdOf } from "./read-failure.ts";
import {
  readResponse,
  TruncatedBodyError,
  type AttemptResult,
  type ReadOptions,
} from "./read-response.ts";
import type { Transport, TransportResponse, TransportRequest } from "./transport.ts";

/** What one try needs in addition to the call. */
export interface AttemptOptions extends ReadOptions {
  readonly api: string;
  readonly url: URL;
  readonly clock: Clock;
  readonly header: { readonly name: string; readonly value: string };
  readonly deadlineMs: number;
  readonly transport: Transport;
}

/**
 * Sends the request and reads its response.
 *
 * @throws the reason of `call.signal` when that ended the exchange; TruncatedBodyError from a
 *   streamed body
 */
export async function sendAttempt(call: ApiCall, options: AttemptOptions): Promise<AttemptResult> {
  const watch = startWatch(options.clock, options.deadlineMs, call.signal);
  let response: TransportResponse | undefined;
  try {
    response = await options.transport(options.url, buildRequest(call, options, watch.signal));
    await failpoints.failpoint(`${options.api} headers`);
    const result = await readResponse(response, options, watch);
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

/**
 * Names the charset: Microsoft Graph reads a body without it in an ANSI code page (Microsoft Learn,
 * "security: runHuntingQuery", note on the request headers).
 */
function encodeBody({ form, json }: ApiCall): readonly [type?: string, body?: string] {
  if (form)
    return ["application/x-www-form-urlencoded;charset=UTF-8", String(new URLSearchParams(form))];
  return json === undefined ? [] : ["application/json; charset=utf-8", JSON.stringify(json)];
}
