import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callCloudApps, sendRequest, runHuntingQuery, fetchToken } from "../caller.ts";
import { startSimulator, type Simulator } from "../simulator.ts";

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({
    alerts: 2,
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
  });
});
afterAll(() => simulator.stop());

const callAdmin = (
  method: string,
  path: string,
  body?: unknown,
  service: "graph" | "vault" | "cloud-apps" = "graph",
) =>
  sendRequest(`${simulator.urls[service]}/_simulator/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe("the admin API", () => {
  test("lists its paths on every service", async () => {
    for (const service of ["graph", "vault", "cloud-apps"] as const) {
      expect(Object.keys((await callAdmin("GET", "", undefined, service)).body)).toContain(
        "POST /_simulator/faults",
      );
    }
    expect((await callAdmin("GET", "nothing")).status).toBe(404);
  });

  test("returns the app settings", async () => {
    expect((await callAdmin("GET", "settings")).body).toEqual(simulator.settings);
  });

  test("adds, lists and removes faults", async () => {
    const { body } = await callAdmin("POST", "faults", {
      kind: "failed",
      api: "hunting",
      count: null,
    });
    expect((await runHuntingQuery(simulator, "T")).status).toBe(500);
    expect((await callAdmin("GET", "faults")).text).toContain('"strikeCount":1');
    expect((await callAdmin("DELETE", `faults/${String(body["id"])}`)).body).toEqual({
      removed: true,
    });
    expect((await runHuntingQuery(simulator, "T")).status).toBe(200);
    expect((await callAdmin("POST", "faults", { kind: "explode" })).status).toBe(400);
  });

  test("lists requests and their rate, and does not log admin calls", async () => {
    await callAdmin("DELETE", "requests");
    await callCloudApps(simulator, "POST", "/api/v1/alerts/");
    const log = JSON.parse((await callAdmin("GET", "requests?api=cloud-apps")).text) as {
      route: string;
    }[];
    expect(log.map(({ route }) => route)).toEqual(["alerts.list"]);
    expect((await callAdmin("GET", "busiest?perMs=60000&api=cloud-apps")).body).toEqual({
      calls: 1,
    });
    expect(simulator.listRequests()).toHaveLength(1);
  });

  test("changes behaviors and names an invalid one", async () => {
    await callAdmin("PATCH", "behaviors", { hunting: { rowCap: 7, quota: { model: "fixed" } } });
    expect(simulator.behaviors.hunting).toMatchObject({
      rowCap: 7,
      quota: { model: "fixed", perMinute: 45 },
    });
    const response = await callAdmin("PATCH", "behaviors", { hunting: { rowCap: "many" } });
    expect([response.status, response.body["error"]]).toEqual([
      400,
      expect.stringContaining("/hunting/rowCap"),
    ]);
    expect((await callAdmin("PATCH", "behaviors", { hunting: { rowCup: 1 } })).status).toBe(400);
    expect((await callAdmin("GET", "behaviors")).body).toMatchObject({ hunting: { rowCap: 7 } });
  });

  test("moves the clock", async () => {
    const before = simulator.clock.now();
    await callAdmin("POST", "clock", { aheadMs: 3_600_000 });
    expect(simulator.clock.now() - before).toBeGreaterThanOrEqual(3_600_000);
  });

  test("rotates secrets and the Cloud Apps token", async () => {
    await callAdmin("POST", "vault/fresh", { value: "one" });
    await callAdmin("PATCH", "vault/fresh", { enabled: false });
    expect(simulator.vault.listVersions("fresh")).toMatchObject([{ value: "one", enabled: false }]);
    const { body } = await callAdmin("POST", "cloud-apps-token");
    expect(simulator.vault.readValue("cloud-apps-token")).toBe(body["token"]);
    expect((await callCloudApps(simulator, "POST", "/api/v1/alerts/")).status).toBe(200);
    expect((await callAdmin("PATCH", "vault/missing", {})).status).toBe(400);
    expect((await callAdmin("DELETE", "vault/fresh")).body).toEqual({ removed: true });
  });

  test("revokes access tokens", async () => {
    const authorization = `Bearer ${await fetchToken(simulator, "graph")}`;
    await callAdmin("POST", "revoke-tokens");
    expect((await runHuntingQuery(simulator, "T", { headers: { authorization } })).status).toBe(
      401,
    );
  });

  test("adds alerts and returns their history", async () => {
    const { body } = await callAdmin("POST", "alerts", { count: 2, values: { severityValue: 2 } });
    const [id = ""] = body["ids"] as string[];
    await callCloudApps(simulator, "POST", "/api/v1/alerts/resolve/", {
      filters: { id: { eq: [id] } },
    });
    expect((await callAdmin("GET", `alerts/${id}`)).body).toMatchObject({
      flips: 0,
      transitions: [{ to: 5 }],
      alert: { severityValue: 2 },
    });
    expect((await callAdmin("GET", "alerts/totals")).body).toEqual({ transitions: 1, flips: 0 });
  });

  test("adds rows to the dataset", async () => {
    const rows = [{ Timestamp: "2026-02-01T00:00:00.1234567Z", DeviceName: "added", ReportId: 9 }];
    expect((await callAdmin("POST", "rows", { table: "DeviceEvents", rows })).body).toEqual({
      added: 1,
    });
    expect(
      (await callAdmin("POST", "rows", { table: "DeviceEvents", rows: [{ Nonsense: 1 }] })).status,
    ).toBe(400);
  });
});

describe("npm run simulator", () => {
  test("starts with changed behaviors, prints working settings and exits with 0 on SIGTERM", async () => {
    const program = new URL("../serve.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [
      program,
      "--json",
      "--port",
      "0",
      "--set",
      "hunting.rowCap=3",
    ]);
    const [piece] = (await once(child.stdout, "data")) as [Buffer];
    const { settings } = JSON.parse(piece.toString()) as { settings: Record<string, string> };
    const behaviors = await sendRequest(`${settings["GRAPH_URL"]}/_simulator/behaviors`);
    expect(behaviors.body).toMatchObject({ hunting: { rowCap: 3 } });
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});
