/** The listeners: each request is read, logged, matched, changed by faults, and answered. */
import { randomUUID } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";
import type { Clock } from "../../../shared/runtime/time.ts";
import { toHtmlReply, type Exchange, type Reply, type Route, type Service } from "./exchange.ts";
import type { Behaviors } from "../behaviors.ts";
import type { Faults } from "./faults.ts";
import { readLoggedBody } from "./logged-body.ts";
import type { RequestLog } from "./request-log.ts";
import { matchRoute } from "./match-route.ts";
import { sendReply } from "./send-reply.ts";
import { toFaultReply } from "./fault-reply.ts";

/** Dependencies of the listeners. */
export interface ServerDeps {
  readonly clock: Clock;
  readonly log: RequestLog;
  readonly faults: Faults;
  readonly behaviors: Pick<Behaviors, "wire">;
  readonly routes: Readonly<Record<Service, readonly Route[]>>;
  /** Answers `/_simulator/…` on every listener; never logged, never affected by faults. */
  readonly answerAdmin: (request: {
    method: string;
    path: string;
    query: URLSearchParams;
    bodyText: string;
  }) => Promise<Reply>;
  /** Answers requests that match no route of the service. */
  readonly answerUnknown: (exchange: Exchange) => Reply;
}

/** Returns the dependencies of the tenant that a request is for. */
export type SelectDeps = (service: Service, request: IncomingMessage) => ServerDeps;

/** A listener that accepts connections. */
export interface Listener {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** @param certificate - makes it https */
export async function startListener(
  service: Service,
  selectDeps: SelectDeps,
  port: number,
  certificate?: { readonly key: string; readonly cert: string },
): Promise<Listener> {
  const onRequest: RequestListener = (request, response) =>
    void handleRequest(service, selectDeps(service, request), request, response);
  const server: Server = certificate
    ? createSecureServer(certificate, onRequest)
    : createServer(onRequest);
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handleRequest(
  service: Service,
  deps: ServerDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const arrivedAtMs = deps.clock.now();
  const hangUpController = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) hangUpController.abort(new Error("the caller hung up"));
  });
  try {
    const body = await readBody(request);
    if (body === undefined)
      return sendPlain(response, toHtmlReply(413, "Request Entity Too Large"));
    const contentType = request.headers["content-type"] ?? "";
    const bodyText = decodeBody(body, contentType, deps.behaviors.wire.jsonCharset);
    const url = new URL(request.url ?? "/", "http://tenant");
    if (url.pathname.startsWith("/_simulator/")) {
      const adminRequest = {
        method: request.method ?? "GET",
        path: url.pathname,
        query: url.searchParams,
        bodyText,
      };
      return sendPlain(response, await deps.answerAdmin(adminRequest));
    }
    await serveRequest(service, deps, {
      request,
      response,
      url,
      bodyText,
      arrivedAtMs,
      signal: hangUpController.signal,
    });
  } catch (error) {
    // Reports a defect of the simulator loudly: a test must not mistake this page for an injected
    // fault.
    if (!hangUpController.signal.aborted) console.error("simulator:", error);
    if (response.headersSent) response.destroy();
    else sendPlain(response, toHtmlReply(500, "The simulator failed"));
  }
}

interface ReceivedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly bodyText: string;
  readonly arrivedAtMs: number;
  readonly signal: AbortSignal;
}

