import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseInstant, ticksFromMs } from "../../../shared/runtime/time.ts";
import { sendRequest, runHuntingQuery, fetchToken } from "../caller.ts";
import { startSimulator, type Simulator } from "../simulator.ts";
import { parseBehaviors } from "../behaviors.ts";
import type { EvaluationContext, Column, Evaluation } from "./evaluation.ts";

let simulator: Simulator;
/** The next query's result and the last query's parameters. */
let table: { columns: Column[]; rows: Iterable<readonly unknown[]> };
let lastContext: EvaluationContext;
let lastQuery: string;

const createNumberTable = (count: number): typeof table => ({
  columns: [{ name: "n", type: "long" }],
  rows: Array.from({ length: count }, (_, index) => [BigInt(index)]),
});

const evaluateStub = (query: string, context: EvaluationContext): Evaluation => {
  lastContext = context;
  lastQuery = query;
  if (query === "wrong")
    return {
      kind: "error",
      class: "semantic",
      message: "'where' operator: Failed to resolve scalar expression named 'X'.",
    };
  return { kind: "table", ...table };
};

beforeAll(async () => {
  simulator = await startSimulator({ evaluate: evaluateStub });
});
afterAll(() => simulator.stop());
beforeEach(() => {
  table = createNumberTable(3);
  simulator.faults.clear();
  simulator.changeBehaviors(parseBehaviors({}));
  simulator.changeBehaviors({ hunting: { quota: { perMinute: null, perHour: null } } });
  // Moves a day ahead, so that each test starts with unused budgets.
  simulator.clock.shift(25 * 3_600_000);
});

const allApis = ["graph", "xdr", "defender", "legacy"] as const;
const instant = parseInstant("2026-01-05T06:38:35.7664356Z");
const second = parseInstant("2026-07-19T21:46:29Z");

