import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Call } from "../../../shared/http-pipeline/api-client.ts";
import type { Quota, QuotaReport, TurnOutcome } from "../../../shared/http-pipeline/quota/quota.ts";
import { openPipe, type PipeOptions } from "../../../shared/http-pipeline/send.ts";
import { UpstreamError } from "../../../shared/http-pipeline/upstream-error.ts";
import { systemClock, type Clock } from "../../../shared/runtime/time.ts";

type Reply = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Reply =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
const page =
  (status: number): Reply =>
  (_, response) => {
    response
      .writeHead(status, { "content-type": "text/html" })
      .end("<!doctype html><title>Sign in</title>");
  };
const redirect: Reply = (_, response) => {
  response.writeHead(302, { location: "http://127.0.0.1:1/login" }).end();
};
const reset: Reply = (request) => void request.socket.destroy();
const hang: Reply = () => undefined;
/** Headers and some bytes at once, then nothing more. */
const trickle: Reply = (_, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.write('{"rows":[');
};
const cutShort: Reply = (_, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
  response.write('{"rows":[', () => response.destroy());
};

const zipped =
  (text: string, share = 1): Reply =>
  (_, response) => {
    const bytes = gzipSync(text);
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    response.end(bytes.subarray(0, bytes.length * share));
  };

const ok = json(200, { fine: true });
const token = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0.c2lnbmF0dXJl";
const call: Call = { method: "POST", path: "/v1/query", json: { Query: "T" } };

let server: Server;
let replies: Reply[] = [];
let seen: { line: string; headers: IncomingMessage["headers"]; body: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
      (replies.shift() ?? ok)(request, response, body);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => void server.close(resolve));
});
beforeEach(() => {
  replies = [];
  seen = [];
});

/** A quota that always has a turn, and remembers what it was told. */
function openHanded(outcome?: TurnOutcome): Quota & { reports: QuotaReport[]; taken: number } {
  const quota = {
    reports: [] as QuotaReport[],
    taken: 0,
    take: () => {
      quota.taken += 1;
      return Promise.resolve<TurnOutcome>(
        outcome ?? { kind: "turn", turn: { usableUntilMs: Date.now() + 1_000 } },
      );
    },
    report: (report: QuotaReport) => {
      quota.reports.push(report);
      return Promise.resolve();
    },
  };
  return quota;
}

/** Deadlines as the pipe is told them, and how long they really last here: short only where one is to pass. */
const deadlineMs = 12_345;
const briefMs = 6_789;
const realMs: Readonly<Record<number, number>> = { [deadlineMs]: 20_000, [briefMs]: 600 };

/** Long waits pass at once and are noted; deadlines stay real. */
const hasty = (slept: number[]): Clock => ({
  now: systemClock.now,
  sleep: (ms, signal) => {
    const deadline = realMs[ms];
    if (deadline !== undefined || ms < 1_000) return systemClock.sleep(deadline ?? ms / 50, signal);
    slept.push(ms);
    return Promise.resolve();
  },
});

/** Replies that end by their deadline only. */
const deadlineFor = (reply: Reply): number =>
  reply === hang || reply === trickle ? briefMs : deadlineMs;

function open(options: Partial<PipeOptions> = {}) {
  const slept: number[] = [];
  const refused: string[] = [];
  const logged: unknown[] = [];
  const pipe = openPipe({
    api: "files",
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorise: {
      header: () =>
        Promise.resolve({ name: "authorization", value: `Bearer ${token}`, secret: token }),
      refused: (secret) => refused.push(secret),
    },
    clock: hasty(slept),
    log: (event, fields) => logged.push([event, fields]),
    deadlineMs,
    random: () => 0.5,
    ...options,
  });
  return { pipe, slept, refused, logged };
}

