import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cloudApps, hear, hunt, login, tokenFor } from "./caller.ts";
import { startTenant, type Tenant } from "./simulator.ts";

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant({
    alerts: 5,
    world: { startMs: Date.now() - 3_600_000 },
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
  });
});
afterAll(() => tenant.stop());

describe("a tenant", () => {
  test("names every setting that an app needs", () => {
    expect(Object.keys(tenant.settings).sort()).toEqual([
      "ACT_IDENTITY",
      "CLOUD_APPS_URL",
      "DEFENDER_URL",
      "GRAPH_URL",
      "HUNT_IDENTITY",
      "IDENTITY_ENDPOINT",
      "IDENTITY_HEADER",
      "KEY_VAULT_URL",
      "LOGIN_URL",
      "NODE_EXTRA_CA_CERTS",
      "TENANT_ID",
      "WEBHOOKS",
    ]);
    expect(Object.values(tenant.settings).filter((value) => value === "")).toEqual([]);
  });

  test("explains every switch in its README", () => {
    const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
    const names = Object.values(tenant.switches).flatMap((part) => Object.keys(part));
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });

  test("logs a request with its route, status, caller and effect", async () => {
    const [id = ""] = tenant.cloudApps.alerts.add(1);
    await cloudApps(tenant, "POST", "/api/v1/alerts/close_benign/", {
      filters: { id: { eq: [id] } },
    });
    expect(tenant.requests({ route: "alerts.close_benign" }).at(-1)).toMatchObject({
      api: "cloud-apps",
      method: "POST",
      status: 200,
      outcome: "answered",
      caller: "token",
      quota: "granted",
      body: { filters: { id: { eq: [id] } } },
      effect: { changed: [id], notFound: [] },
    });
  });

  test("never logs a client secret", async () => {
    const [application] = tenant.directory.applications;
    const secret = application?.secrets[0]?.value ?? "";
    await login(tenant, {
      client_id: "x",
      client_secret: secret,
      grant_type: "client_credentials",
      scope: "y/.default",
    });
    const logged = tenant.requests({ api: "entra" }).at(-1);
    expect(logged?.body).toMatchObject({ client_secret: `(${secret.length} characters)` });
  });

  test("hunts, and answers for files", async () => {
    const found = await hunt(tenant, "DeviceProcessEvents | count");
    expect(found.status).toBe(200);
    const file = tenant.world.files[0];
    const answer = await hear(`${tenant.urls.defender}/api/files/${file?.sha1 ?? ""}/stats`, {
      headers: { authorization: `Bearer ${await tokenFor(tenant, "defender")}` },
    });
    expect(answer.status).toBe(200);
    expect(answer.body["sha1"]).toBe(file?.sha1);
  });
});