describe("answers", () => {
  test("answers with a context on Graph, statistics on XDR and a schema on all", async () => {
    const [graph, xdr, defender, legacy] = await Promise.all(
      allApis.map((via) => runHuntingQuery(simulator, "T", { via })),
    );
    expect(Object.keys(graph?.body ?? {})).toEqual(["@odata.context", "schema", "results"]);
    expect(Object.keys(xdr?.body ?? {})).toEqual(["Stats", "Schema", "Results"]);
    expect(defender?.body).toEqual({
      Schema: [{ Name: "n", Type: "Int64" }],
      Results: [{ n: 0 }, { n: 1 }, { n: 2 }],
    });
    expect(legacy?.body).toEqual(defender?.body);
    expect(graph?.body["schema"]).toEqual([{ name: "n", type: "Int64" }]);
  });

  const cases: [string, Column["type"], unknown, string, string][] = [
    ["a text", "string", 'a"b\n', '"c":"a\\"b\\n"', '"c":"a\\"b\\n"'],
    ["an empty text", "string", "", '"c":""', '"c":""'],
    ["no text", "string", null, '"c":""', '"c":""'],
    ["true", "bool", true, '"c@odata.type":"#SByte","c":1', '"c":1'],
    ["false", "bool", false, '"c@odata.type":"#SByte","c":0', '"c":0'],
    ["no bool", "bool", null, '"c":{}', '"c":null'],
    ["an int", "int", 7, '"c":7', '"c":7'],
    [
      "a long above 2^53",
      "long",
      9_007_199_254_740_993n,
      '"c":9007199254740993',
      '"c":9007199254740993',
    ],
    ["no long", "long", null, '"c":{}', '"c":null'],
    ["a real", "real", 4.3, '"c":4.3', '"c":4.3'],
    ["an infinite real", "real", Infinity, '"c":"INF"', '"c":"Infinity"'],
    ["a decimal", "decimal", "1.10", '"c":1.10', '"c":1.10'],
    [
      "an instant with seven digits",
      "datetime",
      instant,
      '"c":"2026-01-05T06:38:35.7664356Z"',
      '"c":"2026-01-05T06:38:35.7664356Z"',
    ],
    [
      "a full second",
      "datetime",
      second,
      '"c":"2026-07-19T21:46:29Z"',
      '"c":"2026-07-19T21:46:29.0000000Z"',
    ],
    ["no instant", "datetime", null, '"c":{}', '"c":null'],
    ["a timespan", "timespan", 937_840_000_000n, '"c":"1.02:03:04"', '"c":"1.02:03:04"'],
    [
      "a negative timespan",
      "timespan",
      -15_000_000n,
      '"c":"-00:00:01.5000000"',
      '"c":"-00:00:01.5000000"',
    ],
    ["a guid", "guid", "0d3c", '"c":"0d3c"', '"c":"0d3c"'],
    ["no dynamic", "dynamic", null, '"c":{}', '"c":null'],
    [
      "texts",
      "dynamic",
      ["a", "b"],
      '"c@odata.type":"#Collection(String)","c":["a","b"]',
      '"c":["a","b"]',
    ],
    ["an empty array", "dynamic", [], '"c@odata.type":"#Collection(String)","c":[]', '"c":[]'],
    ["numbers", "dynamic", [1, 2], '"c@odata.type":"#Collection(Int64)","c":[1,2]', '"c":[1,2]'],
    [
      "objects in an array",
      "dynamic",
      [{ a: 1 }],
      '"c@odata.type":"#Collection(String)","c":["{\\"a\\":1}"]',
      '"c":[{"a":1}]',
    ],
    [
      "an object",
      "dynamic",
      { a: { b: 9_007_199_254_740_993n, d: true, e: null }, f: ["x"] },
      '"c":{"@odata.type":"#microsoft.graph.security.dynamicColumnValue","a":{"@odata.type":"#microsoft.graph.security.dynamicColumnValue","b@odata.type":"#Int64","b":9007199254740993,"d":true,"e":null},"f@odata.type":"#Collection(String)","f":["x"]}',
      '"c":{"a":{"b":9007199254740993,"d":true,"e":null},"f":["x"]}',
    ],
  ];
  test.each(cases)("writes %s as the service does", async (_, type, value, graph, plain) => {
    table = { columns: [{ name: "c", type }], rows: [[value]] };
    expect((await runHuntingQuery(simulator, "T")).text).toMatch(
      new RegExp(`${escapePattern(`{${graph}}]}`)}$`),
    );
    expect((await runHuntingQuery(simulator, "T", { via: "defender" })).text).toMatch(
      new RegExp(`${escapePattern(`{${plain}}]}`)}$`),
    );
  });

  test("writes times without a zone on the legacy API", async () => {
    table = { columns: [{ name: "Timestamp", type: "datetime" }], rows: [[instant]] };
    expect((await runHuntingQuery(simulator, "T", { via: "legacy" })).body["Results"]).toEqual([
      { Timestamp: "2026-01-05T06:38:35.7664356" },
    ]);
  });

  test.each([
    [{ nulls: "absent" }, [{ name: "a", type: "long" }], [null], "{}"],
    [{ nulls: "null" }, [{ name: "a", type: "long" }], [null], '{"a":null}'],
    [
      { fractions: "seven" },
      [{ name: "a", type: "datetime" }],
      [second],
      '{"a":"2026-07-19T21:46:29.0000000Z"}',
    ],
    [
      { longSidecars: "ids" },
      [{ name: "ReportId", type: "long" }],
      [1n],
      '{"ReportId@odata.type":"#Int64","ReportId":1}',
    ],
    [{ longSidecars: "none" }, [{ name: "ReportId", type: "long" }], [1n], '{"ReportId":1}'],
    [{ decimals: "text" }, [{ name: "a", type: "decimal" }], ["1.10"], '{"a":"1.10"}'],
    [
      { timespans: "iso" },
      [{ name: "a", type: "timespan" }],
      [937_840_000_000n],
      '{"a":"P1DT2H3M4S"}',
    ],
  ] as const)("writes rows by the behavior %j", async (hunting, columns, row, written) => {
    simulator.changeBehaviors({ hunting });
    table = { columns: [...columns], rows: [row] };
    expect((await runHuntingQuery(simulator, "T")).text).toContain(`:[${written}]}`);
  });

  test.each([
    [
      { plainBooleans: "boolean" },
      "bool",
      true,
      '{"Schema":[{"Name":"a","Type":"Boolean"}],"Results":[{"a":true}]}',
    ],
    [
      { plainDynamics: "text" },
      "dynamic",
      { b: 1 },
      '{"Schema":[{"Name":"a","Type":"Object"}],"Results":[{"a":"{\\"b\\":1}"}]}',
    ],
  ] as const)(
    "writes rows on the Defender API by the behavior %j",
    async (hunting, type, value, text) => {
      simulator.changeBehaviors({ hunting });
      table = { columns: [{ name: "a", type }], rows: [[value]] };
      expect((await runHuntingQuery(simulator, "T", { via: "defender" })).text).toBe(text);
    },
  );

  test.each([
    ["usual", { Schema: [{ Name: "n", Type: "Int64" }], Results: [] }],
    ["no-schema", { Results: [] }],
    ["no-results", { Schema: [{ Name: "n", Type: "Int64" }] }],
  ] as const)("writes an answer without rows as configured: %s", async (emptyAnswers, body) => {
    simulator.changeBehaviors({ hunting: { emptyAnswers } });
    table = createNumberTable(0);
    expect((await runHuntingQuery(simulator, "T", { via: "defender" })).body).toEqual(body);
  });

  test("echoes the caller's request id, adds its own, and compresses if accepted", async () => {
    table = createNumberTable(1_000);
    const answer = await runHuntingQuery(simulator, "T", {
      headers: { "client-request-id": "mine", "accept-encoding": "gzip" },
    });
    expect(answer.headers.get("client-request-id")).toBe("mine");
    expect(answer.headers.get("request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get("x-ms-ags-diagnostic")).toContain("ServerInfo");
    expect(answer.headers.get("content-encoding")).toBe("gzip");
    expect(answer.body["results"]).toHaveLength(1_000);
  });
});