const failure = async (work: Promise<unknown>): Promise<UpstreamError> => {
  const error: unknown = await work.then(
    () => expect.fail("it succeeded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UpstreamError);
  return error as UpstreamError;
};

describe("a request", () => {
  test("carries token, body and query, and comes back parsed with its id", async () => {
    replies = [json(200, { a: 1 }, { "request-id": "abc-1" })];
    const answer = await open().pipe.send({ ...call, query: { top: "1 0", x: "ä" } });
    expect(answer).toMatchObject({ status: 200, body: { a: 1 }, requestId: "abc-1" });
    expect(seen[0]).toMatchObject({
      line: "POST /v1/query?top=1+0&x=%C3%A4",
      body: '{"Query":"T"}',
    });
    expect(seen[0]?.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json",
    });
  });

  test("sends a form where the API wants one", async () => {
    await open().pipe.send({
      method: "POST",
      path: "/x",
      form: { filters: '{"a":1}', limit: "2" },
    });
    expect(seen[0]).toMatchObject({ body: "filters=%7B%22a%22%3A1%7D&limit=2" });
    expect(seen[0]?.headers["content-type"]).toMatch("application/x-www-form-urlencoded");
  });

  test("keeps the path of the base address", async () => {
    const { port } = server.address() as AddressInfo;
    await open({ baseUrl: `http://127.0.0.1:${port}/cas/` }).pipe.send({
      method: "GET",
      path: "/api/v1/alerts/",
    });
    expect(seen[0]?.line).toBe("GET /cas/api/v1/alerts/");
  });

  test.each([
    "/api/files/../machines/stats",
    "/a?b=1",
    "/a#b",
    "//evil.example/x",
    "a",
    "/a/%2e%2e/b",
    "/ä b",
  ])("never leaves for %j", async (path) => {
    await expect(open().pipe.send({ method: "GET", path })).rejects.toThrow(RangeError);
    expect(seen).toEqual([]);
  });

  test.each([
    [
      "no body at all",
      (_: unknown, response: ServerResponse) => void response.writeHead(204).end(),
      undefined,
    ],
    [
      "plain text",
      (_: unknown, response: ServerResponse) =>
        void response.writeHead(200, { "content-type": "text/csv" }).end("a,b"),
      "a,b",
    ],
    [
      "JSON without a content type",
      (_: unknown, response: ServerResponse) => void response.writeHead(200).end('{"a":1}'),
      { a: 1 },
    ],
  ])("gives back %s", async (_, reply, body) => {
    replies = [reply];
    expect((await open().pipe.send(call)).body).toEqual(body);
  });

  test("hands an expected status to its client", async () => {
    replies = [json(404, { error: { code: "ResourceNotFound" } })];
    expect(await open().pipe.send(call, [404])).toMatchObject({
      status: 404,
      body: { error: { code: "ResourceNotFound" } },
    });
  });
});

describe("turns", () => {
  test("are taken before each try and reported after it", async () => {
    const quota = openHanded();
    replies = [json(503, {}), ok];
    await open({ quota }).pipe.send(call);
    expect(quota.taken).toBe(2);
    expect(quota.reports).toEqual([{ kind: "failed" }, { kind: "ok" }]);
  });

  test("one that came with the call is used while it is usable, else given back", async () => {
    const quota = openHanded();
    let back = 0;
    const giveBack = (): void => void (back += 1);
    await open({ quota }).pipe.send({
      ...call,
      turn: { usableUntilMs: Date.now() + 500, giveBack },
    });
    expect([quota.taken, back]).toEqual([0, 0]);
    await open({ quota }).pipe.send({ ...call, turn: { usableUntilMs: Date.now() - 1, giveBack } });
    expect([quota.taken, back]).toEqual([1, 1]);
  });

  test("without one nothing is sent, and the caller learns when to come back", async () => {
    const quota = openHanded({ kind: "later", retryAfterMs: 7_000, reason: "breaker" });
    const error = await failure(open({ quota }).pipe.send(call));
    expect(error).toMatchObject({
      code: "throttled",
      retryAfterMs: 7_000,
      sent: false,
      upstreamCode: "no-turn-breaker",
    });
    expect(seen).toEqual([]);
  });
});

describe("trying again", () => {
  test.each([
    ["500", json(500, { error: { code: "InternalServerError" } })],
    ["502 as a page", page(502)],
    ["a page in the place of the answer", page(200)],
    ["JSON that is cut off", json(200, '{"a":[1,')],
    ["a body that ends early", cutShort],
    ["a reset connection", reset],
    ["silence", hang],
    ["a body that never ends", trickle],
  ])("helps after %s", async (_, reply) => {
    replies = [reply, ok];
    expect((await open({ deadlineMs: deadlineFor(reply) }).pipe.send(call)).body).toEqual({
      fine: true,
    });
    expect(seen).toHaveLength(2);
  });

  test.each([
    ["500", json(500, {}), "files: the service failed (500)", 500],
    [
      "a page in the place of the answer",
      page(200),
      "files: the answer is a page of HTML (200) instead of the API's answer",
      200,
    ],
    ["JSON that is cut off", json(200, '{"a":'), "files: the answer is JSON that is cut off", 200],
    ["silence", hang, "files: no whole answer within 6789 ms", undefined],
  ])("ends with the last failure: %s", async (_, reply, message, status) => {
    replies = [reply, reply, reply];
    expect(await failure(open({ deadlineMs: deadlineFor(reply) }).pipe.send(call))).toMatchObject({
      code: "unavailable",
      passing: true,
      message,
      status,
      sent: true,
    });
    expect(seen).toHaveLength(3);
  });

  test("is left alone where the call says once", async () => {
    replies = [reset, ok];
    expect(await failure(open().pipe.send({ ...call, tries: 1 }))).toMatchObject({
      code: "unavailable",
      sent: true,
    });
    expect(seen).toHaveLength(1);
  });

  test("a refused connection surely sent nothing", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => void closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => void closed.close(resolve));
    const error = await failure(open({ baseUrl: `http://127.0.0.1:${port}` }).pipe.send(call));
    expect(error).toMatchObject({ code: "unavailable", sent: false, upstreamCode: "ECONNREFUSED" });
  });

  test.each([
    ["a redirect", redirect, "unavailable"],
    ["400", json(400, { error: { code: "InvalidInput", message: "no" } }), "rejected"],
    ["404", json(404, {}), "not-found"],
    ["403 as a page", page(403), "unavailable"],
    ["a body over the cap", json(200, { a: "x".repeat(5_000) }), "unavailable"],
  ])("does not help after %s", async (_, reply, code) => {
    replies = [reply, ok];
    expect(await failure(open({ largestBodyBytes: 4_000 }).pipe.send(call))).toMatchObject({
      code,
    });
    expect(seen).toHaveLength(1);
  });

  test("a call may be ended from outside, with the caller's reason", async () => {
    const stop = new AbortController();
    replies = [hang];
    const sending = open().pipe.send({ ...call, signal: stop.signal });
    setTimeout(() => stop.abort(new Error("host stopping")), 50);
    await expect(sending).rejects.toThrow("host stopping");
    expect(seen).toHaveLength(1);
  });
});

