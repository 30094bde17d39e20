import { describe, expect, test } from "vitest";
import {
  createDefenderHunting,
  createLegacyHunting,
} from "../../../../shared/clients/hunting/defender.ts";
import { createGraphHunting } from "../../../../shared/clients/hunting/graph.ts";
import {
  UpstreamError,
  type UpstreamErrorCode,
} from "../../../../shared/http-pipeline/upstream-error.ts";
import { ticksFromMs } from "../../../../shared/runtime/time.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { runQuery } from "./hunting-harness.ts";

const graphBody =
  '{"@odata.context":"c","schema":[{"name":"Timestamp","type":"DateTime"},{"name":"IsX","type":"SByte"},{"name":"N","type":"Int64"}],' +
  '"results":[{"Timestamp":"2026-07-19T21:46:29Z","IsX@odata.type":"#SByte","IsX":1,"N":9007199254740993},{"Timestamp":{},"IsX":{},"N":{}}]}';
const plainBody =
  '{"Stats":{"ExecutionTime":1.5},"Schema":[{"Name":"Timestamp","Type":"DateTime"},{"Name":"IsX","Type":"Boolean"},{"Name":"N","Type":"Int64"}],' +
  '"Results":[{"Timestamp":"2026-07-19T21:46:29.0000000","IsX":true,"N":9007199254740993},{"Timestamp":null,"IsX":null,"N":null}]}';
const lines = [
  '{"Timestamp":"2026-07-19T21:46:29.0000000Z","IsX":true,"N":9007199254740993}',
  '{"Timestamp":null,"IsX":null,"N":null}',
];
const columns = [
  { name: "Timestamp", type: "datetime" },
  { name: "IsX", type: "bool" },
  { name: "N", type: "long" },
];

const createBadRequest = (message: string) => ({
  status: 400,
  json: { error: { code: "BadRequest", message } },
});
const retirement = Date.parse("2027-02-01");

