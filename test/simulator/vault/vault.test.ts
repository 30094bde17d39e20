import { SecretClient } from "@azure/keyvault-secrets";
import type { TokenCredential } from "@azure/identity";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sendRequest, fetchToken, type HttpResponse } from "../caller.ts";
import { startSimulator, type Simulator } from "../simulator.ts";

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({ secrets: { known: "one" } });
});
afterAll(() => simulator.stop());
beforeEach(() => {
  simulator.faults.clear();
  simulator.changeBehaviors({
    vault: { firewall: false, challenge: "resource", callsPer10s: 4_000 },
  });
});

const credential: TokenCredential = {
  getToken: async () => ({
    token: await fetchToken(simulator, "vault"),
    expiresOnTimestamp: Date.now() + 3_600_000,
  }),
};
const createClient = () =>
  new SecretClient(simulator.urls.vault, credential, {
    allowInsecureConnection: true,
    disableChallengeResourceVerification: true,
    retryOptions: { maxRetries: 1, retryDelayInMs: 1, maxRetryDelayInMs: 2 },
  });

const getFromVault = async (
  path: string,
  headers: Record<string, string> = {},
): Promise<HttpResponse> =>
  sendRequest(`${simulator.urls.vault}${path}`, {
    headers: { authorization: `Bearer ${await fetchToken(simulator, "vault")}`, ...headers },
  });

describe("the vault", () => {
  test("challenges a call without a token and names the tenant", async () => {
    const answer = await sendRequest(`${simulator.urls.vault}/secrets/known?api-version=7.4`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe(
      `Bearer authorization="https://login.windows.net/${simulator.directory.tenantId}", resource="https://vault.azure.net"`,
    );
    expect(answer.body).toMatchObject({ error: { code: "Unauthorized" } });
  });

  test.each(["resource", "scope"] as const)(
    "answers @azure/keyvault-secrets with a %s challenge",
    async (challenge) => {
      simulator.changeBehaviors({ vault: { challenge } });
      const secret = await createClient().getSecret("known");
      expect(secret).toMatchObject({ name: "known", value: "one", properties: { enabled: true } });
    },
  );

  test("requires new claims once if configured", async () => {
    simulator.changeBehaviors({ vault: { insufficientClaims: true } });
    expect((await createClient().getSecret("known")).value).toBe("one");
    const statuses = simulator
      .listRequests({ api: "vault" })
      .slice(-3)
      .map(({ status }) => status);
    expect(statuses).toEqual([401, 401, 200]);
  });

  test("returns the newest version after a rotation and keeps the old one", async () => {
    const first = (await createClient().getSecret("known")).properties.version ?? "";
    simulator.vault.set("known", "two");
    expect((await createClient().getSecret("known")).value).toBe("two");
    expect((await createClient().getSecret("known", { version: first })).value).toBe("one");
  });

  test("returns an expired and a future secret with their dates", async () => {
    simulator.vault.set("dated", "x", {
      expiresAtMs: 1_700_000_000_000,
      notBeforeMs: 4_000_000_000_000,
    });
    const { properties } = await createClient().getSecret("dated");
    expect([properties.expiresOn?.getTime(), properties.notBefore?.getTime()]).toEqual([
      1_700_000_000_000, 4_000_000_000_000,
    ]);
  });

  test.each([
    ["a disabled secret", "disabled", 403, "Forbidden", "SecretDisabled"],
    ["a secret that is not there", "missing", 404, "SecretNotFound", undefined],
    [
      "a version that is not there",
      "known/00000000000000000000000000000000",
      404,
      "SecretNotFound",
      undefined,
    ],
  ])("refuses to read %s", async (_, name, status, code, inner) => {
    simulator.vault.set("disabled", "x", { enabled: false });
    const answer = await getFromVault(`/secrets/${name}?api-version=7.4`);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({
      error: { code, ...(inner === undefined ? {} : { innererror: { code: inner } }) },
    });
  });

  test("lists a deleted secret", async () => {
    simulator.vault.set("gone", "x");
    simulator.vault.remove("gone");
    expect((await getFromVault("/deletedsecrets/gone?api-version=7.4")).body).toHaveProperty(
      "recoveryId",
    );
    const other = await getFromVault("/deletedsecrets/other?api-version=7.4");
    expect(other.body).toMatchObject({ error: { message: "Deleted Secret not found: other" } });
  });

  test("refuses calls if its firewall is on", async () => {
    simulator.changeBehaviors({ vault: { firewall: true } });
    const answer = await getFromVault("/secrets/known?api-version=7.4");
    expect(answer.body).toMatchObject({ error: { innererror: { code: "ForbiddenByFirewall" } } });
  });

  test("refuses an identity without the role and names the action", async () => {
    const identity = simulator.directory.identities[0];
    if (identity) identity.canReadVault = false;
    const answer = await getFromVault("/secrets/known?api-version=7.4");
    if (identity) identity.canReadVault = true;
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("Microsoft.KeyVault/vaults/secrets/getSecret/action");
  });

  test.each([
    ["another API's token", "graph"],
    ["no token of this tenant", undefined],
  ] as const)("refuses a call with %s", async (_, resource) => {
    const token = resource === undefined ? "a.b.c" : await fetchToken(simulator, resource);
    expect(
      (await getFromVault("/secrets/known?api-version=7.4", { authorization: `Bearer ${token}` }))
        .status,
    ).toBe(401);
  });

  test("requires an API version", async () => {
    expect((await getFromVault("/secrets/known")).status).toBe(400);
    expect((await getFromVault("/secrets/known/?api%2Dversion=7.4")).status).toBe(200);
  });

  test("lists names in pages and versions without values", async () => {
    simulator.changeBehaviors({ vault: { pageSize: 4 } });
    const names: string[] = [];
    for await (const properties of createClient().listPropertiesOfSecrets())
      names.push(properties.name);
    expect(names).toEqual(simulator.vault.listNames());
    const versions = await getFromVault("/secrets/known/versions?api-version=7.4");
    expect(versions.body["value"]).toHaveLength(simulator.vault.listVersions("known").length);
    expect(versions.text).not.toContain('"value":"one"');
  });

  test("throttles above its limit, with a wait", async () => {
    simulator.clock.shift(20_000);
    simulator.changeBehaviors({ vault: { callsPer10s: 1 } });
    await getFromVault("/secrets/known?api-version=7.4");
    const answer = await getFromVault("/secrets/known?api-version=7.4");
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "10"]);
    expect(answer.body).toMatchObject({ error: { code: "Throttled" } });
  });

  test("returns a gateway's page, after which the SDK retries", async () => {
    simulator.faults.add({ kind: "html", api: "vault", status: 502 });
    expect((await createClient().getSecret("known")).value).toBe("two");
  });
});
