import { describe, expect, test } from "vitest";
import {
  parseTenants,
  toOverlay,
  type SharedSettings,
} from "../../../shared/app/tenant-settings.ts";
import { SettingsError } from "../../../shared/runtime/settings.ts";

const shared: SharedSettings = {
  TENANT_ID: "11111111-1111-1111-1111-111111111111",
  CLOUD: "public",
  APP_CLIENT_ID: "22222222-2222-2222-2222-222222222222",
  APP_CREDENTIAL: "federated",
};
const contoso = { tenantId: "33333333-3333-3333-3333-333333333333" };

function listFaults(value: unknown, settings: SharedSettings = shared): readonly string[] {
  try {
    parseTenants(value, settings);
  } catch (error) {
    if (error instanceof SettingsError) return error.settings;
    throw error;
  }
  return [];
}

describe("the setting TENANTS", () => {
  test("gives each tenant its defaults", () => {
    expect(parseTenants({ contoso }, shared).get("contoso")).toEqual({
      ...contoso,
      enabled: true,
      hunts: ["*"],
      parameters: {},
    });
  });

  test("names every fault of every tenant at once and no value", () => {
    const faulty = {
      Contoso: contoso,
      default: { tenantId: "44444444-4444-4444-4444-444444444444" },
      fabrikam: { tenantId: "hunter2", cloudAppsUrl: "http://hunter2", colour: "hunter2" },
      northwind: { tenantId: "11111111-1111-1111-1111-111111111111", hunts: ["No Hunt"] },
      tailspin: "hunter2",
    };
    expect(listFaults(faulty)).toEqual([
      "TENANTS /Contoso",
      "TENANTS /default",
      "TENANTS /fabrikam/tenantId",
      "TENANTS /fabrikam/cloudAppsUrl",
      "TENANTS /fabrikam/colour",
      "TENANTS /northwind/hunts/0",
      "TENANTS /tailspin",
    ]);
    expect(() => parseTenants(faulty, shared)).toThrow(/^(?!.*hunter2)/s);
  });

  test.each([
    ["the id of another tenant", { a1: contoso, b1: { ...contoso } }, ["TENANTS /b1/tenantId"]],
    ["the deployment's own id", { a1: { tenantId: shared.TENANT_ID } }, ["TENANTS /a1/tenantId"]],
    ["no object", [contoso], ["TENANTS"]],
    ["text that is no JSON", undefined, ["TENANTS"]],
    [
      "another cloud without a secret of its own",
      { a1: { ...contoso, cloud: "gcchigh" } },
      ["TENANTS /a1/credential"],
    ],
  ])("refuses %s", (_, value, expected) => {
    expect(listFaults(value)).toEqual(expected);
  });

  test("takes another cloud with a client and a secret of its own, and GCC beside the public cloud", () => {
    const own = { cloud: "dod", clientId: shared.APP_CLIENT_ID, credential: "secret" };
    expect(listFaults({ a1: { ...contoso, ...own } })).toEqual([]);
    expect(listFaults({ a1: { ...contoso, cloud: "gcc" } })).toEqual([]);
  });

  test("needs an app registration, because a managed identity has one tenant", () => {
    const { APP_CLIENT_ID: _id, ...withoutApp } = shared;
    expect(listFaults({ contoso }, withoutApp as SharedSettings)).toEqual([
      "TENANTS /contoso/clientId",
    ]);
  });

  test("never passes on what describes the default tenant alone", () => {
    const settings = parseTenants({ contoso }, shared).get("contoso");
    expect(settings && toOverlay(settings)).toEqual({
      TENANT_ID: contoso.tenantId,
      CLOUD_APPS_URL: undefined,
      DEFENDER_GEO: undefined,
    });
  });
});
