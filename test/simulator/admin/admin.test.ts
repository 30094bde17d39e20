import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cloudApps, hear, hunt, tokenFor } from "../caller.ts";
import { startTenant, type Tenant } from "../simulator.ts";

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant({
    alerts: 2,
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
  });
});
afterAll(() => tenant.stop());

const call = (
  method: string,
  path: string,
  body?: unknown,
  service: "graph" | "vault" | "cloud-apps" = "graph",
) =>
  hear(`${tenant.urls[service]}/_tenant/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe("/_tenant/", () => {
  test("lists its pages on every service", async () => {
    for (const service of ["graph", "vault", "cloud-apps"] as const) {
      expect(Object.keys((await call("GET", "", undefined, service)).body)).toContain(
        "POST /_tenant/faults",
      );
    }
    expect((await call("GET", "nothing")).status).toBe(404);
  });

  test("shows the settings", async () => {
    expect((await call("GET", "settings")).body).toEqual(tenant.settings);
  });

  test("adds, shows and removes faults", async () => {
    const { body } = await call("POST", "faults", { kind: "failed", api: "hunting", count: null });
    expect((await hunt(tenant, "T")).status).toBe(500);
    expect((await call("GET", "faults")).text).toContain('"struck":1');
    expect((await call("DELETE", `faults/${String(body["id"])}`)).body).toEqual({ removed: true });
    expect((await hunt(tenant, "T")).status).toBe(200);
    expect((await call("POST", "faults", { kind: "explode" })).status).toBe(400);
  });

  test("shows requests and their rate, and is itself not logged", async () => {
    await call("DELETE", "requests");
    await cloudApps(tenant, "POST", "/api/v1/alerts/");
    const log = JSON.parse((await call("GET", "requests?api=cloud-apps")).text) as {
      route: string;
    }[];
    expect(log.map(({ route }) => route)).toEqual(["alerts.list"]);
    expect((await call("GET", "busiest?perMs=60000&api=cloud-apps")).body).toEqual({ calls: 1 });
    expect(tenant.requests()).toHaveLength(1);
  });

  test("changes switches and names a wrong one", async () => {
    await call("PATCH", "switches", { hunting: { rowCap: 7, quota: { model: "fixed" } } });
    expect(tenant.switches.hunting).toMatchObject({
      rowCap: 7,
      quota: { model: "fixed", perMinute: 45 },
    });
    const wrong = await call("PATCH", "switches", { hunting: { rowCap: "many" } });
    expect([wrong.status, wrong.body["error"]]).toEqual([
      400,
      expect.stringContaining("/hunting/rowCap"),
    ]);
    expect((await call("PATCH", "switches", { hunting: { rowCup: 1 } })).status).toBe(400);
    expect((await call("GET", "switches")).body).toMatchObject({ hunting: { rowCap: 7 } });
  });

  test("moves the clock", async () => {
    const before = tenant.clock.now();
    await call("POST", "clock", { aheadMs: 3_600_000 });
    expect(tenant.clock.now() - before).toBeGreaterThanOrEqual(3_600_000);
  });

  test("rotates secrets and the Cloud Apps key", async () => {
    await call("POST", "vault/fresh", { value: "one" });
    await call("PATCH", "vault/fresh", { enabled: false });
    expect(tenant.vault.versions("fresh")).toMatchObject([{ value: "one", enabled: false }]);
    const { body } = await call("POST", "cloud-apps-token");
    expect(tenant.vault.value("cloud-apps-token")).toBe(body["token"]);
    expect((await cloudApps(tenant, "POST", "/api/v1/alerts/")).status).toBe(200);
    expect((await call("PATCH", "vault/missing", {})).status).toBe(400);
    expect((await call("DELETE", "vault/fresh")).body).toEqual({ removed: true });
  });

  test("revokes tokens", async () => {
    const authorization = `Bearer ${await tokenFor(tenant, "graph")}`;
    await call("POST", "revoke-tokens");
    expect((await hunt(tenant, "T", { headers: { authorization } })).status).toBe(401);
  });

  test("adds alerts and tells their history", async () => {
    const { body } = await call("POST", "alerts", { count: 2, given: { severityValue: 2 } });
    const [id = ""] = body["ids"] as string[];
    await cloudApps(tenant, "POST", "/api/v1/alerts/resolve/", { filters: { id: { eq: [id] } } });
    expect((await call("GET", `alerts/${id}`)).body).toMatchObject({
      flips: 0,
      transitions: [{ to: 5 }],
      alert: { severityValue: 2 },
    });
    expect((await call("GET", "alerts/totals")).body).toEqual({ transitions: 1, flips: 0 });
  });

  test("adds rows to the world", async () => {
    const rows = [{ Timestamp: "2026-02-01T00:00:00.1234567Z", DeviceName: "added", ReportId: 9 }];
    expect((await call("POST", "rows", { table: "DeviceEvents", rows })).body).toEqual({
      added: 1,
    });
    expect(
      (await call("POST", "rows", { table: "DeviceEvents", rows: [{ Nonsense: 1 }] })).status,
    ).toBe(400);
  });
});

describe("the program", () => {
  test("starts with switches, prints settings that work, and ends politely", async () => {
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
    const switches = await hear(`${settings["GRAPH_URL"]}/_tenant/switches`);
    expect(switches.body).toMatchObject({ hunting: { rowCap: 3 } });
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});