const escapePattern = (text: string): string =>
  text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

describe("caps", () => {
  test.each([
    ["graph", 10],
    ["defender", 10],
    ["legacy", 5],
  ] as const)("cuts %s silently at %i rows", async (via, rows) => {
    simulator.changeBehaviors({ hunting: { rowCap: 10, legacyRowCap: 5 } });
    table = createNumberTable(20);
    const { status, body } = await runHuntingQuery(simulator, "T", { via });
    expect([status, body["results"] ?? body["Results"]]).toEqual([
      200,
      Array.from({ length: rows }, (_, n) => ({ n })),
    ]);
    expect(simulator.listRequests().at(-1)?.effect).toMatchObject({ rows, truncated: true });
  });

  test("cuts at 100,000 rows by default, at 10,000 on the legacy API", async () => {
    simulator.changeBehaviors({ hunting: { sizeCapBytes: null } });
    table = createNumberTable(100_001);
    await runHuntingQuery(simulator, "T");
    expect(simulator.listRequests().at(-1)?.effect).toMatchObject({
      rows: 100_000,
      truncated: true,
    });
    await runHuntingQuery(simulator, "T", { via: "legacy" });
    expect(simulator.listRequests().at(-1)?.effect).toMatchObject({
      rows: 10_000,
      truncated: true,
    });
  });

  test.each([
    ["number", "Optimize your query by limiting the number of results and try again."],
    ["amount", "Optimize your query by limiting the amount of results and try again."],
  ] as const)(
    "refuses a result above the size cap with the %s wording",
    async (sizeWording, text) => {
      simulator.changeBehaviors({
        hunting: { sizeCapBytes: 1_000, sizeWording, errorWording: "api" },
      });
      table = createNumberTable(1_000);
      const answer = await runHuntingQuery(simulator, "T");
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({
        error: { message: `Query execution has exceeded the allowed result size. ${text}` },
      });
    },
  );

  test.each([
    [
      "sizeCapBytes",
      ["allowed result size", "Result size limit exceeded", "E_QUERY_RESULT_SET_TOO"],
    ],
    ["preemptAboveRows", ["preempted", "excessive resource consumption", "E_LOW_MEMORY_CONDITION"]],
  ] as const)("mixes the documented wordings of a 400 by %s", async (limit, wordings) => {
    simulator.changeBehaviors({ hunting: { [limit]: 2 } });
    table = createNumberTable(1_000);
    const texts: string[] = [];
    for (const _ of wordings) texts.push((await runHuntingQuery(simulator, "T")).text);
    for (const wording of wordings) expect(texts.join("\n")).toContain(wording);
    simulator.changeBehaviors({ hunting: { errorWording: "page" } });
    expect((await runHuntingQuery(simulator, "T")).text).toContain(wordings[1]);
  });

  test.each([
    ["application/json", "M\u00c3\u00bcller"],
    ["application/json; charset=utf-8", "M\u00fcller"],
  ])("decodes a body with the content type %s as %s", async (contentType, text) => {
    await runHuntingQuery(simulator, "T // M\u00fcller", {
      headers: { "content-type": contentType },
    });
    expect(lastQuery).toBe(`T // ${text}`);
  });

  test("preempts a query with too many rows", async () => {
    simulator.changeBehaviors({ hunting: { preemptAboveRows: 2, errorWording: "api" } });
    const answer = await runHuntingQuery(simulator, "T");
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("The query execution was preempted.");
  });
});

