import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { ApiCall } from "../../../shared/http-pipeline/api-client.ts";
import type {
  Quota,
  QuotaReport,
  PermitResult,
} from "../../../shared/http-pipeline/quota/quota.ts";
import { createApiClient, type ApiClientOptions } from "../../../shared/http-pipeline/send.ts";
import { createBearerAuthorizer } from "../../../shared/http-pipeline/token.ts";
import { UpstreamError } from "../../../shared/http-pipeline/upstream-error.ts";
import { systemClock, type Clock } from "../../../shared/runtime/time.ts";

type Reply = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const replyJson =
  (status: number, body: unknown, headers: Record<string, string> = {}): Reply =>
  (_, response) => {
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
const replyPage =
  (status: number): Reply =>
  (_, response) => {
    response
      .writeHead(status, { "content-type": "text/html" })
      .end("<!doctype html><title>Sign in</title>");
  };
const replyRedirect: Reply = (_, response) => {
  response.writeHead(302, { location: "http://127.0.0.1:1/login" }).end();
};
const resetConnection: Reply = (request) => void request.socket.destroy();
const neverReply: Reply = () => undefined;
/** Headers and some bytes at once, then nothing more. */
const trickleBody: Reply = (_, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.write('{"rows":[');
};
const truncateBody: Reply = (_, response) => {
  response.writeHead(200, {
    "content-type": "application/json; charset=utf-8",
    "content-length": "1000",
  });
  response.write('{"rows":[', () => response.destroy());
};

const replyZipped =
  (text: string, share = 1): Reply =>
  (_, response) => {
    const bytes = gzipSync(text);
    response.writeHead(200, {
      "content-type": "application/json; charset=utf-8",
      "content-encoding": "gzip",
    });
    response.end(bytes.subarray(0, bytes.length * share));
  };

const ok = replyJson(200, { fine: true });
const token = "eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0.c2lnbmF0dXJl";
const call: ApiCall = { method: "POST", path: "/v1/query", json: { Query: "T" } };

let server: Server;
let replies: Reply[] = [];
let requests: { line: string; headers: IncomingMessage["headers"]; body: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      requests.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
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
  requests = [];
});

/** A quota that always has a permit and records the reports. */
function createOpenQuota(
  outcome?: PermitResult,
): Quota & { reports: QuotaReport[]; permitsTaken: number } {
  const quota = {
    reports: [] as QuotaReport[],
    permitsTaken: 0,
    acquirePermit: () => {
      quota.permitsTaken += 1;
      return Promise.resolve<PermitResult>(
        outcome ?? { kind: "permit", permit: { usableUntilMs: Date.now() + 1_000 } },
      );
    },
    report: (report: QuotaReport) => {
      quota.reports.push(report);
      return Promise.resolve();
    },
  };
  return quota;
}

/** Deadlines of the client; short only where the test lets one pass. */
const deadlineMs = 12_345;
const briefMs = 6_789;
const realMs: Readonly<Record<number, number>> = { [deadlineMs]: 20_000, [briefMs]: 600 };

/** Long waits pass at once and are noted; deadlines stay real. */
const createHastyClock = (sleptMs: number[]): Clock => ({
  now: systemClock.now,
  sleep: (ms, signal) => {
    const deadline = realMs[ms];
    if (deadline !== undefined || ms < 1_000) return systemClock.sleep(deadline ?? ms / 50, signal);
    sleptMs.push(ms);
    return Promise.resolve();
  },
});

/** Replies that end by their deadline only. */
const getDeadlineMs = (reply: Reply): number =>
  reply === neverReply || reply === trickleBody ? briefMs : deadlineMs;

function createFixture(options: Partial<ApiClientOptions> = {}) {
  const slept: number[] = [];
  const refused: string[] = [];
  const logged: unknown[] = [];
  const client = createApiClient({
    api: "files",
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorizer: {
      createHeader: () =>
        Promise.resolve({ name: "authorization", value: `Bearer ${token}`, secret: token }),
      reportRefused: (secret) => refused.push(secret),
    },
    clock: createHastyClock(slept),
    log: (event, fields) => logged.push([event, fields]),
    deadlineMs,
    random: () => 0.5,
    ...options,
  });
  return { client, slept, refused, logged };
}

