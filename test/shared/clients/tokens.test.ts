import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTokens, type AppCredential } from "../../../shared/clients/tokens.ts";
import { hourMs, minuteMs } from "../../../shared/runtime/time.ts";
import { virtualClock } from "../../support/virtual-clock.ts";
import { startTenant, type Tenant } from "../../simulator/simulator.ts";

let tenant: Tenant;
const graph = "https://graph.microsoft.com";

beforeAll(async () => {
  tenant = await startTenant({ evaluate: () => expect.fail("nobody hunts here") });
  Object.assign(process.env, tenant.settings);
  setDefaultCACertificates([...getCACertificates(), tenant.certificate]);
});
afterAll(() => tenant.stop());
beforeEach(() => tenant.faults.clear());

const app = () => {
  const [first] = tenant.directory.applications;
  if (!first) throw new Error("the directory has no application");
  return first;
};
const place = () => ({
  tenantId: tenant.directory.tenantId,
  clientId: app().clientId,
  loginUrl: tenant.urls.entra,
});
const open = (credential: AppCredential, audience = graph) => {
  const clock = virtualClock(Date.now());
  return { clock, source: openTokens({ credential, audience, clock }) };
};
const bySecret = (secrets: string[], refused: string[] = []): AppCredential => ({
  kind: "secret",
  ...place(),
  secret: () => Promise.resolve(secrets[0] ?? ""),
  secretRefused: () => void refused.push(secrets.shift() ?? ""),
});
const good = (): string => app().secrets[0]?.value ?? "";
const asked = (): number =>
  tenant.requests({ api: "entra" }).filter(({ method }) => method === "POST").length;

describe("openTokens", () => {
  test("gets a managed identity's token for the audience", async () => {
    const { source } = open({
      kind: "managed-identity",
      clientId: tenant.settings["HUNT_IDENTITY"],
    });
    expect(decodeJwt(await source.token())).toMatchObject({
      aud: graph,
      roles: ["ThreatHunting.Read.All"],
    });
  });

  test("gets an app's token by its secret, once for all who ask, and again before it expires", async () => {
    const before = asked();
    const { clock, source } = open(bySecret([good()]));
    const tokens = await Promise.all([source.token(), source.token(), source.token()]);
    expect(new Set(tokens).size).toBe(1);
    expect(decodeJwt(tokens[0])).toMatchObject({ aud: graph, appid: app().clientId });
    expect(asked()).toBe(before + 1);
    await clock.advance(hourMs - 6 * minuteMs);
    expect(await source.token()).toBe(tokens[0]);
  });

  test("drops a refused token once: the next is another", async () => {
    const { source } = open(bySecret([good()]));
    const before = asked();
    const first = await source.token();
    source.refused(first);
    source.refused("not the current one");
    await source.token();
    await source.token();
    expect(asked()).toBe(before + 2);
  });

  test("gets an app's token by the identity that it trusts", async () => {
    const { source } = open({
      kind: "federated",
      ...place(),
      identityClientId: tenant.settings["HUNT_IDENTITY"],
      exchangeAudience: "api://AzureADTokenExchange",
    });
    expect(decodeJwt(await source.token())).toMatchObject({ aud: graph, appid: app().clientId });
  });

  test("reads a refused secret again, and goes on with the rotated one", async () => {
    const refused: string[] = [];
    const { source } = open(bySecret(["old-secret", good()], refused));
    expect(decodeJwt(await source.token())).toMatchObject({ aud: graph });
    expect(refused).toEqual(["old-secret"]);
  });

  test("says which secret is wrong, and never its value", async () => {
    const { source } = open(bySecret(["wrong-secret", "wrong-secret"]));
    const error: unknown = await source.token().catch((thrown: unknown) => thrown);
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
  ])("tells of %s what to check", async (_, change, audience, upstreamCode) => {
    const { source } = open({ ...bySecret([good()]), ...change() }, audience);
    await expect(source.token()).rejects.toMatchObject({ code: "unauthorized", upstreamCode });
  });

  test("tells of an identity that the app does not have", async () => {
    const { source } = open({
      kind: "managed-identity",
      clientId: "11111111-1111-4111-8111-111111111112",
    });
    await expect(source.token()).rejects.toMatchObject({
      code: "unauthorized",
      message: "entra: the managed identity is not assigned to this app; check its client id",
    });
  });

  test("an outage is passing, and not kept", async () => {
    const { source } = open(bySecret([good()]));
    tenant.faults.add({ api: "entra", kind: "reset", count: null });
    await expect(source.token()).rejects.toMatchObject({ code: "unavailable", passing: true });
    tenant.faults.clear();
    expect(decodeJwt(await source.token())).toMatchObject({ aud: graph });
  });
});
