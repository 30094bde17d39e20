import { describe, expect, test } from "vitest";
import { selectHunts } from "../../../shared/app/hunting.ts";
import { getDefaultTenant } from "../../../shared/app/tenants.ts";
import { testHunt } from "../../support/hunt-source.ts";

const parameter = {
  name: "minFailures",
  type: "long",
  literal: "long(20)",
  description: "",
  isFixed: false,
} as const;
const hunt = testHunt({
  source: "let minFailures = long(20); DeviceEvents",
  parameters: [parameter],
});
const tenant = (values: Record<string, unknown>) => ({
  ...getDefaultTenant(),
  name: "contoso",
  parameters: { "test-hunt": values },
});

describe("the hunts of a tenant", () => {
  test("have the tenant's values of their parameters", () => {
    expect(selectHunts(tenant({ minFailures: 5 }), [hunt])).toMatchObject([
      { parameters: [{ literal: "long(5)" }], source: "let minFailures = long(5); DeviceEvents" },
    ]);
    expect(selectHunts(getDefaultTenant(), [hunt])).toEqual([hunt]);
  });

  test("name an invalid value by its place in the setting", () => {
    const [selected] = selectHunts(tenant({ minFailures: "secret" }), [hunt]);
    expect(selected?.invalidParameters).toBe(
      "TENANTS /contoso/parameters/test-hunt/minFailures: must be a whole number of 64 bits",
    );
    expect(selected?.queryHash).not.toBe(hunt.queryHash);
  });

  test("leave out those whose file names other tenants", () => {
    const others = testHunt({ name: "elsewhere", tenants: ["contoso"] });
    const own = testHunt({ name: "here", tenants: ["contoso", "default"] });
    expect(selectHunts(getDefaultTenant(), [others, own])).toEqual([own]);
  });
});