describe("a 429", () => {
  const throttled = json(429, {
    error: { code: "429", message: "API calls quota exceeded! maximum allowed 45 per 00:01:00" },
  });

  test("is told to everybody, with the wait that the text names", async () => {
    const quota = openHanded();
    replies = [throttled];
    const error = await failure(open({ quota }).pipe.send(call));
    expect(error).toMatchObject({ code: "throttled", retryAfterMs: 60_000, status: 429 });
    expect(quota.reports).toEqual([{ kind: "throttled", retryAfterMs: 60_000, cause: "calls" }]);
  });

  test("within the caller's patience is waited for by taking the next turn", async () => {
    const quota = openHanded();
    replies = [json(429, {}, { "retry-after": "5" }), ok];
    expect((await open({ quota }).pipe.send(call)).status).toBe(200);
    expect(quota.taken).toBe(2);
  });

  test("without a quota is waited for here", async () => {
    const { pipe, slept } = open();
    replies = [json(429, {}, { "retry-after": "5" }), ok];
    await pipe.send(call);
    expect(slept).toEqual([5_500]);
  });
});

describe("401 and 403", () => {
  const expired = json(401, {
    error: { code: "InvalidAuthenticationToken", message: "Access token has expired." },
  });

  test("a refused token is dropped once and the call made again", async () => {
    const { pipe, refused } = open();
    replies = [expired, ok];
    expect((await pipe.send({ ...call, tries: 1 })).status).toBe(200);
    expect(refused).toEqual([token]);
  });

  test("a fresh token that is refused ends it", async () => {
    const { pipe, logged } = open();
    replies = [expired, expired, ok];
    expect(await failure(pipe.send(call))).toMatchObject({
      code: "unauthorized",
      upstreamCode: "InvalidAuthenticationToken",
    });
    expect(seen).toHaveLength(2);
    expect(logged).toEqual([
      [
        "upstream.refused",
        { api: "files", status: 401, code: "InvalidAuthenticationToken", requestId: undefined },
      ],
    ]);
  });

  test("a missing licence is no matter of tokens", async () => {
    replies = [
      json(401, {
        error: {
          code: "Unauthorized",
          message: "Unauthorized request - reason of failure: No Tvm license",
        },
      }),
      ok,
    ];
    expect(await failure(open().pipe.send(call))).toMatchObject({ code: "unauthorized" });
    expect(seen).toHaveLength(1);
  });

  test("a 403 names the permission and is not tried again", async () => {
    const message =
      "Missing application roles. API required roles: ThreatHunting.Read.All, application roles: SecurityAlert.Read.All.";
    replies = [
      json(403, {
        error: { code: "Forbidden", message, target: "|cd9f5106-4aa2341c0de87fd0.1.2." },
      }),
      ok,
    ];
    expect(await failure(open().pipe.send(call))).toMatchObject({
      code: "forbidden",
      message: "files: ThreatHunting.Read.All is missing (403)",
      requestId: "|cd9f5106-4aa2341c0de87fd0.1.2.",
    });
    expect(seen).toHaveLength(1);
  });
});