const catchFailure = async (work: Promise<unknown>): Promise<UpstreamError> => {
  const error: unknown = await work.then(
    () => expect.fail("it succeeded"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UpstreamError);
  return error as UpstreamError;
};

describe("a request", () => {
  test("sends token, body and query, and returns the parsed response with its id", async () => {
    replies = [replyJson(200, { a: 1 }, { "request-id": "abc-1" })];
    const answer = await createFixture().client.send({ ...call, query: { top: "1 0", x: "ä" } });
    expect(answer).toMatchObject({ status: 200, body: { a: 1 }, requestId: "abc-1" });
    expect(requests[0]).toMatchObject({
      line: "POST /v1/query?top=1+0&x=%C3%A4",
      body: '{"Query":"T"}',
    });
    expect(requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      "content-type": "application/json; charset=utf-8",
      accept: "application/json",
    });
  });

  test("sends a form where the call has one", async () => {
    await createFixture().client.send({
      method: "POST",
      path: "/x",
      form: { filters: '{"a":1}', limit: "2" },
    });
    expect(requests[0]).toMatchObject({ body: "filters=%7B%22a%22%3A1%7D&limit=2" });
    expect(requests[0]?.headers["content-type"]).toMatch("application/x-www-form-urlencoded");
  });

  test("keeps the path of the base address", async () => {
    const { port } = server.address() as AddressInfo;
    await createFixture({ baseUrl: `http://127.0.0.1:${port}/cas/` }).client.send({
      method: "GET",
      path: "/api/v1/alerts/",
    });
    expect(requests[0]?.line).toBe("GET /cas/api/v1/alerts/");
  });

  test.each([
    "/api/files/../machines/stats",
    "/a?b=1",
    "/a#b",
    "//evil.example/x",
    "a",
    "/a/%2e%2e/b",
    "/ä b",
  ])("sends nothing for the path %j", async (path) => {
    await expect(createFixture().client.send({ method: "GET", path })).rejects.toThrow(RangeError);
    expect(requests).toEqual([]);
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
  ])("returns %s", async (_, reply, body) => {
    replies = [reply];
    expect((await createFixture().client.send(call)).body).toEqual(body);
  });

  test("returns an expected status to its client", async () => {
    replies = [replyJson(404, { error: { code: "ResourceNotFound" } })];
    expect(await createFixture().client.send(call, [404])).toMatchObject({
      status: 404,
      body: { error: { code: "ResourceNotFound" } },
    });
  });
});

describe("turns", () => {
  test("acquires a permit before each try and reports after it", async () => {
    const quota = createOpenQuota();
    replies = [replyJson(503, {}), ok];
    await createFixture({ quota }).client.send(call);
    expect(quota.permitsTaken).toBe(2);
    expect(quota.reports).toEqual([{ kind: "failed" }, { kind: "ok" }]);
  });

  test("uses the call's own permit while it is usable, else returns it", async () => {
    const quota = createOpenQuota();
    let returnedCount = 0;
    const returnUnused = (): void => void (returnedCount += 1);
    await createFixture({ quota }).client.send({
      ...call,
      permit: { usableUntilMs: Date.now() + 500, returnUnused },
    });
    expect([quota.permitsTaken, returnedCount]).toEqual([0, 0]);
    await createFixture({ quota }).client.send({
      ...call,
      permit: { usableUntilMs: Date.now() - 1, returnUnused },
    });
    expect([quota.permitsTaken, returnedCount]).toEqual([1, 1]);
  });

  test("sends nothing without a permit, and states when to ask again", async () => {
    const quota = createOpenQuota({ kind: "later", retryAfterMs: 7_000, reason: "breaker" });
    const error = await catchFailure(createFixture({ quota }).client.send(call));
    expect(error).toMatchObject({
      code: "throttled",
      retryAfterMs: 7_000,
      isSent: false,
      upstreamCode: "no-permit-breaker",
    });
    expect(requests).toEqual([]);
  });
});

