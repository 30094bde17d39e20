/** The HTTP server: finds the function, checks the key, converts request and reply. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AdminHandler } from "./admin.ts";
import type { Calls } from "./calls.ts";
import { createTrace } from "./calls.ts";
import type { RegisteredFunction, HttpTrigger } from "./index-functions.ts";
import { isKeyAccepted, type Keys } from "./keys.ts";
import type { TraceContext } from "./protocol.ts";
import { fromRpcHttp, toRpcHttp, type PlainReply } from "./rpc-http.ts";

export interface HttpOptions {
  readonly functions: readonly RegisteredFunction[];
  readonly calls: Calls;
  readonly admin: AdminHandler;
  /** Absent: every caller may call everything, as in Core Tools without `--enableAuth`. */
  readonly keys?: Keys | undefined;
  /**
   * A request without Content-Length arrives without a body, as on the platform; "read" is kinder
   * than it.
   */
  readonly chunkedBodies?: "empty" | "read" | undefined;
  readonly bodyLimitBytes?: number | undefined;
  /**
   * A signed-in user to pretend, given as the front end's headers; the callers' own are always
   * taken off.
   */
  readonly principal?: readonly (readonly [string, string])[] | undefined;
  readonly hasHomepage?: boolean | undefined;
}

const defaultBodyLimitBytes = 104_857_600;
// As Kestrel keeps them; Node's own 5 s would cut connections that clients still hold.
const keepAliveMs = 130_000;

export function createHttpServer(options: HttpOptions): Server {
  const server = createServer((request, response) => {
    // A client may disconnect at any time; that is not a failure of the host.
    response.on("error", () => undefined);
    void handleRequest(options, request).then(
      (reply) => sendReply(request, response, reply),
      () => sendReply(request, response, toEmptyReply(500)),
    );
  });
  server.requestTimeout = 0;
  server.keepAliveTimeout = keepAliveMs;
  return server;
}

/** A reply with a status and nothing else. */
export const toEmptyReply = (status: number): PlainReply => ({
  status,
  headers: [],
  body: new Uint8Array(),
});

/** The key is looked at before the body: who may not enter costs nothing. */
async function handleRequest(options: HttpOptions, request: IncomingMessage): Promise<PlainReply> {
  const url = urlOf(request);
  if (!url) return toEmptyReply(400);
  const method = request.method ?? "GET";
  const key = keyOf(request, url);
  const isAdmin = !options.keys || isKeyAccepted(options.keys, key, "admin");
  if (/^\/admin(?:\/|$)/i.test(url.pathname))
    return handleWithBody(options, request, (body) =>
      options.admin({ method, url, body, isAllowed: isAdmin }),
    );
  const match = findFunction(options.functions, method, url.pathname);
  if (!match) return url.pathname === "/" ? createHomeReply(options) : toEmptyReply(404);
  const { func, trigger, params } = match;
  if (options.keys && !isKeyAccepted(options.keys, key, trigger.authLevel, func.name))
    return toEmptyReply(401);
  if (func.isDisabled && !(options.keys && isAdmin)) return toEmptyReply(404);
  return handleWithBody(options, request, (body) =>
    callFunction(options, { func, params, request, url, body }),
  );
}

async function handleWithBody(
  options: HttpOptions,
  request: IncomingMessage,
  handle: (body: Uint8Array | undefined) => PlainReply | Promise<PlainReply>,
): Promise<PlainReply> {
  const body = await readBody(request, options);
  return body === "too large"
    ? { ...toEmptyReply(413), headers: [["connection", "close"]] }
    : handle(body);
}

/**
 * Returns the first function in the order of registration whose route and method match; a wrong
 * method is "not found".
 */
function findFunction(
  functions: readonly RegisteredFunction[],
  method: string,
  path: string,
): { func: RegisteredFunction; trigger: HttpTrigger; params: Record<string, string> } | undefined {
  for (const func of functions) {
    const { trigger } = func;
    if (
      trigger.kind !== "http" ||
      (trigger.methods.length > 0 && !trigger.methods.includes(method))
    )
      continue;
    const params = trigger.route(path);
    if (params) return { func, trigger, params };
  }
  return undefined;
}