describe("hunting back-ends", () => {
  test.each([
    ["graph", createGraphHunting, graphBody, "/v1.0/security/runHuntingQuery"],
    ["defender", createDefenderHunting, plainBody, "/api/advancedqueries/run"],
    ["legacy", createLegacyHunting, plainBody, "/advancedqueries/query"],
  ] as const)(
    "%s streams the same lines and says what came",
    async (api, createPort, body, path) => {
      const result = await runQuery(createPort, { body, afterMs: 700 });
      expect(result.lines).toEqual(lines);
      expect(result.announced).toEqual([columns]);
      expect(result.reply).toEqual({
        kind: "answer",
        columns,
        rows: 2,
        bytes: body.length,
        durationMs: 700,
      });
      expect(result.calls).toMatchObject([
        { method: "POST", path, json: { Query: "DeviceEvents" }, deadlineMs: 230_000 },
      ]);
      expect(result.calls[0]?.permit).toBeDefined();
      expect(result.reports).toEqual([{ kind: "ok", runTimeMs: api === "graph" ? 700 : 1_500 }]);
    },
  );

  test("has the service's documented limits of rows and bytes", async () => {
    const caps = [createGraphHunting, createDefenderHunting, createLegacyHunting].map(
      (createPort) => createPort({} as never).caps.rows,
    );
    expect(caps).toEqual([100_000, 100_000, 10_000]);
  });

  test("Graph gets the time span in whole seconds, widened outwards; the others know none", async () => {
    const timespan = {
      from: ticksFromMs(Date.UTC(2026, 0, 5)) + 1n,
      to: ticksFromMs(Date.UTC(2026, 0, 6)) + 1n,
    };
    const readJson = async (createPort: typeof createGraphHunting) =>
      (await runQuery(createPort, { body: graphBody }, { timespan })).calls[0]?.json;
    expect(await readJson(createGraphHunting)).toEqual({
      Query: "DeviceEvents",
      Timespan: "2026-01-05T00:00:00Z/2026-01-06T00:00:01Z",
    });
    expect(await readJson(createDefenderHunting)).toEqual({ Query: "DeviceEvents" });
  });

  test("Graph gets the id of the workspace that the settings name", async () => {
    const workspaceId = "4f1d3c2b-5a69-4788-96a5-b4c3d2e1f001";
    const { calls } = await runQuery((deps) => createGraphHunting(deps, workspaceId), {
      body: graphBody,
    });
    expect(calls[0]?.json).toEqual({ Query: "DeviceEvents", workspaceId });
  });

  test("the compiled type of a column has precedence and replaces a missing schema", async () => {
    const compiled = [{ name: "Bag", type: "dynamic" }] as const;
    const named = '{"schema":[{"name":"Bag","type":"String"}],"results":[{"Bag":"{\\"a\\":1}"}]}';
    expect(
      (await runQuery(createGraphHunting, { body: named }, { columns: compiled })).lines,
    ).toEqual(['{"Bag":{"a":1}}']);
    expect((await runQuery(createGraphHunting, { body: named })).lines).toEqual([
      '{"Bag":"{\\"a\\":1}"}',
    ]);
    const empty = await runQuery(
      createGraphHunting,
      { body: '{"results":[]}' },
      { columns: compiled },
    );
    expect(empty.reply).toMatchObject({ kind: "answer", rows: 0, columns: compiled });
    expect(empty.announced).toEqual([]);
  });

  test.each([
    [
      "allowed result size",
      "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of results and try again.",
      { kind: "too-big" },
    ],
    [
      "amount of results",
      "Query execution has exceeded the allowed amount of results.",
      { kind: "too-big" },
    ],
    [
      "preempted",
      "Query execution has exceeded the allowed limits. The query execution was preempted. This could possibly be due to high CPU and/or memory resource consumption.",
      { kind: "too-heavy", cause: "preempted" },
    ],
    ["timed out", "The query timed out.", { kind: "too-heavy", cause: "timed-out" }],
    [
      "unknown table",
      "'where' operator: Failed to resolve table or column expression named 'DeviceProcessEvents'. Fix semantic errors in your query.",
      { kind: "refused", cause: "table" },
    ],
    [
      "unknown column",
      "'where' operator: Failed to resolve scalar expression named 'X'. Fix semantic errors in your query.",
      { kind: "refused", cause: "query" },
    ],
    [
      "syntax",
      "The query contains syntax errors: Expected: )",
      { kind: "refused", cause: "query" },
    ],
  ])("classifies a 400 by its text: %s", async (_, message, reply) => {
    expect((await runQuery(createGraphHunting, createBadRequest(message))).reply).toMatchObject(
      reply,
    );
    expect((await runQuery(createDefenderHunting, createBadRequest(message))).reply).toMatchObject(
      reply,
    );
  });

  test("a used-up budget in a 400 pauses all instances for the time that it names", async () => {
    const message =
      "You have exceeded processing resources allocated to this tenant. You can run queries again in 12 minutes.";
    const { reply, reports } = await runQuery(createGraphHunting, createBadRequest(message));
    expect(reply).toMatchObject({ kind: "later", retryAfterMs: 720_000 });
    expect(reports).toEqual([{ kind: "throttled", retryAfterMs: 720_000, cause: "run-time" }]);
  });

  test("a failure carries the service's message, at most 500 characters", async () => {
    const { reply } = await runQuery(
      createGraphHunting,
      createBadRequest(`no ${"x".repeat(1_000)}`),
    );
    expect(reply).toMatchObject({ message: `Microsoft Graph answered 400: no ${"x".repeat(497)}` });
  });

  test.each([
    [
      "504",
      { status: 504, json: { error: { code: "UnknownError", message: "" } } },
      { kind: "too-heavy", cause: "timed-out" },
    ],
    [
      "403",
      {
        status: 403,
        json: {
          error: {
            code: "Forbidden",
            message: "Missing application roles. API required roles: ThreatHunting.Read.All",
          },
        },
      },
      { kind: "refused", cause: "permission" },
    ],
    ["404", { status: 404, json: "<html>gone</html>" }, { kind: "refused", cause: "tenant" }],
    [
      "an error with status 200",
      { body: '{"error":{"code":"BadRequest","message":"The query contains syntax errors"}}' },
      { kind: "refused", cause: "query" },
    ],
    ["a body cut short", { body: graphBody.slice(0, -2) }, { kind: "failed" }],
    ["HTML with status 200", { body: "<html></html>" }, { kind: "failed" }],
  ] as const)("reads %s", async (_, script, reply) => {
    expect((await runQuery(createGraphHunting, script)).reply).toMatchObject(reply);
  });

  test("reports run time for every response, refusals as well", async () => {
    expect((await runQuery(createGraphHunting, createBadRequest("preempted"))).reports).toEqual([
      { kind: "ok", runTimeMs: 0 },
    ]);
  });

  test("sends no call without a permit and replies later", async () => {
    const permit = { kind: "later", retryAfterMs: 4_000, reason: "paused" } as const;
    const result = await runQuery(createGraphHunting, { body: graphBody }, {}, { permit });
    expect(result.reply).toEqual({
      kind: "later",
      retryAfterMs: 4_000,
      cause: "no permit: paused",
    });
    expect(result.calls).toEqual([]);
  });

  const createFailure = (code: UpstreamErrorCode, details: object = {}) => ({
    error: new UpstreamError(code, "it failed", { api: "hunting", ...details }),
  });

  test.each([
    ["throttled", { retryAfterMs: 8_000 }, { kind: "later", retryAfterMs: 8_000 }],
    // The clock shows 06:00, so the next quarter hour begins in 15 minutes.
    ["throttled", {}, { kind: "later", retryAfterMs: 900_000 }],
    ["unavailable", {}, { kind: "failed" }],
    ["unavailable", { status: 504 }, { kind: "too-heavy", cause: "timed-out" }],
    ["unavailable", { retryAfterMs: 60_000 }, { kind: "later", retryAfterMs: 60_000 }],
    ["unauthorized", {}, { kind: "refused", cause: "authentication" }],
    [
      "unauthorized",
      { upstreamMessage: "Unauthorized request - reason of failure: Account mode is inactive" },
      { kind: "refused", cause: "tenant" },
    ],
    [
      "unauthorized",
      { upstreamMessage: "reason of failure: No Tvm license" },
      { kind: "refused", cause: "tenant" },
    ],
    ["forbidden", { status: 403 }, { kind: "refused", cause: "permission" }],
    ["rejected", { status: 413 }, { kind: "failed", isUnknownRefusal: true }],
    ["rejected", { status: 418 }, { kind: "failed", isUnknownRefusal: true }],
    ["unexpectedResponse", {}, { kind: "failed" }],
  ] as const)("an error of the pipe, %s %j, becomes an answer", async (code, details, reply) => {
    expect((await runQuery(createGraphHunting, createFailure(code, details))).reply).toMatchObject(
      reply,
    );
  });

  test("reports any failure at the deadline as too heavy", async () => {
    const script = { ...createFailure("unavailable"), afterMs: 230_000 };
    expect((await runQuery(createGraphHunting, script)).reply).toEqual({
      kind: "too-heavy",
      cause: "timed-out",
    });
  });

  test("throws the caller's abort reason and the sink's own error unchanged", async () => {
    const signal = AbortSignal.abort(new Error("host stopping"));
    await expect(
      runQuery(createGraphHunting, createFailure("unavailable"), { signal }),
    ).rejects.toThrow("host stopping");
    const onRows = (): void => {
      throw new UpstreamError("unavailable", "storage is away", { api: "storage" });
    };
    await expect(runQuery(createGraphHunting, { body: graphBody }, {}, { onRows })).rejects.toThrow(
      "storage is away",
    );
  });

  test("throws an error of the program unchanged", async () => {
    await expect(runQuery(createGraphHunting, { error: new TypeError("bug") })).rejects.toThrow(
      TypeError,
    );
  });
});

