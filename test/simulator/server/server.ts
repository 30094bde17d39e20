/** The listeners: each request is read, logged, matched, spoiled if a fault says so, and answered. */
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
import { html, type Exchange, type Reply, type Route, type Service } from "./exchange.ts";
import type { Faults } from "./faults.ts";
import { readLoggedBody } from "./logged-body.ts";
import type { RequestLog } from "./request-log.ts";
import { matchRoute } from "./routes.ts";
import { send } from "./send.ts";
import { answerOf } from "./strike.ts";

/** What the listeners work with. */
export interface Floor {
  readonly clock: Clock;
  readonly log: RequestLog;
  readonly faults: Faults;
  readonly routes: Readonly<Record<Service, readonly Route[]>>;
  /** Answers `/_tenant/…` on every listener; never logged, never spoiled. */
  readonly admin: (request: {
    method: string;
    path: string;
    query: URLSearchParams;
    bodyText: string;
  }) => Promise<Reply>;
  /** Answers what no route of the service matches. */
  readonly unknown: (exchange: Exchange) => Reply;
}

/** A listener that accepts connections. */
export interface Listener {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** @param certificate - makes it https */
export async function listen(
  service: Service,
  floor: Floor,
  port: number,
  certificate?: { readonly key: string; readonly cert: string },
): Promise<Listener> {
  const hear: RequestListener = (request, response) =>
    void converse(service, floor, request, response);
  const server: Server = certificate ? createSecureServer(certificate, hear) : createServer(hear);
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

async function converse(
  service: Service,
  floor: Floor,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const arrivedAtMs = floor.clock.now();
  const hungUp = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) hungUp.abort(new Error("the caller hung up"));
  });
  try {
    const bodyText = await readBody(request);
    if (bodyText === undefined) return plainly(response, html(413, "Request Entity Too Large"));
    const url = new URL(request.url ?? "/", "http://tenant");
    if (url.pathname.startsWith("/_tenant/")) {
      const asked = {
        method: request.method ?? "GET",
        path: url.pathname,
        query: url.searchParams,
        bodyText,
      };
      return plainly(response, await floor.admin(asked));
    }
    await serve(service, floor, {
      request,
      response,
      url,
      bodyText,
      arrivedAtMs,
      signal: hungUp.signal,
    });
  } catch (error) {
    // A defect of the tenant must be loud: a test that sees this page must not mistake it for an injected fault.
    if (!hungUp.signal.aborted) console.error("tenant:", error);
    if (response.headersSent) response.destroy();
    else plainly(response, html(500, "Simulated tenant failed"));
  }
}

interface Heard {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly bodyText: string;
  readonly arrivedAtMs: number;
  readonly signal: AbortSignal;
}

async function serve(service: Service, floor: Floor, heard: Heard): Promise<void> {
  const { request, response, url, bodyText, arrivedAtMs, signal } = heard;
  const method = request.method ?? "GET";
  const matched = matchRoute(floor.routes[service], method, url.pathname);
  const record = floor.log.add({
    service,
    api: matched?.route.api ?? "unknown",
    route: matched?.route.name ?? "none",
    method,
    path: `${url.pathname}${url.search}`,
    authorization: schemeOf(request.headers.authorization),
    clientRequestId: textOf(request.headers["client-request-id"]),
    body: readLoggedBody(bodyText, textOf(request.headers["content-type"])),
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
    params: matched?.params ?? {},
    arrivedAtMs,
    origin: `${service === "entra" ? "https" : "http"}://${request.headers.host ?? "127.0.0.1"}`,
    requestId: randomUUID(),
    signal,
    record,
  };
  await (matched
    ? answer(floor, matched.route, exchange, response)
    : refuse(floor, exchange, response));
  record.finishedAtMs = floor.clock.now();
}

async function refuse(floor: Floor, exchange: Exchange, response: ServerResponse): Promise<void> {
  const reply = floor.unknown(exchange);
  exchange.record.status = reply.status;
  exchange.record.outcome = await send(exchange, response, reply, undefined, floor.clock);
}

/** Before the route, the route, after the route: where each kind of fault strikes. */
async function answer(
  floor: Floor,
  route: Route,
  exchange: Exchange,
  response: ServerResponse,
): Promise<void> {
  const { record } = exchange;
  const fault = floor.faults.strike(exchange);
  record.fault = fault?.kind;
  if (fault?.kind === "delay" && !(await waited(floor, fault.ms, exchange)))
    return drop(exchange, response, "cancelled");
  if (fault?.kind === "reset" && fault.effect === "before")
    return drop(exchange, response, "dropped");
  if (fault?.kind === "hang" && fault.effect === "before") return hang(exchange);
  const reply = (fault && answerOf(fault, exchange, route)) ?? (await route.answer(exchange));
  record.effect = reply.effect;
  if (fault?.kind === "reset") return drop(exchange, response, "dropped");
  if (fault?.kind === "hang") return hang(exchange);
  if (exchange.signal.aborted) return drop(exchange, response, "cancelled");
  record.status = reply.status;
  record.outcome = await send(exchange, response, reply, fault, floor.clock);
}

const waited = (floor: Floor, ms: number, exchange: Exchange): Promise<boolean> =>
  floor.clock.sleep(ms, exchange.signal).then(
    () => true,
    () => false,
  );

function drop(
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

async function hang(exchange: Exchange): Promise<void> {
  if (!exchange.signal.aborted) {
    await new Promise((resolve) =>
      exchange.signal.addEventListener("abort", resolve, { once: true }),
    );
  }
  exchange.record.outcome = "cancelled";
}

function plainly(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, reply.headers);
  response.end(typeof reply.body === "string" ? reply.body : "");
}

const largestBody = 128 * 1024 * 1024;

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > largestBody) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function schemeOf(header: string | undefined): "none" | "Bearer" | "Token" | "other" {
  if (header === undefined || header === "") return "none";
  const scheme = header.split(" ", 1)[0]?.toLowerCase();
  if (scheme === "bearer") return "Bearer";
  return scheme === "token" ? "Token" : "other";
}

const textOf = (header: string | readonly string[] | undefined): string | undefined =>
  typeof header === "string" ? header : header?.[0];
