import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  readSettings,
  readStorageConnection,
  SettingsError,
  settingsSchema,
} from "../../../shared/runtime/settings.ts";

const valid = {
  TENANT_ID: "11111111-1111-4111-8111-111111111111",
  KEY_VAULT_URL: "https://contoso.vault.azure.net",
  CLOUD_APPS_URL: "https://contoso.us3.portal.cloudappsecurity.com",
};

const findInvalidSettings = (
  change: Record<string, string | undefined>,
  isInAzure = false,
): readonly string[] => {
  try {
    readSettings(undefined, {
      ...valid,
      ...change,
      ...(isInAzure ? { WEBSITE_INSTANCE_ID: "x" } : {}),
    });
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.settings;
  }
};

describe("readSettings", () => {
  test("fills in the defaults", () => {
    expect(readSettings(undefined, valid)).toMatchObject({
      CLOUD: "public",
      HUNTING_API: "graph",
      HUNTING_QUOTA_SHARE: 0.5,
      CLOUD_APPS_CALLS_PER_MINUTE: 30,
    });
  });

  test("names every wrong setting at once and prints no value", () => {
    const secretLike = "eyJhbGciOiJSUzI1NiJ9.canary";
    expect(() =>
      readSettings(undefined, { TENANT_ID: secretLike, CLOUD: "mars", KEY_VAULT_URL: secretLike }),
    ).toThrow(/TENANT_ID.*CLOUD.*KEY_VAULT_URL.*CLOUD_APPS_URL/);
    expect(() => readSettings(undefined, { TENANT_ID: secretLike })).not.toThrow(secretLike);
  });

  test.each(Object.keys(settingsSchema.shape))("says what %s must be", (name) => {
    for (const value of [" ", "x y", "-1", "1.5", "1e99", "{", "[]", "null", "http://x", "true"]) {
      const read = (): unknown => readSettings([name as "CLOUD"], { [name]: value });
      try {
        read();
      } catch (error) {
        expect(String(error)).not.toMatch(/Invalid|undefined|another form/);
        expect(String(error)).not.toContain(value === " " ? "\0" : `"${value}"`);
      }
    }
  });

  test("judges only the settings that are asked for", () => {
    expect(readSettings(["TENANT_ID"], { TENANT_ID: valid.TENANT_ID })).toEqual({
      TENANT_ID: valid.TENANT_ID,
    });
  });

  test.each([
    [
      "an unresolved Key Vault reference",
      { KEY_VAULT_URL: "@Microsoft.KeyVault(SecretUri=https://x)" },
      "KEY_VAULT_URL",
    ],
    ["an empty value", { TENANT_ID: " " }, "TENANT_ID"],
    [
      "plain http to elsewhere",
      { KEY_VAULT_URL: "http://contoso.vault.azure.net" },
      "KEY_VAULT_URL",
    ],
    [
      "a host behind an @",
      { CLOUD_APPS_URL: "https://x.us.portal.cloudappsecurity.com@evil.example" },
      "CLOUD_APPS_URL",
    ],
    [
      "a look-alike host",
      { CLOUD_APPS_URL: "https://x.us.portal.cloudappsecurity.com.evil.example" },
      "CLOUD_APPS_URL",
    ],
    ["an address of numbers", { CLOUD_APPS_URL: "https://10.0.0.1" }, "CLOUD_APPS_URL"],
    [
      "a port",
      { CLOUD_APPS_URL: "https://x.us.portal.cloudappsecurity.com:8443" },
      "CLOUD_APPS_URL",
    ],
    [
      "a path",
      { CLOUD_APPS_URL: "https://x.us.portal.cloudappsecurity.com/api" },
      "CLOUD_APPS_URL",
    ],
    [
      "the shared portal without /cas",
      { CLOUD_APPS_URL: "https://portal.cloudappsecurity.com" },
      "CLOUD_APPS_URL",
    ],
    [
      "an override that leaves this machine",
      { GRAPH_URL: "https://graph.evil.example" },
      "GRAPH_URL",
    ],
    ["a count that is none", { FILES_CALLS_PER_MINUTE: "many" }, "FILES_CALLS_PER_MINUTE"],
    ["a share above one", { HUNTING_QUOTA_SHARE: "2" }, "HUNTING_QUOTA_SHARE"],
  ])("refuses %s", (_, change, name) => {
    expect(findInvalidSettings(change)).toEqual([name]);
  });

  test.each([
    ["the tenant's own address", "https://contoso.us3.portal.cloudappsecurity.com"],
    ["the shared one", "https://portal.cloudappsecurity.com/cas"],
    ["GCC", "https://contoso.us1.portal.cloudappsecuritygov.com"],
    ["GCC High", "https://contoso.us1.portal.cloudappsecurity.us"],
  ])("takes %s for Cloud Apps", (_, CLOUD_APPS_URL) => {
    expect(findInvalidSettings({ CLOUD_APPS_URL })).toEqual([]);
  });

  test("refuses addresses of this machine when running in Azure, nowhere else", () => {
    const local = { KEY_VAULT_URL: "http://127.0.0.1:1", GRAPH_URL: "http://localhost:2" };
    expect(findInvalidSettings(local)).toEqual([]);
    expect(findInvalidSettings(local, true)).toEqual(["GRAPH_URL", "KEY_VAULT_URL"]);
  });
});

describe("readStorageConnection", () => {
  test("takes a connection string first, then addresses with an identity", () => {
    const uris = {
      DataStorage__blobServiceUri: "https://b",
      DataStorage__queueServiceUri: "https://q",
      DataStorage__clientId: "c",
    };
    expect(readStorageConnection({ DataStorage: "UseDevelopmentStorage=true", ...uris }).kind).toBe(
      "connection-string",
    );
    expect(readStorageConnection(uris)).toEqual({
      kind: "identity",
      blobUrl: "https://b",
      queueUrl: "https://q",
      clientId: "c",
    });
  });

  test("names what is missing", () => {
    expect(() => readStorageConnection({})).toThrow(
      /DataStorage__blobServiceUri.*DataStorage__queueServiceUri/,
    );
  });
});

test("the sample names exactly the settings that the app reads", () => {
  const sample = JSON.parse(readFileSync("local.settings.sample.json", "utf8")) as {
    Values: Record<string, string>;
  };
  const platform = [
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
    "AzureWebJobsStorage",
    "DataStorage",
  ];
  expect(
    Object.keys(sample.Values)
      .filter((name) => !platform.includes(name))
      .sort(),
  ).toEqual(Object.keys(settingsSchema.shape).sort());
});