describe("requests", () => {
  const postRaw = (via: "graph" | "defender", init: RequestInit) =>
    sendRequest(
      `${simulator.urls[via]}${via === "graph" ? "/v1.0/security/runHuntingQuery" : "/api/advancedqueries/run"}`,
      {
        method: "POST",
        ...init,
      },
    );

  test.each([
    ["graph", "InvalidAuthenticationToken"],
    ["defender", "Unauthorized"],
  ] as const)(
    "answers 401 on %s without a token, with a foreign one or one for another API",
    async (via, code) => {
      const other = await fetchToken(simulator, via === "graph" ? "defender" : "graph");
      for (const authorization of ["", "Basic eDp5", "Bearer a.b.c", `Bearer ${other}`]) {
        const answer = await postRaw(via, {
          headers: authorization === "" ? {} : { authorization },
          body: "{}",
        });
        expect(answer.status).toBe(401);
        expect(answer.body).toMatchObject({ error: { code } });
      }
    },
  );

  test("answers 401 to an expired or revoked token", async () => {
    const authorization = `Bearer ${await fetchToken(simulator, "graph")}`;
    simulator.clock.shift(86_400_000);
    const expired = await runHuntingQuery(simulator, "T", { headers: { authorization } });
    expect(expired.body).toMatchObject({
      error: { message: "Access token has expired or is not yet valid." },
    });
    const revoked = `Bearer ${await fetchToken(simulator, "graph")}`;
    simulator.tokens.revokeAll();
    expect(
      (await runHuntingQuery(simulator, "T", { headers: { authorization: revoked } })).status,
    ).toBe(401);
    simulator.clock.shift(5);
    expect((await runHuntingQuery(simulator, "T")).status).toBe(200);
  });

  test.each([
    ["graph", "ThreatHunting.Read.All"],
    ["defender", "AdvancedQuery.Read.All"],
    ["xdr", "AdvancedHunting.Read.All"],
  ] as const)("answers 403 on %s without its permission and names it", async (via, role) => {
    const roles = simulator.directory.identities[0]?.roles ?? {};
    const originalRoles = roles[via];
    roles[via] = ["Machine.Read.All"];
    const answer = await runHuntingQuery(simulator, "T", { via });
    if (originalRoles) roles[via] = originalRoles;
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({
      error: {
        code: "Forbidden",
        message: `Missing application roles. API required roles: ${role}, application roles: Machine.Read.All.`,
      },
    });
  });

  test.each([
    ["invalid JSON", "graph", "Query=T", "application/json", 400],
    ["a raw line feed in a string", "graph", '{"Query":"a\nb"}', "application/json", 400],
    ["another content type", "graph", '{"Query":"T"}', "text/plain", 400],
    ["no query", "graph", "{}", "application/json", 400],
    ["an empty query", "defender", '{"Query":" "}', "application/json", 400],
    ["a lower-case key to Graph", "graph", '{"query":"T"}', "application/json", 200],
    ["a lower-case key to Defender", "defender", '{"query":"T"}', "application/json", 400],
    [
      "an invalid timespan",
      "graph",
      '{"Query":"T","Timespan":"yesterday"}',
      "application/json",
      400,
    ],
  ] as const)(
    "answers a request with %s (%s) as the service does",
    async (_, via, body, type, status) => {
      const authorization = `Bearer ${await fetchToken(simulator, via)}`;
      const answer = await postRaw(via, { headers: { authorization, "content-type": type }, body });
      expect(answer.status).toBe(status);
    },
  );

  test("answers a request without a query in the service's words", async () => {
    const answer = await runHuntingQuery(simulator, "", { via: "defender" });
    expect(answer.body).toMatchObject({
      error: { code: "InvalidRequestBody", message: "Missing query." },
    });
  });

  test("limits the evaluator to 30 days or to Timespan", async () => {
    const day = ticksFromMs(86_400_000);
    await runHuntingQuery(simulator, "T");
    expect(lastContext.timespan).toEqual({
      from: lastContext.now - 30n * day,
      to: lastContext.now,
    });
    await runHuntingQuery(simulator, "T", { extraFields: { Timespan: "P2D" } });
    expect(lastContext.timespan).toEqual({ from: lastContext.now - 2n * day, to: lastContext.now });
    await runHuntingQuery(simulator, "T", { via: "defender", extraFields: { Timespan: "P2D" } });
    expect(lastContext.timespan.from).toBe(lastContext.now - 30n * day);
  });

  test("answers an invalid query with the evaluator's message in the service's envelope", async () => {
    const graph = await runHuntingQuery(simulator, "wrong");
    expect(graph.status).toBe(400);
    expect(graph.body).toMatchObject({
      error: {
        code: "BadRequest",
        message: "'where' operator: Failed to resolve scalar expression named 'X'.",
      },
    });
    expect(Object.keys((graph.body as { error: { innerError: object } }).error.innerError)).toEqual(
      ["date", "request-id", "client-request-id"],
    );
    const defender = await runHuntingQuery(simulator, "wrong", { via: "defender" });
    expect((defender.body as { error: { target: string } }).error.target).toMatch(
      /^\|[0-9a-f-]+\.1\.2\.$/,
    );
  });

  test("answers 400 for a table that the tenant does not have", async () => {
    simulator.changeBehaviors({ hunting: { disabledTables: ["EmailEvents"] } });
    const answer = await runHuntingQuery(simulator, "EmailEvents | take 1");
    expect(answer.text).toContain(
      "Failed to resolve table or column expression named 'EmailEvents'",
    );
  });

  test.each([404, 410, 403])(
    "answers retired APIs with the configured status %i, while Graph continues to work",
    async (retired) => {
      simulator.changeBehaviors({ hunting: { retired } });
      const statuses = await Promise.all(
        allApis.map(async (via) => (await runHuntingQuery(simulator, "T", { via })).status),
      );
      expect(statuses).toEqual([200, retired, retired, retired]);
    },
  );

  test.each([
    ["the tenant's workspace", "graph", "4f1d3c2b-5a69-4788-96a5-b4c3d2e1f001", 200],
    ["another workspace", "graph", "4f1d3c2b-5a69-4788-96a5-b4c3d2e1f002", 400],
    ["another workspace", "defender", "4f1d3c2b-5a69-4788-96a5-b4c3d2e1f002", 200],
  ] as const)("answers a query over %s on %s", async (_, via, workspaceId, status) => {
    const reply = await runHuntingQuery(simulator, "T", { via, extraFields: { workspaceId } });
    expect(reply.status).toBe(status);
  });

  test("answers an unknown path with a 404 in the API's envelope", async () => {
    expect((await sendRequest(`${simulator.urls.graph}/v1.0/x`)).body).toMatchObject({
      error: { innerError: {} },
    });
    expect((await sendRequest(`${simulator.urls.defender}/api/x`)).body).toMatchObject({
      error: { code: "ResourceNotFound", target: expect.anything() as string },
    });
  });
});

