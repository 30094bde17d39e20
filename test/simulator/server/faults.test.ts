import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { cloudApps, hear, hunt, tokenFor } from "../caller.ts";
import { startTenant, type Tenant } from "../simulator.ts";
import type { FaultOrder } from "./faults.ts";

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant({
    switches: { hunting: { quota: { perMinute: null } } },
    evaluate: (_, { visibleAt, now }) => ({
      kind: "table",
      columns: [{ name: "late", type: "long" }],
      rows: Array.from({ length: 30 }, () => [now - visibleAt]),
    }),
  });
});
afterAll(() => tenant.stop());
beforeEach(() => tenant.faults.clear());

const struck = async (order: FaultOrder, via: "graph" | "defender" = "graph") => {
  // Otherwise it would strike the token's request first.
  tenant.faults.add({ api: "hunting", ...order });
  return hunt(tenant, "T", { via });
};

const lastOutcome = () => tenant.requests({ route: "graph" }).at(-1)?.outcome;

/** Asks, waits until the tenant has the request, and hangs up. */
async function giveUp(): Promise<void> {
  tenant.log.clear();
  const stop = new AbortController();
  const call = hunt(tenant, "T", { signal: stop.signal });
  await expect.poll(lastOutcome).toBe("pending");
  stop.abort();
  await expect(call).rejects.toThrow();
  await expect.poll(lastOutcome).toBe("cancelled");
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
  ] as const)("%j answers %i", async (order, status, text) => {
    const answer = await struck(order);
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(text);
    expect((await hunt(tenant, "T")).status).toBe(200);
  });

  test("speaks as the service it strikes", async () => {
    tenant.faults.add({ kind: "throttled", api: "cloud-apps", retryAfterS: null, waitS: 1 });
    const answer = await cloudApps(tenant, "POST", "/api/v1/alerts/");
    expect(answer.body).toEqual({
      detail: "Request was throttled. Expected available in 1 second.",
    });
    expect(answer.headers.get("retry-after")).toBeNull();
    expect((await struck({ kind: "failed" }, "defender")).body).toMatchObject({
      error: { code: "InternalServerError" },
    });
  });

  test("repeats the caller's token in an error where told so", async () => {
    const token = await tokenFor(tenant, "graph");
    tenant.faults.add({ kind: "token-echo", api: "hunting" });
    const answer = await hunt(tenant, "T", { headers: { authorization: `Bearer ${token}` } });
    expect(answer.text).toContain(token);
  });

  test("changes the content type", async () => {
    const answer = await struck({ kind: "content-type", value: "text/plain" });
    expect([answer.headers.get("content-type"), answer.body["results"]]).toEqual([
      "text/plain",
      expect.anything(),
    ]);
  });

  test("cuts the body, by a reset or as if it were whole", async () => {
    await expect(struck({ kind: "cut", afterBytes: 120 })).rejects.toThrow();
    expect(tenant.requests({ route: "graph" }).at(-1)?.outcome).toBe("dropped");
    const clean = await struck({ kind: "cut", afterBytes: 120, end: "clean" });
    expect([clean.status, clean.text.length]).toEqual([200, 120]);
  });

  test("resets the connection before anything happens", async () => {
    await expect(struck({ kind: "reset" })).rejects.toThrow();
    expect(tenant.requests({ route: "graph" }).at(-1)).toMatchObject({
      outcome: "dropped",
      quota: "none",
    });
  });

  test("gives no answer until the caller gives up", async () => {
    tenant.faults.add({ kind: "hang", api: "hunting" });
    await giveUp();
  });

  test("delays an answer", async () => {
    const startedMs = performance.now();
    expect((await struck({ kind: "delay", ms: 60 })).status).toBe(200);
    expect(performance.now() - startedMs).toBeGreaterThan(50);
  });

  test("drips a body", async () => {
    tenant.faults.add({ kind: "slow-body", api: "hunting" });
    await giveUp();
  });

  test("hides rows that are late", async () => {
    const answer = await struck({ kind: "late-rows", byMs: 5_000 });
    expect((answer.body["results"] as { late: number }[])[0]?.late).toBe(50_000_000);
    expect((await hunt(tenant, "T")).text).toContain('"late":0');
  });

  test("strikes by API, route, text, number and time", async () => {
    const route = tenant.faults.add({ kind: "failed", route: "graph", skip: 1, count: 2 });
    const statuses = [];
    for (let call = 0; call < 4; call += 1) statuses.push((await hunt(tenant, "T")).status);
    expect(statuses).toEqual([200, 500, 500, 200]);
    expect(tenant.faults.active().map(({ id }) => id)).not.toContain(route);
    tenant.faults.add({ kind: "failed", match: "Device\\w+Events", count: null });
    tenant.faults.add({ kind: "failed", untilMs: tenant.clock.now() - 1 });
    tenant.faults.add({ kind: "failed", api: "files" });
    expect((await hunt(tenant, "EmailEvents")).status).toBe(200);
    expect((await hunt(tenant, "DeviceFileEvents")).status).toBe(500);
    expect(tenant.faults.remove(route + 1)).toBe(true);
    expect((await hunt(tenant, "DeviceFileEvents")).status).toBe(200);
  });

  test("of an unknown kind or with an unknown key is refused", () => {
    expect(() => tenant.faults.add({ kind: "explode" } as never)).toThrow();
    expect(() => tenant.faults.add({ kind: "hang", often: true } as never)).toThrow();
  });
});

describe("the log", () => {
  test("tells the most calls in any span", async () => {
    tenant.log.clear();
    for (const aheadMs of [0, 30_000, 30_000, 1]) {
      tenant.clock.shift(aheadMs);
      await hear(`${tenant.urls.defender}/api/files/x/stats`);
    }
    expect(tenant.log.busiest(60_000, { api: "files" })).toBe(3);
    expect(tenant.log.busiest(60_000, { api: "vault" })).toBe(0);
    expect(tenant.requests({ status: 401, after: 1 }).length).toBeGreaterThan(0);
  });

  test("knows unknown paths, too", async () => {
    await hear(`${tenant.urls.graph}/v1.0/me`);
    expect(tenant.requests({ api: "unknown" }).at(-1)).toMatchObject({
      route: "none",
      status: 404,
      path: "/v1.0/me",
    });
  });
});
