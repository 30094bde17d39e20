import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  callCloudApps,
  sendRequest,
  runHuntingQuery,
  postLoginForm,
  fetchToken,
} from "./caller.ts";
import { startSimulator, type Simulator } from "./simulator.ts";

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({
    alerts: 5,
    dataset: { startMs: Date.now() - 3_600_000 },
    evaluate: () => ({ kind: "table", columns: [], rows: [] }),
  });
});
afterAll(() => simulator.stop());

describe("a simulator", () => {
  test("names every setting that an app needs", () => {
    expect(Object.keys(simulator.settings).sort()).toEqual([
      "CLOUD_APPS_URL",
      "DEFENDER_URL",
      "GRAPH_URL",
      "HUNTING_IDENTITY_CLIENT_ID",
      "IDENTITY_ENDPOINT",
      "IDENTITY_HEADER",
      "KEY_VAULT_URL",
      "LOGIN_URL",
      "NODE_EXTRA_CA_CERTS",
      "RESPONSE_IDENTITY_CLIENT_ID",
      "TENANT_ID",
      "WEBHOOKS",
    ]);
    expect(Object.values(simulator.settings).filter((value) => value === "")).toEqual([]);
  });

  test("describes every behavior in its README", () => {
    const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
    const names = Object.values(simulator.behaviors).flatMap((part) => Object.keys(part));
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });

  test("logs a request with its route, status, caller and effect", async () => {
    const [id = ""] = simulator.cloudApps.alerts.add(1);
    await callCloudApps(simulator, "POST", "/api/v1/alerts/close_benign/", {
      filters: { id: { eq: [id] } },
    });
    expect(simulator.listRequests({ route: "alerts.close_benign" }).at(-1)).toMatchObject({
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
    const [application] = simulator.directory.applications;
    const secret = application?.secrets[0]?.value ?? "";
    await postLoginForm(simulator, {
      client_id: "x",
      client_secret: secret,
      grant_type: "client_credentials",
      scope: "y/.default",
    });
    const record = simulator.listRequests({ api: "entra" }).at(-1);
    expect(record?.body).toMatchObject({ client_secret: `(${secret.length} characters)` });
  });

  test("answers hunting queries and file requests", async () => {
    const result = await runHuntingQuery(simulator, "DeviceProcessEvents | count");
    expect(result.status).toBe(200);
    const file = simulator.dataset.files[0];
    const answer = await sendRequest(
      `${simulator.urls.defender}/api/files/${file?.sha1 ?? ""}/stats`,
      {
        headers: { authorization: `Bearer ${await fetchToken(simulator, "defender")}` },
      },
    );
    expect(answer.status).toBe(200);
    expect(answer.body["sha1"]).toBe(file?.sha1);
  });
});