describe("quotas", () => {
  test("counts calls of all generations by minute and hour", async () => {
    simulator.changeBehaviors({ hunting: { quota: { perMinute: 4, perHour: 6 } } });
    const queryEveryApi = async () => {
      const statuses: number[] = [];
      for (const via of [...allApis, "graph"] as const)
        statuses.push((await runHuntingQuery(simulator, "T", { via })).status);
      return statuses;
    };
    expect(await queryEveryApi()).toEqual([200, 200, 200, 200, 429]);
    simulator.clock.shift(60_000);
    expect(await queryEveryApi()).toEqual([200, 200, 429, 429, 429]);
    expect(simulator.listRequests().at(-1)?.quota).toBe("refused");
  });

  test.each([
    ["graph", "api", "Please retry again later."],
    ["defender", "api", "in 60 seconds."],
    [
      "graph",
      "new",
      "Maximum allowed 0 per 00:01:00 for the key Destination+TenantID+AppID. You can send requests again in 60 seconds.",
    ],
    ["defender", "old", "API calls quota exceeded! maximum allowed 0 per 00:01:00"],
    ["defender", "graph", "Please retry again later."],
  ] as const)("throttles on %s in the %s wording", async (via, throttleWording, text) => {
    simulator.changeBehaviors({ hunting: { throttleWording, quota: { perMinute: 0 } } });
    const answer = await runHuntingQuery(simulator, "T", { via });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "60"]);
    expect(answer.text).toContain(text);
  });

  test("omits Retry-After if configured", async () => {
    simulator.changeBehaviors({ hunting: { quota: { perMinute: 0, retryAfter: false } } });
    expect((await runHuntingQuery(simulator, "T")).headers.get("retry-after")).toBeNull();
  });

  test("refuses work above the CPU budget until the end of the quarter hour", async () => {
    simulator.clock.shift(15 * 60_000 - (simulator.clock.now() % (15 * 60_000)) + 60_000);
    simulator.changeBehaviors({ hunting: { cpuMsPerSlot: 300, cpuMsPerQuery: 200 } });
    expect([
      (await runHuntingQuery(simulator, "T")).status,
      (await runHuntingQuery(simulator, "T")).status,
    ]).toEqual([200, 200]);
    const answer = await runHuntingQuery(simulator, "T");
    expect(answer.status).toBe(429);
    expect(answer.text).toContain("[simulator] CPU quota exhausted until");
    const wait = Number(answer.headers.get("retry-after"));
    expect(wait).toBeGreaterThan(13 * 60);
    expect(wait).toBeLessThanOrEqual(14 * 60);
    simulator.clock.shift(wait * 1_000);
    expect((await runHuntingQuery(simulator, "T")).status).toBe(200);
  });

  test("limits run time by the hour on the Defender API but not on Graph", async () => {
    simulator.changeBehaviors({ hunting: { runTimeMsPerHour: 200 } });
    expect((await runHuntingQuery(simulator, "T", { via: "defender" })).status).toBe(200);
    const answer = await runHuntingQuery(simulator, "T", { via: "defender" });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "3600"]);
    expect((await runHuntingQuery(simulator, "T")).status).toBe(200);
    expect((await runHuntingQuery(simulator, "T", { via: "legacy" })).status).toBe(200);
  });
});