test("a token that is echoed appears in no error and no log", async () => {
  const { pipe, logged } = open();
  replies = [
    json(
      400,
      {
        error: {
          code: token,
          message: `bad Authorization: Bearer ${token} at https://x.example/?sig=abc`,
        },
      },
      { "request-id": token },
    ),
  ];
  const error = await failure(pipe.send(call));
  const everything = JSON.stringify([
    error.message,
    error.upstreamMessage,
    error.upstreamCode,
    error.requestId,
    error.stack,
    logged,
  ]);
  expect(everything).not.toContain(token);
  expect(everything).not.toContain("sig=abc");
  expect(error.upstreamMessage).toContain("bad Authorization:");
});

test("a handshake that never ends is given up after ten seconds: nothing was sent", async () => {
  const silent = createTcpServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const baseUrl = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const failed = failure(open({ baseUrl, tries: 1 }).pipe.send(call));
    const [socket] = (await once(silent, "connection")) as [Socket];
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await failed).toMatchObject({
      code: "unavailable",
      upstreamCode: "CONNECT_TIMEOUT",
      sent: false,
    });
    socket.destroy();
  } finally {
    vi.useRealTimers();
    silent.close();
  }
});

describe("stream", () => {
  const read = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
    let text = "";
    for await (const piece of body) text += Buffer.from(piece).toString();
    return text;
  };

  test("hands on a large body piece by piece, whatever its size", async () => {
    replies = [json(200, { rows: "x".repeat(3_000_000) })];
    const answer = await open({ largestBodyBytes: 10 }).pipe.stream(call);
    expect(await read(answer.body as AsyncIterable<Uint8Array>)).toHaveLength(3_000_011);
  });

  test("asks for zipped answers, and unzips them", async () => {
    replies = [zipped('{"rows":[]}'), zipped('{"fine":true}')];
    const { pipe } = open();
    const answer = await pipe.stream(call);
    expect(await read(answer.body as AsyncIterable<Uint8Array>)).toBe('{"rows":[]}');
    expect(await pipe.send(call)).toMatchObject({ body: { fine: true } });
    expect(seen.map(({ headers }) => headers["accept-encoding"])).toEqual(["gzip", "gzip"]);
  });

  test("lets a connection go when its reader leaves early, and goes on", async () => {
    replies = [json(200, { rows: "x".repeat(3_000_000) }), ok];
    const { pipe } = open();
    const { body } = await pipe.stream(call);
    for await (const piece of body as AsyncIterable<Uint8Array>) if (piece.length > 0) break;
    expect(await pipe.send(call)).toMatchObject({ body: { fine: true } });
  });

  test("reads an expected refusal for its client", async () => {
    replies = [json(400, { error: { code: "BadRequest" } })];
    expect(await open().pipe.stream(call, [400])).toMatchObject({
      status: 400,
      body: { error: { code: "BadRequest" } },
    });
  });

  test.each([
    ["ends early", cutShort, "files: the body was cut: no connection (ECONNRESET)"],
    [
      "ends inside its zipped form",
      zipped('{"rows":[]}', 0.6),
      "files: the body was cut: no connection (Z_BUF_ERROR)",
    ],
    [
      "trickles past the deadline",
      trickle,
      "files: the body was cut: no whole answer within 6789 ms",
    ],
  ])("a body that %s is an error of the pipe, and reported", async (_, reply, message) => {
    const quota = openHanded();
    replies = [reply];
    const answer = await open({ quota, deadlineMs: deadlineFor(reply) }).pipe.stream(call);
    expect(await failure(read(answer.body as AsyncIterable<Uint8Array>))).toMatchObject({
      code: "unavailable",
      message,
    });
    expect(quota.reports).toEqual([{ kind: "ok" }, { kind: "failed" }]);
  });

  test("a page in the place of rows is tried again, not handed on", async () => {
    replies = [page(200), json(200, { rows: [] })];
    const answer = await open().pipe.stream(call);
    expect(await read(answer.body as AsyncIterable<Uint8Array>)).toBe('{"rows":[]}');
  });
});