interface MatchedRequest {
  readonly func: RegisteredFunction;
  readonly params: Record<string, string>;
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly body: Uint8Array | undefined;
}

/** What the function throws is in the log; the caller sees 500 and nothing else. */
async function callFunction(
  options: HttpOptions,
  { func, params, request, url, body }: MatchedRequest,
): Promise<PlainReply> {
  const http = toRpcHttp({
    method: request.method ?? "GET",
    url: url.href,
    headers: readHeaders(request),
    params,
    body,
  });
  const principalHeaders = (options.principal ?? []).map(
    ([name, value]) => [name.toLowerCase(), { value }] as const,
  );
  const nullableHeaders = { ...http.nullableHeaders, ...Object.fromEntries(principalHeaders) };
  const input = { http: { ...http, nullableHeaders } };
  const reason = "This function was programmatically called via the host APIs.";
  try {
    const response = await options.calls.run(func, {
      input,
      metadata: {},
      reason,
      traceContext: traceOf(request),
    });
    return fromRpcHttp(response.returnValue);
  } catch {
    return toEmptyReply(500);
  }
}

function urlOf(request: IncomingMessage): URL | undefined {
  const text = `http://${request.headers.host ?? "localhost"}${request.url ?? "/"}`;
  return request.url?.startsWith("/") && URL.canParse(text) ? new URL(text) : undefined;
}

const keyOf = (request: IncomingMessage, url: URL): string | undefined =>
  request.headersDistinct["x-functions-key"]?.[0] ?? url.searchParams.get("code") ?? undefined;

/**
 * Cookies are one header with semicolons; any other that is repeated stays apart and is joined
 * later.
 */
const readHeaders = (request: IncomingMessage): [string, string][] =>
  Object.entries(request.headersDistinct).flatMap(([name, values = []]) =>
    name === "cookie"
      ? [[name, values.join("; ")]]
      : values.map((value): [string, string] => [name, value]),
  );

function traceOf(request: IncomingMessage): TraceContext {
  const parent = request.headersDistinct["traceparent"]?.[0];
  if (parent === undefined || !/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(parent))
    return createTrace();
  return {
    traceParent: parent,
    traceState: request.headersDistinct["tracestate"]?.join(",") ?? "",
    attributes: {},
  };
}

async function readBody(
  request: IncomingMessage,
  options: HttpOptions,
): Promise<Uint8Array | undefined | "too large"> {
  const limit = options.bodyLimitBytes ?? defaultBodyLimitBytes;
  const length = request.headers["content-length"];
  if (Number(length ?? 0) > limit) return "too large";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limit) return "too large";
    chunks.push(chunk);
  }
  return length === undefined && options.chunkedBodies !== "read"
    ? undefined
    : Buffer.concat(chunks);
}

const createHomeReply = ({ hasHomepage = true }: HttpOptions): PlainReply =>
  hasHomepage
    ? {
        status: 200,
        headers: [["content-type", "text/plain; charset=utf-8"]],
        body: Buffer.from("Your Functions app is up and running.\n"),
      }
    : toEmptyReply(204);

function sendReply(request: IncomingMessage, response: ServerResponse, reply: PlainReply): void {
  const headers = new Map<string, string[]>();
  for (const [name, value] of reply.headers)
    headers.set(name, [...(headers.get(name) ?? []), value]);
  for (const [name, values] of headers)
    response.setHeader(name, values.length === 1 ? (values[0] ?? "") : values);
  const isBodiless = reply.status === 204 || reply.status === 205 || reply.status === 304;
  if (!isBodiless) response.setHeader("content-length", reply.body.length);
  response.writeHead(reply.status);
  response.end(isBodiless || request.method === "HEAD" ? undefined : reply.body);
}
