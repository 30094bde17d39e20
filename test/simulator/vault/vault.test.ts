import { SecretClient } from "@azure/keyvault-secrets";
import type { TokenCredential } from "@azure/identity";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hear, tokenFor, type Heard } from "../caller.ts";
import { startTenant, type Tenant } from "../simulator.ts";

let tenant: Tenant;

beforeAll(async () => {
  tenant = await startTenant({ secrets: { known: "one" } });
});
afterAll(() => tenant.stop());
beforeEach(() => {
  tenant.faults.clear();
  tenant.change({ vault: { firewall: false, challenge: "resource", callsPer10s: 4_000 } });
});

const credential: TokenCredential = {
  getToken: async () => ({
    token: await tokenFor(tenant, "vault"),
    expiresOnTimestamp: Date.now() + 3_600_000,
  }),
};
const client = () =>
  new SecretClient(tenant.urls.vault, credential, {
    allowInsecureConnection: true,
    disableChallengeResourceVerification: true,
    retryOptions: { maxRetries: 1, retryDelayInMs: 1, maxRetryDelayInMs: 2 },
  });

const get = async (path: string, headers: Record<string, string> = {}): Promise<Heard> =>
  hear(`${tenant.urls.vault}${path}`, {
    headers: { authorization: `Bearer ${await tokenFor(tenant, "vault")}`, ...headers },
  });

describe("the vault", () => {
  test("challenges a call without a token and names the tenant", async () => {
    const answer = await hear(`${tenant.urls.vault}/secrets/known?api-version=7.4`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe(
      `Bearer authorization="https://login.windows.net/${tenant.directory.tenantId}", resource="https://vault.azure.net"`,
    );
    expect(answer.body).toMatchObject({ error: { code: "Unauthorized" } });
  });

  test.each(["resource", "scope"] as const)(
    "is opened by @azure/keyvault-secrets with a %s challenge",
    async (challenge) => {
      tenant.change({ vault: { challenge } });
      const secret = await client().getSecret("known");
      expect(secret).toMatchObject({ name: "known", value: "one", properties: { enabled: true } });
    },
  );

  test("asks for new claims once when told to", async () => {
    tenant.change({ vault: { insufficientClaims: true } });
    expect((await client().getSecret("known")).value).toBe("one");
    const statuses = tenant
      .requests({ api: "vault" })
      .slice(-3)
      .map(({ status }) => status);
    expect(statuses).toEqual([401, 401, 200]);
  });

  test("rotates: the newest version answers, the old one stays", async () => {
    const first = (await client().getSecret("known")).properties.version ?? "";
    tenant.vault.set("known", "two");
    expect((await client().getSecret("known")).value).toBe("two");
    expect((await client().getSecret("known", { version: first })).value).toBe("one");
  });

  test("gives out an expired and a future secret, with their dates", async () => {
    tenant.vault.set("dated", "x", {
      expiresAtMs: 1_700_000_000_000,
      notBeforeMs: 4_000_000_000_000,
    });
    const { properties } = await client().getSecret("dated");
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
  ])("refuses %s", async (_, name, status, code, inner) => {
    tenant.vault.set("disabled", "x", { enabled: false });
    const answer = await get(`/secrets/${name}?api-version=7.4`);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({
      error: { code, ...(inner === undefined ? {} : { innererror: { code: inner } }) },
    });
  });

  test("remembers a deleted secret", async () => {
    tenant.vault.set("gone", "x");
    tenant.vault.remove("gone");
    expect((await get("/deletedsecrets/gone?api-version=7.4")).body).toHaveProperty("recoveryId");
    const other = await get("/deletedsecrets/other?api-version=7.4");
    expect(other.body).toMatchObject({ error: { message: "Deleted Secret not found: other" } });
  });

  test("refuses behind its firewall", async () => {
    tenant.change({ vault: { firewall: true } });
    const answer = await get("/secrets/known?api-version=7.4");
    expect(answer.body).toMatchObject({ error: { innererror: { code: "ForbiddenByFirewall" } } });
  });

  test("refuses an identity without the role, naming the action", async () => {
    const identity = tenant.directory.identities[0];
    if (identity) identity.vaultAccess = false;
    const answer = await get("/secrets/known?api-version=7.4");
    if (identity) identity.vaultAccess = true;
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("Microsoft.KeyVault/vaults/secrets/getSecret/action");
  });

  test.each([
    ["another API's token", "graph"],
    ["no token of this tenant", undefined],
  ] as const)("refuses %s", async (_, resource) => {
    const token = resource === undefined ? "a.b.c" : await tokenFor(tenant, resource);
    expect(
      (await get("/secrets/known?api-version=7.4", { authorization: `Bearer ${token}` })).status,
    ).toBe(401);
  });

  test("demands a version of the API", async () => {
    expect((await get("/secrets/known")).status).toBe(400);
    expect((await get("/secrets/known/?api%2Dversion=7.4")).status).toBe(200);
  });

  test("lists names in pages and versions without values", async () => {
    tenant.change({ vault: { pageSize: 4 } });
    const names: string[] = [];
    for await (const properties of client().listPropertiesOfSecrets()) names.push(properties.name);
    expect(names).toEqual(tenant.vault.names());
    const versions = await get("/secrets/known/versions?api-version=7.4");
    expect(versions.body["value"]).toHaveLength(tenant.vault.versions("known").length);
    expect(versions.text).not.toContain('"value":"one"');
  });

  test("throttles above its limit, with a wait", async () => {
    tenant.clock.shift(20_000);
    tenant.change({ vault: { callsPer10s: 1 } });
    await get("/secrets/known?api-version=7.4");
    const answer = await get("/secrets/known?api-version=7.4");
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "10"]);
    expect(answer.body).toMatchObject({ error: { code: "Throttled" } });
  });

  test("shows a gateway's page, after which the SDK tries again", async () => {
    tenant.faults.add({ kind: "html", api: "vault", status: 502 });
    expect((await client().getSecret("known")).value).toBe("two");
  });
});