describe("long answers", () => {
  test("streams a million rows in bounded memory", async () => {
    simulator.changeBehaviors({ hunting: { rowCap: 2_000_000, sizeCapBytes: null } });
    let made = 0;
    const generateRows = function* (): Generator<unknown[]> {
      for (; made < 1_000_000; made += 1) yield [BigInt(made)];
    };
    table = { columns: [{ name: "n", type: "long" }], rows: generateRows() };
    const response = await fetch(`${simulator.urls.graph}/v1.0/security/runHuntingQuery`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${await fetchToken(simulator, "graph")}`,
        "content-type": "application/json",
        "accept-encoding": "identity",
      },
      body: JSON.stringify({ Query: "T" }),
    });
    const reader = response.body?.getReader();
    await reader?.read();
    await new Promise((resolve) => setTimeout(resolve, 50));
    // The writer waits for the reader: socket buffers hold a few megabytes at most.
    expect(made).toBeLessThan(900_000);
    let bytes = 0;
    for (;;) {
      const piece = await reader?.read();
      if (!piece || piece.done) break;
      bytes += (piece.value as Uint8Array).length;
    }
    expect(made).toBe(1_000_000);
    expect(bytes).toBeGreaterThan(10_000_000);
  });

  test.each([
    ["streamed", null],
    ["buffered for the size cap", 1e12],
  ])("stops an answer %s when the caller disconnects", async (_, sizeCapBytes) => {
    simulator.changeBehaviors({ hunting: { rowCap: 1e9, sizeCapBytes } });
    let made = 0;
    const stop = new AbortController();
    const generateRows = function* (): Generator<unknown[]> {
      for (;;) {
        made += 1;
        if (made === 50_000) stop.abort();
        yield [BigInt(made)];
      }
    };
    table = { columns: [{ name: "n", type: "long" }], rows: generateRows() };
    const call = runHuntingQuery(simulator, "T", { signal: stop.signal });
    await expect(call).rejects.toThrow();
    await expect
      .poll(() => simulator.listRequests({ route: "graph" }).at(-1)?.outcome)
      .toBe("cancelled");
    const madeAtHangUp = made;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toBe(madeAtHangUp);
  });
});