describe("trying again", () => {
  test.each([
    ["500", replyJson(500, { error: { code: "InternalServerError" } })],
    ["502 as a page", replyPage(502)],
    ["a page in the place of the answer", replyPage(200)],
    ["JSON that is cut off", replyJson(200, '{"a":[1,')],
    ["a body that ends early", truncateBody],
    ["a reset connection", resetConnection],
    ["silence", neverReply],
    ["a body that never ends", trickleBody],
  ])("a retry succeeds after %s", async (_, reply) => {
    replies = [reply, ok];
    expect(
      (await createFixture({ deadlineMs: getDeadlineMs(reply) }).client.send(call)).body,
    ).toEqual({
      fine: true,
    });
    expect(requests).toHaveLength(2);
  });

  test.each([
    ["500", replyJson(500, {}), "files: the service failed (500)", 500],
    [
      "a page in the place of the answer",
      replyPage(200),
      "files: the response is a page of HTML (200) instead of the API's response",
      200,
    ],
    [
      "JSON that is cut off",
      replyJson(200, '{"a":'),
      "files: the response is JSON that cannot be parsed",
      200,
    ],
    ["silence", neverReply, "files: no complete response within 6789 ms", undefined],
  ])("throws the last failure after all tries: %s", async (_, reply, message, status) => {
    replies = [reply, reply, reply];
    expect(
      await catchFailure(createFixture({ deadlineMs: getDeadlineMs(reply) }).client.send(call)),
    ).toMatchObject({
      code: "unavailable",
      isTransient: true,
      message,
      status,
      isSent: true,
    });
    expect(requests).toHaveLength(3);
  });

  test("does not retry a call with one try", async () => {
    replies = [resetConnection, ok];
    expect(await catchFailure(createFixture().client.send({ ...call, tries: 1 }))).toMatchObject({
      code: "unavailable",
      isSent: true,
    });
    expect(requests).toHaveLength(1);
  });

  test("reports that a refused connection sent nothing", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => void closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => void closed.close(resolve));
    const error = await catchFailure(
      createFixture({ baseUrl: `http://127.0.0.1:${port}` }).client.send(call),
    );
    expect(error).toMatchObject({
      code: "unavailable",
      isSent: false,
      upstreamCode: "ECONNREFUSED",
    });
  });

  test.each([
    ["a redirect", replyRedirect, "unavailable"],
    ["400", replyJson(400, { error: { code: "InvalidInput", message: "no" } }), "rejected"],
    ["404", replyJson(404, {}), "notFound"],
    ["403 as a page", replyPage(403), "unavailable"],
    ["a body over the cap", replyJson(200, { a: "x".repeat(5_000) }), "unavailable"],
  ])("does not retry after %s", async (_, reply, code) => {
    replies = [reply, ok];
    expect(
      await catchFailure(createFixture({ maxBodyBytes: 4_000 }).client.send(call)),
    ).toMatchObject({
      code,
    });
    expect(requests).toHaveLength(1);
  });

  test("ends a call with the caller's abort reason", async () => {
    const stop = new AbortController();
    replies = [neverReply];
    const sending = createFixture().client.send({ ...call, signal: stop.signal });
    setTimeout(() => stop.abort(new Error("host stopping")), 50);
    await expect(sending).rejects.toThrow("host stopping");
    expect(requests).toHaveLength(1);
  });
});

describe("a 429", () => {
  const throttled = replyJson(429, {
    error: { code: "429", message: "API calls quota exceeded! maximum allowed 45 per 00:01:00" },
  });

  test("reports a 429 to all instances with the wait that the text names", async () => {
    const quota = createOpenQuota();
    replies = [throttled];
    const error = await catchFailure(createFixture({ quota }).client.send(call));
    expect(error).toMatchObject({ code: "throttled", retryAfterMs: 60_000, status: 429 });
    expect(quota.reports).toEqual([{ kind: "throttled", retryAfterMs: 60_000, cause: "calls" }]);
  });

  test("waits for a pause within the caller's limit by acquiring the next permit", async () => {
    const quota = createOpenQuota();
    replies = [replyJson(429, {}, { "retry-after": "5" }), ok];
    expect((await createFixture({ quota }).client.send(call)).status).toBe(200);
    expect(quota.permitsTaken).toBe(2);
  });

  test("waits for a pause itself without a quota", async () => {
    const { client, slept } = createFixture();
    replies = [replyJson(429, {}, { "retry-after": "5" }), ok];
    await client.send(call);
    expect(slept).toEqual([5_500]);
  });
});

describe("401 and 403", () => {
  const expired = replyJson(401, {
    error: { code: "InvalidAuthenticationToken", message: "Access token has expired." },
  });

  test("drops a refused token once and repeats the call", async () => {
    const { client, refused } = createFixture();
    replies = [expired, ok];
    expect((await client.send({ ...call, tries: 1 })).status).toBe(200);
    expect(refused).toEqual([token]);
  });

  test("reports the 401 after one call when no other credential exists", async () => {
    const issued = [token];
    const quota = createOpenQuota();
    const authorizer = createBearerAuthorizer({
      getToken: async () => issued.pop() ?? Promise.reject(new Error("no other token")),
      reportRefused: () => undefined,
    });
    replies = [expired, ok];
    const { client, logged } = createFixture({ authorizer, quota });
    expect(await catchFailure(client.send(call))).toMatchObject({ code: "unauthorized" });
    expect(requests).toHaveLength(1);
    expect(quota.permitsTaken).toBe(1);
    expect(logged).toHaveLength(1);
  });

  test("fails when a fresh token is refused too", async () => {
    const { client, logged } = createFixture();
    replies = [expired, expired, ok];
    expect(await catchFailure(client.send(call))).toMatchObject({
      code: "unauthorized",
      upstreamCode: "InvalidAuthenticationToken",
    });
    expect(requests).toHaveLength(2);
    expect(logged).toEqual([
      [
        "upstream.refused",
        { api: "files", status: 401, code: "InvalidAuthenticationToken", requestId: undefined },
      ],
    ]);
  });

  test("does not request another token for a missing licence", async () => {
    replies = [
      replyJson(401, {
        error: {
          code: "Unauthorized",
          message: "Unauthorized request - reason of failure: No Tvm license",
        },
      }),
      ok,
    ];
    expect(await catchFailure(createFixture().client.send(call))).toMatchObject({
      code: "unauthorized",
    });
    expect(requests).toHaveLength(1);
  });

  test("names the missing permission of a 403 and does not retry", async () => {
    const message =
      "Missing application roles. API required roles: ThreatHunting.Read.All, application roles: SecurityAlert.Read.All.";
    replies = [
      replyJson(403, {
        error: { code: "Forbidden", message, target: "|cd9f5106-4aa2341c0de87fd0.1.2." },
      }),
      ok,
    ];
    expect(await catchFailure(createFixture().client.send(call))).toMatchObject({
      code: "forbidden",
      message: "files: ThreatHunting.Read.All is missing (403)",
      requestId: "|cd9f5106-4aa2341c0de87fd0.1.2.",
    });
    expect(requests).toHaveLength(1);
  });
});

