/**
 * Sends a reply: whole or in pieces, compressed if the caller accepts it, or changed by a fault.
 */
import { createGzip, gzipSync } from "node:zlib";
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../../../shared/runtime/time.ts";
import type { Exchange, Reply } from "./exchange.ts";
import type { Fault } from "./faults.ts";

/**
 * Sends `reply`, changed by `fault`; resolves when the last byte was sent or the connection ended.
 *
 * @returns how it ended
 */
export async function sendReply(
  exchange: Exchange,
  response: ServerResponse,
  reply: Reply,
  fault: Fault | undefined,
  clock: Clock,
): Promise<"answered" | "dropped" | "cancelled"> {
  const headers = createHeaders(exchange, reply, fault);
  try {
    if (fault?.kind === "cut") return await sendCut(response, reply, headers, fault);
    if (fault?.kind === "slow-body")
      return await sendSlowly(exchange, response, reply, headers, fault.bytesPerSecond, clock);
    await sendWhole(exchange, response, reply, headers);
    return "answered";
  } catch (error) {
    if (exchange.signal.aborted || response.destroyed) return "cancelled";
    response.destroy();
    throw error;
  }
}

function createHeaders(
  exchange: Exchange,
  reply: Reply,
  fault: Fault | undefined,
): Record<string, string> {
  const headers = { date: new Date(exchange.arrivedAtMs).toUTCString(), ...reply.headers };
  return fault?.kind === "content-type" ? { ...headers, "content-type": fault.value } : headers;
}

const minCompressibleLength = 512;

async function sendWhole(
  exchange: Exchange,
  response: ServerResponse,
  reply: Reply,
  headers: Record<string, string>,
): Promise<void> {
  const isGzip = acceptsGzip(exchange);
  const body = reply.body ?? "";
  const compressed = { ...headers, "content-encoding": "gzip", vary: "Accept-Encoding" };
  if (typeof body === "string") {
    const compressedBody =
      isGzip && body.length >= minCompressibleLength ? gzipSync(body, { level: 1 }) : undefined;
    response.writeHead(
      reply.status,
      compressedBody
        ? { ...compressed, "content-length": compressedBody.length }
        : withContentLength(headers, body),
    );
    response.end(compressedBody ?? body);
    return;
  }
  response.writeHead(reply.status, isGzip ? compressed : headers);
  const pieces = Readable.from(body, { objectMode: true, highWaterMark: 1 });
  if (isGzip)
    await pipeline(pieces, createGzip({ level: 1 }), response, { signal: exchange.signal });
  else await pipeline(pieces, response, { signal: exchange.signal });
}

const withContentLength = (
  headers: Record<string, string>,
  body: string,
): Record<string, string> => ({
  ...headers,
  "content-length": String(Buffer.byteLength(body)),
});

const acceptsGzip = (exchange: Exchange): boolean =>
  /\bgzip\b/.test(exchange.headers["accept-encoding"] ?? "");

/** Yields the bytes of a body as they are produced. */
async function* readBytes(reply: Reply): AsyncGenerator<Buffer> {
  const body = reply.body ?? "";
  if (typeof body === "string") yield Buffer.from(body);
  else for await (const piece of body) yield typeof piece === "string" ? Buffer.from(piece) : piece;
}

async function sendCut(
  response: ServerResponse,
  reply: Reply,
  headers: Record<string, string>,
  fault: Fault & { kind: "cut" },
): Promise<"answered" | "dropped"> {
  response.writeHead(reply.status, headers);
  let remainingBytes = fault.afterBytes;
  for await (const piece of readBytes(reply)) {
    response.write(piece.subarray(0, remainingBytes));
    remainingBytes -= piece.length;
    if (remainingBytes <= 0) break;
  }
  if (fault.end === "clean") {
    response.end();
    return "answered";
  }
  await new Promise((done) => response.write("", done));
  response.destroy();
  return "dropped";
}

async function sendSlowly(
  exchange: Exchange,
  response: ServerResponse,
  reply: Reply,
  headers: Record<string, string>,
  bytesPerSecond: number,
  clock: Clock,
): Promise<"answered"> {
  response.writeHead(reply.status, headers);
  for await (const piece of readBytes(reply)) {
    for (let at = 0; at < piece.length; at += bytesPerSecond) {
      response.write(piece.subarray(at, at + bytesPerSecond));
      await clock.sleep(1_000, exchange.signal);
    }
  }
  response.end();
  return "answered";
}
