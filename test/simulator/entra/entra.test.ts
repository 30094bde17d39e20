import { readFileSync } from "node:fs";
import {
  ClientAssertionCredential,
  ClientSecretCredential,
  ManagedIdentityCredential,
} from "@azure/identity";
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sendRequest, postLoginForm, fetchToken } from "../caller.ts";
import { startSimulator, type Simulator } from "../simulator.ts";

let simulator: Simulator;
const scope = "https://graph.microsoft.com/.default";

beforeAll(async () => {
  simulator = await startSimulator();
});
afterAll(() => simulator.stop());
beforeEach(() => simulator.faults.clear());

const getApplication = () => {
  const [first] = simulator.directory.applications;
  if (!first) throw new Error("the directory has no application");
  return first;
};
const createForm = (changes: Record<string, string> = {}) => ({
  client_id: getApplication().clientId,
  client_secret: getApplication().secrets[0]?.value ?? "",
  grant_type: "client_credentials",
  scope,
  ...changes,
});

/** Options that point an SDK credential at the simulator's login endpoint. */
const createCredentialOptions = () => ({
  authorityHost: simulator.urls.entra,
  disableInstanceDiscovery: true,
  tlsOptions: { ca: simulator.certificate },
});

describe("the login endpoint", () => {
  test("publishes its configuration with an issuer on its own host", async () => {
    const path = `/${simulator.directory.tenantId}/v2.0/.well-known/openid-configuration`;
    const { body } = await postLoginForm(simulator, {}, path, "GET");
    expect(Object.keys(body)).toEqual(
      expect.arrayContaining([
        "token_endpoint",
        "authorization_endpoint",
        "issuer",
        "jwks_uri",
        "end_session_endpoint",
      ]),
    );
    expect(body["issuer"]).toBe(`${simulator.urls.entra}/${simulator.directory.tenantId}/v2.0`);
  });

  test("issues a token that verifies with the published keys", async () => {
    const { status, body } = await postLoginForm(simulator, createForm());
    expect({ status, ...body }).toMatchObject({
      status: 200,
      token_type: "Bearer",
      expires_in: 3_599,
      ext_expires_in: 3_599,
    });
    const keys = await postLoginForm(
      simulator,
      {},
      `/${simulator.directory.tenantId}/discovery/v2.0/keys`,
      "GET",
    );
    const { payload } = await jwtVerify(
      body["access_token"] as string,
      createLocalJWKSet(keys.body as unknown as JSONWebKeySet),
    );
    expect(payload).toMatchObject({
      aud: "https://graph.microsoft.com",
      roles: ["ThreatHunting.Read.All"],
      appid: getApplication().clientId,
      tid: simulator.directory.tenantId,
    });
  });

  test("accepts the version 1 form with a resource and answers with numbers as text", async () => {
    const { scope: _, ...rest } = createForm();
    const resource = "05a65629-4c1b-48c1-a78b-804c4abdd4af";
    const { body } = await postLoginForm(
      simulator,
      { ...rest, resource },
      `/${simulator.directory.tenantId}/oauth2/token`,
    );
    expect(body).toMatchObject({ expires_in: "3599", resource });
    expect(decodeJwt(body["access_token"] as string)).toMatchObject({ aud: resource });
  });

  test("issues a token without roles if consent is missing", async () => {
    const { scope: _, ...rest } = createForm();
    const { body } = await postLoginForm(simulator, {
      ...rest,
      scope: "https://vault.azure.net/.default",
    });
    expect(decodeJwt(body["access_token"] as string)).not.toHaveProperty("roles");
  });

  test.each([
    ["a wrong secret", { client_secret: "wrong" }, 401, "invalid_client", 7_000_215],
    [
      "an unknown application",
      { client_id: "00000000-0000-4000-8000-000000000000" },
      400,
      "unauthorized_client",
      700_016,
    ],
    ["a malformed scope", { scope: "https://graph.microsoft.com" }, 400, "invalid_scope", 70_011],
    [
      "a product that is not there",
      { scope: "https://management.azure.com/.default" },
      400,
      "invalid_resource",
      500_011,
    ],
    ["another grant", { grant_type: "password" }, 400, "unsupported_grant_type", 70_003],
    ["a malformed assertion", { client_assertion: "x.y.z" }, 401, "invalid_client", 50_027],
  ])("refuses a token request with %s", async (_, change, status, error, code) => {
    const answer = await postLoginForm(simulator, createForm(change));
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ error, error_codes: [code] });
    expect(answer.body["error_description"]).toMatch(
      new RegExp(
        `^AADSTS${code}: .* Trace ID: .* Correlation ID: .* Timestamp: \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ$`,
      ),
    );
  });

  test("refuses an expired secret", async () => {
    getApplication().secrets.push({ value: "expired~1", expiresAtMs: Date.now() - 1 });
    const answer = await postLoginForm(simulator, createForm({ client_secret: "expired~1" }));
    expect(answer.body).toMatchObject({ error: "invalid_client", error_codes: [7_000_222] });
  });

  test.each([
    ["a tenant that is not there", "00000000-0000-4000-8000-000000000000", 90_002],
    ["a malformed tenant id", "no tenant", 900_023],
  ])("refuses %s in the path", async (_, tenantId, code) => {
    const answer = await postLoginForm(
      simulator,
      createForm(),
      `/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`,
    );
    expect(answer.body).toMatchObject({ error_codes: [code] });
  });

  test("throttles, fails and returns a gateway's page when a fault is injected", async () => {
    simulator.faults.add({ kind: "throttled", api: "entra", retryAfterS: 7 });
    simulator.faults.add({ kind: "failed", api: "entra", status: 500 });
    simulator.faults.add({ kind: "html", api: "entra", status: 502 });
    const throttled = await postLoginForm(simulator, createForm());
    expect([throttled.status, throttled.headers["retry-after"]]).toEqual([429, "7"]);
    expect((await postLoginForm(simulator, createForm())).status).toBe(500);
    expect((await postLoginForm(simulator, createForm())).headers["content-type"]).toBe(
      "text/html",
    );
    expect((await postLoginForm(simulator, createForm())).status).toBe(200);
  });

  test("authenticates @azure/identity with a secret", async () => {
    const credential = new ClientSecretCredential(
      simulator.directory.tenantId,
      getApplication().clientId,
      getApplication().secrets[0]?.value ?? "",
      createCredentialOptions(),
    );
    const token = await credential.getToken(scope);
    expect(decodeJwt(token.token)).toMatchObject({ aud: "https://graph.microsoft.com" });
    expect(readFileSync(simulator.settings["NODE_EXTRA_CA_CERTS"] ?? "", "utf8")).toBe(
      simulator.certificate,
    );
  });

  test("returns an error that @azure/identity reports", async () => {
    const credential = new ClientSecretCredential(
      simulator.directory.tenantId,
      getApplication().clientId,
      "wrong",
      createCredentialOptions(),
    );
    await expect(credential.getToken(scope)).rejects.toThrow("AADSTS7000215");
  });

  test("authenticates @azure/identity with a managed identity's exchange token", async () => {
    const credential = new ClientAssertionCredential(
      simulator.directory.tenantId,
      getApplication().clientId,
      () => fetchToken(simulator, "exchange"),
      createCredentialOptions(),
    );
    const token = await credential.getToken("https://api.securitycenter.microsoft.com/.default");
    expect(decodeJwt(token.token)).toMatchObject({
      roles: ["AdvancedQuery.Read.All", "File.Read.All"],
    });
  });

  test("refuses the exchange token of an identity that the application does not trust", async () => {
    getApplication().federatedSubjects.pop();
    const { client_secret: _, ...rest } = createForm();
    const answer = await postLoginForm(simulator, {
      ...rest,
      client_assertion: await fetchToken(simulator, "exchange", "act"),
    });
    expect(answer.body).toMatchObject({ error_codes: [700_213] });
  });

  test("refuses an identity's token for another audience as an assertion", async () => {
    const answer = await postLoginForm(simulator, {
      ...createForm(),
      client_assertion: await fetchToken(simulator, "graph"),
    });
    expect(answer.body).toMatchObject({ error_codes: [700_213] });
  });
});