test("an echoed token appears in no error and no log", async () => {
  const { client, logged } = createFixture();
  replies = [
    replyJson(
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
  const error = await catchFailure(client.send(call));
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
  expect(error.upstreamMessage).toMatch(/^bad /);
});

test("abandons an endless handshake after ten seconds with nothing sent", async () => {
  const silent = createTcpServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const baseUrl = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const failed = catchFailure(createFixture({ baseUrl, tries: 1 }).client.send(call));
    const [socket] = (await once(silent, "connection")) as [Socket];
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await failed).toMatchObject({
      code: "unavailable",
      upstreamCode: "CONNECT_TIMEOUT",
      isSent: false,
    });
    socket.destroy();
  } finally {
    vi.useRealTimers();
    silent.close();
  }
});

describe("stream", () => {
  const readText = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
    let text = "";
    for await (const piece of body) text += Buffer.from(piece).toString();
    return text;
  };

  test("streams a large body chunk by chunk", async () => {
    replies = [replyJson(200, { rows: "x".repeat(3_000_000) })];
    const answer = await createFixture({ maxBodyBytes: 10 }).client.stream(call);
    expect(await readText(answer.body as AsyncIterable<Uint8Array>)).toHaveLength(3_000_011);
  });

  test("requests compressed responses and decompresses them", async () => {
    replies = [replyZipped('{"rows":[]}'), replyZipped('{"fine":true}')];
    const { client } = createFixture();
    const answer = await client.stream(call);
    expect(await readText(answer.body as AsyncIterable<Uint8Array>)).toBe('{"rows":[]}');
    expect(await client.send(call)).toMatchObject({ body: { fine: true } });
    expect(requests.map(({ headers }) => headers["accept-encoding"])).toEqual(["gzip", "gzip"]);
  });

  test("drops the connection when its reader stops early, and works afterwards", async () => {
    replies = [replyJson(200, { rows: "x".repeat(3_000_000) }), ok];
    const { client } = createFixture();
    const { body } = await client.stream(call);
    for await (const piece of body as AsyncIterable<Uint8Array>) if (piece.length > 0) break;
    expect(await client.send(call)).toMatchObject({ body: { fine: true } });
  });

  test("reads the body of an expected status", async () => {
    replies = [replyJson(400, { error: { code: "BadRequest" } })];
    expect(await createFixture().client.stream(call, [400])).toMatchObject({
      status: 400,
      body: { error: { code: "BadRequest" } },
    });
  });

  test.each([
    ["ends early", truncateBody, "files: the body was cut: no connection (ECONNRESET)"],
    [
      "ends inside its zipped form",
      replyZipped('{"rows":[]}', 0.6),
      "files: the body was cut: no connection (Z_BUF_ERROR)",
    ],
    [
      "trickles past the deadline",
      trickleBody,
      "files: the body was cut: no complete response within 6789 ms",
    ],
  ])("a body that %s is an UpstreamError and is reported", async (_, reply, message) => {
    const quota = createOpenQuota();
    replies = [reply];
    const answer = await createFixture({ quota, deadlineMs: getDeadlineMs(reply) }).client.stream(
      call,
    );
    expect(await catchFailure(readText(answer.body as AsyncIterable<Uint8Array>))).toMatchObject({
      code: "unavailable",
      message,
    });
    expect(quota.reports).toEqual([{ kind: "ok" }, { kind: "failed" }]);
  });

  test("retries a page in place of rows and does not return it", async () => {
    replies = [replyPage(200), replyJson(200, { rows: [] })];
    const answer = await createFixture().client.stream(call);
    expect(await readText(answer.body as AsyncIterable<Uint8Array>)).toBe('{"rows":[]}');
  });
});
