import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { callCloudApps, sendRequest, runHuntingQuery, fetchToken } from "../caller.ts";
import { startSimulator, type Simulator } from "../simulator.ts";
import type { FaultSpec } from "./faults.ts";

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({
    behaviors: { hunting: { quota: { perMinute: null } } },
    evaluate: (_, { visibleAt, now }) => ({
      kind: "table",
      columns: [{ name: "late", type: "long" }],
      rows: Array.from({ length: 30 }, () => [now - visibleAt]),
    }),
  });
});
afterAll(() => simulator.stop());
beforeEach(() => simulator.faults.clear());

const queryWithFault = async (spec: FaultSpec, via: "graph" | "defender" = "graph") => {
  // Otherwise the fault would affect the token request first.
  simulator.faults.add({ api: "hunting", ...spec });
  return runHuntingQuery(simulator, "T", { via });
};

const readLastOutcome = () => simulator.listRequests({ route: "graph" }).at(-1)?.outcome;

/** Sends a request, waits until the simulator has it, and disconnects. */
async function abortQuery(): Promise<void> {
  simulator.log.clear();
  const stop = new AbortController();
  const call = runHuntingQuery(simulator, "T", { signal: stop.signal });
  await expect.poll(readLastOutcome).toBe("pending");
  stop.abort();
  await expect(call).rejects.toThrow();
  await expect.poll(readLastOutcome).toBe("cancelled");
}

