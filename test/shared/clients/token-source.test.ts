import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTokenSource, type AppCredential } from "../../../shared/clients/token-source.ts";
import { hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { startSimulator, type Simulator } from "../../simulator/simulator.ts";

let simulator: Simulator;
const graph = "https://graph.microsoft.com";

beforeAll(async () => {
  simulator = await startSimulator({ evaluate: () => expect.fail("nobody hunts here") });
  Object.assign(process.env, simulator.settings);
  setDefaultCACertificates([...getCACertificates(), simulator.certificate]);
});
afterAll(() => simulator.stop());
beforeEach(() => simulator.faults.clear());

const getApp = () => {
  const [first] = simulator.directory.applications;
  if (!first) throw new Error("the directory has no application");
  return first;
};
const getRegistration = () => ({
  tenantId: simulator.directory.tenantId,
  clientId: getApp().clientId,
  loginUrl: simulator.urls.entra,
});
const createSource = (credential: AppCredential, audience = graph) => {
  const clock = createVirtualClock(Date.now());
  return { clock, source: createTokenSource({ credential, audience, clock }) };
};
const toSecretCredential = (secrets: string[], refused: string[] = []): AppCredential => ({
  kind: "secret",
  ...getRegistration(),
  getSecret: () => Promise.resolve(secrets[0] ?? ""),
  reportSecretRefused: () => void refused.push(secrets.shift() ?? ""),
});
const getValidSecret = (): string => getApp().secrets[0]?.value ?? "";
const countRequests = (): number =>
  simulator.listRequests({ api: "entra" }).filter(({ method }) => method === "POST").length;

describe("createTokenSource", () => {
  test("gets a managed identity's token for the audience", async () => {
    const { source } = createSource({
      kind: "managed-identity",
      clientId: simulator.settings["HUNTING_IDENTITY_CLIENT_ID"],
    });
    expect(decodeJwt(await source.getToken())).toMatchObject({
      aud: graph,
      roles: ["ThreatHunting.Read.All"],
    });
  });

  test("gets an app's token by its secret, once for all callers, and again before it expires", async () => {
    const before = countRequests();
    const { clock, source } = createSource(toSecretCredential([getValidSecret()]));
    const tokens = await Promise.all([source.getToken(), source.getToken(), source.getToken()]);
    expect(new Set(tokens).size).toBe(1);
    expect(decodeJwt(tokens[0])).toMatchObject({ aud: graph, appid: getApp().clientId });
    expect(countRequests()).toBe(before + 1);
    await clock.advance(hourMs - 6 * minuteMs);
    expect(await source.getToken()).toBe(tokens[0]);
  });

  test("drops a refused token once and gets another", async () => {
    const { source } = createSource(toSecretCredential([getValidSecret()]));
    const before = countRequests();
    const first = await source.getToken();
    source.reportRefused(first);
    source.reportRefused("not the current one");
    await source.getToken();
    await source.getToken();
    expect(countRequests()).toBe(before + 2);
  });

  test("gets an app's token by a federated identity", async () => {
    const { source } = createSource({
      kind: "federated",
      ...getRegistration(),
      identityClientId: simulator.settings["HUNTING_IDENTITY_CLIENT_ID"],
      exchangeAudience: "api://AzureADTokenExchange",
    });
    expect(decodeJwt(await source.getToken())).toMatchObject({
      aud: graph,
      appid: getApp().clientId,
    });
  });

  test("reads a refused secret again and continues with the rotated one", async () => {
    const refused: string[] = [];
    const { source } = createSource(toSecretCredential(["old-secret", getValidSecret()], refused));
    expect(decodeJwt(await source.getToken())).toMatchObject({ aud: graph });
    expect(refused).toEqual(["old-secret"]);
  });

  test("names the wrong secret, never its value", async () => {
    const { source } = createSource(toSecretCredential(["wrong-secret", "wrong-secret"]));
    const error: unknown = await source.getToken().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: "UpstreamError",
      code: "unauthorized",
      upstreamCode: "AADSTS7000215",
      message: "entra: the client secret is wrong; check defender-client-secret (AADSTS7000215)",
    });
    expect(JSON.stringify(error) + String(error)).not.toContain("wrong-secret");
  });

  test.each([
    [
      "an unknown app",
      () => ({ clientId: "11111111-1111-4111-8111-111111111111" }),
      graph,
      "AADSTS700016",
    ],
    ["a product that the tenant lacks", () => ({}), "https://nowhere.example", "AADSTS500011"],
  ])("states what to check for %s", async (_, change, audience, upstreamCode) => {
    const { source } = createSource(
      { ...toSecretCredential([getValidSecret()]), ...change() },
      audience,
    );
    await expect(source.getToken()).rejects.toMatchObject({ code: "unauthorized", upstreamCode });
  });

  test("reports an identity that is not assigned to the app", async () => {
    const { source } = createSource({
      kind: "managed-identity",
      clientId: "11111111-1111-4111-8111-111111111112",
    });
    await expect(source.getToken()).rejects.toMatchObject({
      code: "unauthorized",
      message: "entra: the managed identity is not assigned to this app; check its client id",
    });
  });

  test("reports an outage as transient and does not cache it", async () => {
    const { source } = createSource(toSecretCredential([getValidSecret()]));
    simulator.faults.add({ api: "entra", kind: "reset", count: null });
    await expect(source.getToken()).rejects.toMatchObject({
      code: "unavailable",
      isTransient: true,
    });
    simulator.faults.clear();
    expect(decodeJwt(await source.getToken())).toMatchObject({ aud: graph });
  });
});