async function serveRequest(
  service: Service,
  deps: ServerDeps,
  received: ReceivedRequest,
): Promise<void> {
  const { request, response, url, bodyText, arrivedAtMs, signal } = received;
  const method = request.method ?? "GET";
  const match = matchRoute(deps.routes[service], method, url.pathname);
  const record = deps.log.add({
    service,
    api: match?.route.api ?? "unknown",
    route: match?.route.name ?? "none",
    method,
    path: `${url.pathname}${url.search}`,
    authorization: schemeOf(request.headers.authorization),
    clientRequestId: readHeaderText(request.headers["client-request-id"]),
    body: readLoggedBody(bodyText, readHeaderText(request.headers["content-type"])),
    arrivedAtMs,
    status: undefined,
    outcome: "pending",
    caller: undefined,
    quota: "none",
    fault: undefined,
    effect: undefined,
    finishedAtMs: undefined,
  });
  const exchange: Exchange = {
    service,
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    bodyText,
    params: match?.params ?? {},
    arrivedAtMs,
    origin: `${service === "entra" ? "https" : "http"}://${request.headers.host ?? "127.0.0.1"}`,
    requestId: randomUUID(),
    signal,
    record,
  };
  await (match
    ? answerRoute(deps, match.route, exchange, response)
    : refuseUnknownPath(deps, exchange, response));
  record.finishedAtMs = deps.clock.now();
}

async function refuseUnknownPath(
  deps: ServerDeps,
  exchange: Exchange,
  response: ServerResponse,
): Promise<void> {
  const reply = deps.answerUnknown(exchange);
  exchange.record.status = reply.status;
  exchange.record.outcome = await sendReply(exchange, response, reply, undefined, deps.clock);
}

/** Applies faults before the route, calls the route, applies faults after it. */
async function answerRoute(
  deps: ServerDeps,
  route: Route,
  exchange: Exchange,
  response: ServerResponse,
): Promise<void> {
  const { record } = exchange;
  const fault = deps.faults.takeFault(exchange);
  record.fault = fault?.kind;
  if (fault?.kind === "delay" && !(await waitFor(deps, fault.ms, exchange)))
    return dropConnection(exchange, response, "cancelled");
  if (fault?.kind === "reset" && fault.effect === "before")
    return dropConnection(exchange, response, "dropped");
  if (fault?.kind === "hang" && fault.effect === "before") return waitForHangUp(exchange);
  const reply = (fault && toFaultReply(fault, exchange, route)) ?? (await route.answer(exchange));
  record.effect = reply.effect;
  if (fault?.kind === "reset") return dropConnection(exchange, response, "dropped");
  if (fault?.kind === "hang") return waitForHangUp(exchange);
  if (exchange.signal.aborted) return dropConnection(exchange, response, "cancelled");
  record.status = reply.status;
  record.outcome = await sendReply(exchange, response, reply, fault, deps.clock);
}

const waitFor = (deps: ServerDeps, ms: number, exchange: Exchange): Promise<boolean> =>
  deps.clock.sleep(ms, exchange.signal).then(
    () => true,
    () => false,
  );

function dropConnection(
  exchange: Exchange,
  response: ServerResponse,
  outcome: "dropped" | "cancelled",
): void {
  exchange.record.outcome = outcome;
  // Node resets plain sockets only.
  if (response.socket instanceof TLSSocket) response.socket.destroy();
  else response.socket?.resetAndDestroy();
  response.destroy();
}

async function waitForHangUp(exchange: Exchange): Promise<void> {
  if (!exchange.signal.aborted) {
    await new Promise((resolve) =>
      exchange.signal.addEventListener("abort", resolve, { once: true }),
    );
  }
  exchange.record.outcome = "cancelled";
}

function sendPlain(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, reply.headers);
  response.end(typeof reply.body === "string" ? reply.body : "");
}

const maxBodyBytes = 128 * 1024 * 1024;

/**
 * Decodes a body. Microsoft documents for runHuntingQuery that a JSON body without a charset is not
 * read as UTF-8.
 */
const decodeBody = (body: Buffer, contentType: string, jsonCharset: string): string =>
  /^application\/json\s*$/i.test(contentType)
    ? new TextDecoder(jsonCharset).decode(body)
    : body.toString("utf8");

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBodyBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function schemeOf(header: string | undefined): "none" | "Bearer" | "Token" | "other" {
  if (header === undefined || header === "") return "none";
  const scheme = header.split(" ", 1)[0]?.toLowerCase();
  if (scheme === "bearer") return "Bearer";
  return scheme === "token" ? "Token" : "other";
}

const readHeaderText = (header: string | readonly string[] | undefined): string | undefined =>
  typeof header === "string" ? header : header?.[0];