describe("a fault", () => {
  test.each([
    [{ kind: "failed", status: 504 }, 504, /"code":"UnknownError","message":""/],
    [{ kind: "failed", status: 503 }, 503, /ServiceUnavailable/],
    [{ kind: "html" }, 502, /^<html>/],
    [{ kind: "unauthorized" }, 401, /InvalidAuthenticationToken/],
    [{ kind: "forbidden" }, 403, /Missing application roles/],
    [{ kind: "login-redirect" }, 302, /^$/],
    [{ kind: "throttled", cause: "run-time", retryAfterS: 900 }, 429, /CPU quota exhausted until/],
    [{ kind: "bad-query", class: "preempted" }, 400, /The query execution was preempted/],
    [{ kind: "bad-query", class: "result-size" }, 400, /exceeded the allowed result size/],
    [{ kind: "bad-query", class: "function" }, 400, /Unknown function: 'FileProfile'/],
    [{ kind: "bad-query", class: "missing-query" }, 400, /Missing query\./],
    [{ kind: "answer", status: 418, body: { a: 1 }, headers: { "x-a": "b" } }, 418, /^\{"a":1\}$/],
    [{ kind: "answer", status: 200, body: "plain" }, 200, /^plain$/],
  ] as const)("answers %j with status %i", async (spec, status, text) => {
    const answer = await queryWithFault(spec);
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(text);
    expect((await runHuntingQuery(simulator, "T")).status).toBe(200);
  });

  test("answers in the wording of the affected service", async () => {
    simulator.faults.add({ kind: "throttled", api: "cloud-apps", retryAfterS: null, waitS: 1 });
    const answer = await callCloudApps(simulator, "POST", "/api/v1/alerts/");
    expect(answer.body).toEqual({
      detail: "Request was throttled. Expected available in 1 second.",
    });
    expect(answer.headers.get("retry-after")).toBeNull();
    expect((await queryWithFault({ kind: "failed" }, "defender")).body).toMatchObject({
      error: { code: "InternalServerError" },
    });
  });

  test("repeats the caller's token in an error if configured", async () => {
    const token = await fetchToken(simulator, "graph");
    simulator.faults.add({ kind: "token-echo", api: "hunting" });
    const answer = await runHuntingQuery(simulator, "T", {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.text).toContain(token);
  });

  test("changes the content type", async () => {
    const answer = await queryWithFault({ kind: "content-type", value: "text/plain" });
    expect([answer.headers.get("content-type"), answer.body["results"]]).toEqual([
      "text/plain",
      expect.anything(),
    ]);
  });

  test("cuts the body by a reset or as if it were complete", async () => {
    await expect(queryWithFault({ kind: "cut", afterBytes: 120 })).rejects.toThrow();
    expect(simulator.listRequests({ route: "graph" }).at(-1)?.outcome).toBe("dropped");
    const clean = await queryWithFault({ kind: "cut", afterBytes: 120, end: "clean" });
    expect([clean.status, clean.text.length]).toEqual([200, 120]);
  });

  test("resets the connection before the request takes effect", async () => {
    await expect(queryWithFault({ kind: "reset" })).rejects.toThrow();
    expect(simulator.listRequests({ route: "graph" }).at(-1)).toMatchObject({
      outcome: "dropped",
      quota: "none",
    });
  });

  test("sends no answer until the caller disconnects", async () => {
    simulator.faults.add({ kind: "hang", api: "hunting" });
    await abortQuery();
  });

  test("delays an answer", async () => {
    const startedMs = performance.now();
    expect((await queryWithFault({ kind: "delay", ms: 60 })).status).toBe(200);
    expect(performance.now() - startedMs).toBeGreaterThan(50);
  });

  test("sends a body slowly", async () => {
    simulator.faults.add({ kind: "slow-body", api: "hunting" });
    await abortQuery();
  });

  test("hides late rows", async () => {
    const answer = await queryWithFault({ kind: "late-rows", byMs: 5_000 });
    expect((answer.body["results"] as { late: number }[])[0]?.late).toBe(50_000_000);
    expect((await runHuntingQuery(simulator, "T")).text).toContain('"late":0');
  });

  test("selects requests by API, route, text, count and time", async () => {
    const route = simulator.faults.add({ kind: "failed", route: "graph", skip: 1, count: 2 });
    const statuses = [];
    for (let call = 0; call < 4; call += 1)
      statuses.push((await runHuntingQuery(simulator, "T")).status);
    expect(statuses).toEqual([200, 500, 500, 200]);
    expect(simulator.faults.listActive().map(({ id }) => id)).not.toContain(route);
    simulator.faults.add({ kind: "failed", match: "Device\\w+Events", count: null });
    simulator.faults.add({ kind: "failed", untilMs: simulator.clock.now() - 1 });
    simulator.faults.add({ kind: "failed", api: "files" });
    expect((await runHuntingQuery(simulator, "EmailEvents")).status).toBe(200);
    expect((await runHuntingQuery(simulator, "DeviceFileEvents")).status).toBe(500);
    expect(simulator.faults.remove(route + 1)).toBe(true);
    expect((await runHuntingQuery(simulator, "DeviceFileEvents")).status).toBe(200);
  });

  test("refuses a fault of an unknown kind or with an unknown key", () => {
    expect(() => simulator.faults.add({ kind: "explode" } as never)).toThrow();
    expect(() => simulator.faults.add({ kind: "hang", often: true } as never)).toThrow();
  });
});

describe("the log", () => {
  test("counts the most calls in any span", async () => {
    simulator.log.clear();
    for (const aheadMs of [0, 30_000, 30_000, 1]) {
      simulator.clock.shift(aheadMs);
      await sendRequest(`${simulator.urls.defender}/api/files/x/stats`);
    }
    expect(simulator.log.countBusiest(60_000, { api: "files" })).toBe(3);
    expect(simulator.log.countBusiest(60_000, { api: "vault" })).toBe(0);
    expect(simulator.listRequests({ status: 401, after: 1 }).length).toBeGreaterThan(0);
  });

  test("logs requests to unknown paths", async () => {
    await sendRequest(`${simulator.urls.graph}/v1.0/me`);
    expect(simulator.listRequests({ api: "unknown" }).at(-1)).toMatchObject({
      route: "none",
      status: 404,
      path: "/v1.0/me",
    });
  });
});