describe("the managed identity endpoint", () => {
  const requestToken = (query: string, header = simulator.settings["IDENTITY_HEADER"] ?? "") =>
    sendRequest(`${simulator.settings["IDENTITY_ENDPOINT"]}?${query}`, {
      headers: { "x-identity-header": header },
    });
  const createTokenQuery = () =>
    `api-version=2019-08-01&resource=https://vault.azure.net&client_id=${simulator.settings["HUNTING_IDENTITY_CLIENT_ID"]}`;

  test("issues a token with its expiry as epoch text", async () => {
    const { body } = await requestToken(createTokenQuery());
    expect(body).toMatchObject({
      resource: "https://vault.azure.net",
      token_type: "Bearer",
      client_id: simulator.settings["HUNTING_IDENTITY_CLIENT_ID"],
      expires_on: expect.stringMatching(/^\d{10}$/) as string,
    });
  });

  test.each([
    ["a wrong header", () => createTokenQuery(), "wrong", 401],
    [
      "an identity that is not there",
      () => createTokenQuery().replace(/client_id=.*/, "client_id=nobody"),
      undefined,
      400,
    ],
    [
      "no identity named, where there is no system-assigned one",
      () => createTokenQuery().replace(/&client_id=.*/, ""),
      undefined,
      400,
    ],
    [
      "a scope in the place of a resource",
      () => createTokenQuery().replace("azure.net", "azure.net/.default"),
      undefined,
      400,
    ],
    [
      "an unknown version",
      () => createTokenQuery().replace("2019-08-01", "2030-01-01"),
      undefined,
      400,
    ],
  ])("refuses an identity request with %s", async (_, query, header, status) => {
    expect((await requestToken(query(), header)).status).toBe(status);
  });

  test("supports the contract of 2017", async () => {
    const query = `api-version=2017-09-01&resource=https://vault.azure.net&clientid=${simulator.settings["HUNTING_IDENTITY_CLIENT_ID"]}`;
    const answer = await sendRequest(`${simulator.settings["IDENTITY_ENDPOINT"]}?${query}`, {
      headers: { secret: simulator.settings["IDENTITY_HEADER"] ?? "" },
    });
    expect(answer.body["expires_on"]).toMatch(/^\d+\/\d+\/\d{4} \d+:\d\d:\d\d [AP]M \+00:00$/);
  });

  test.each(["principal_id", "object_id", "mi_res_id"])("finds an identity by %s", async (key) => {
    const identity = simulator.directory.identities[1];
    const value = key === "mi_res_id" ? identity?.resourceId : identity?.principalId;
    const { body } = await requestToken(
      `api-version=2019-08-01&resource=https://vault.azure.net&${key}=${encodeURIComponent(value ?? "")}`,
    );
    expect(body["client_id"]).toBe(identity?.clientId);
  });

  test("serves @azure/identity", async () => {
    process.env["IDENTITY_ENDPOINT"] = simulator.settings["IDENTITY_ENDPOINT"];
    process.env["IDENTITY_HEADER"] = simulator.settings["IDENTITY_HEADER"];
    const credential = new ManagedIdentityCredential({
      clientId: simulator.settings["RESPONSE_IDENTITY_CLIENT_ID"] ?? "",
    });
    const token = await credential.getToken("05a65629-4c1b-48c1-a78b-804c4abdd4af/.default");
    expect(decodeJwt(token.token)).toMatchObject({ roles: ["Investigation.manage"] });
  });

  test("issues tokens with the configured lifetime", async () => {
    simulator.changeBehaviors({ entra: { identityLifetimeS: 60 } });
    const { body } = await requestToken(createTokenQuery());
    expect(Number(body["expires_on"]) - Date.now() / 1_000).toBeLessThan(61);
  });
});