describe("retirement", () => {
  const createClockAfter = () => createVirtualClock(retirement);
  const createClockBefore = () => createVirtualClock(retirement - 1);

  test.each([
    ["404", { status: 404, json: {} }],
    ["410", { status: 410, json: {} }],
    ["403", { status: 403, json: { error: { message: "The API has been retired." } } }],
    ["an answer without data", { body: '{"Results":[]}' }],
    [
      "a page of HTML",
      { error: new UpstreamError("unexpectedResponse", "HTML", { api: "hunting", status: 404 }) },
    ],
  ] as const)("%s after the date says what to do", async (_, script) => {
    const { reply } = await runQuery(
      createDefenderHunting,
      script,
      {},
      { clock: createClockAfter() },
    );
    expect(reply).toMatchObject({ kind: "refused", cause: "retired" });
    expect(reply).toHaveProperty(
      "message",
      expect.stringContaining("2027-02-01: set HUNTING_API to graph"),
    );
  });

  test("reports a missing permission as such before and after retirement", async () => {
    const script = {
      status: 403,
      json: { error: { message: "Missing application roles. API required roles: X" } },
    };
    for (const clock of [createClockBefore(), createClockAfter()])
      expect((await runQuery(createDefenderHunting, script, {}, { clock })).reply).toMatchObject({
        cause: "permission",
      });
  });

  test("accepts an empty response that names its columns", async () => {
    const script = { body: '{"Schema":[{"Name":"a","Type":"String"}],"Results":[]}' };
    expect(
      (await runQuery(createDefenderHunting, script, {}, { clock: createClockAfter() })).reply,
    ).toMatchObject({
      kind: "answer",
      rows: 0,
    });
  });

  test("accepts a response without data before retirement, and always from Graph", async () => {
    const script = { body: '{"results":[]}' };
    expect(
      (await runQuery(createDefenderHunting, script, {}, { clock: createClockBefore() })).reply,
    ).toMatchObject({
      kind: "answer",
    });
    expect(
      (await runQuery(createGraphHunting, script, {}, { clock: createClockAfter() })).reply,
    ).toMatchObject({
      kind: "answer",
    });
  });
});
