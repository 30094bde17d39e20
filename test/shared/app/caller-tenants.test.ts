import { afterEach, describe, expect, test, vi } from "vitest";
import { getRequestedTenant, listCallerTenants } from "../../../shared/app/caller-tenants.ts";
import { Problem } from "../../../shared/contracts/problem.ts";

afterEach(() => vi.unstubAllEnvs());

function stubTenants(): void {
  const tenant = (digit: string) => ({
    tenantId: `${digit.repeat(8)}-1111-1111-1111-111111111111`,
  });
  vi.stubEnv("TENANT_ID", "11111111-1111-1111-1111-111111111111");
  vi.stubEnv("APP_CLIENT_ID", "22222222-2222-2222-2222-222222222222");
  vi.stubEnv("APP_CREDENTIAL", "federated");
  const off = { ...tenant("5"), enabled: false };
  vi.stubEnv("TENANTS", JSON.stringify({ contoso: tenant("3"), fabrikam: tenant("4"), off }));
}

const createRequest = (tenant: string | undefined, principal?: object | string) => {
  const text = typeof principal === "string" ? principal : JSON.stringify(principal);
  const headers = new Headers(
    principal === undefined
      ? {}
      : { "x-ms-client-principal": Buffer.from(text).toString("base64") },
  );
  const query = new URLSearchParams(tenant === undefined ? {} : { tenant });
  return { headers, query } as unknown as Parameters<typeof getRequestedTenant>[0];
};
const withRoles = (...roles: string[]) => ({
  claims: roles.map((val) => ({ typ: "roles", val })),
});

function findRefusal(request: Parameters<typeof getRequestedTenant>[0]): Problem | undefined {
  try {
    getRequestedTenant(request);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

describe("the tenant of a request", () => {
  test("is the named one, else default", () => {
    stubTenants();
    expect(getRequestedTenant(createRequest("contoso")).name).toBe("contoso");
    expect(getRequestedTenant(createRequest(undefined)).name).toBe("default");
  });

  test.each(["nobody", "off", "", "__proto__", "DEFAULT"])(
    "is refused with the names when it does not exist or is disabled (%j)",
    (name) => {
      stubTenants();
      expect(findRefusal(createRequest(name))).toMatchObject({
        status: 404,
        message: "No tenant has this name. Use one of default, contoso, fabrikam.",
      });
    },
  );

  test("is limited by roles of the token, without names", () => {
    stubTenants();
    const roles = withRoles("tenant.contoso", "reader");
    expect(getRequestedTenant(createRequest("contoso", roles)).name).toBe("contoso");
    for (const name of ["fabrikam", undefined, "nobody"])
      expect(findRefusal(createRequest(name, roles))).toMatchObject({
        status: 404,
        message: "No tenant has this name.",
      });
    expect(listCallerTenants(createRequest(undefined, roles)).map(({ name }) => name)).toEqual([
      "contoso",
    ]);
  });

  test("is free for a token without such a role", () => {
    stubTenants();
    const request = createRequest("fabrikam", withRoles("reader"));
    expect(getRequestedTenant(request).name).toBe("fabrikam");
    expect(listCallerTenants(request)).toHaveLength(3);
  });

  test.each(["not json", "null", "{}", '{"claims":1}'])(
    "is refused for an identity that cannot be read (%s)",
    (principal) => {
      stubTenants();
      expect(findRefusal(createRequest("contoso", principal))).toMatchObject({ status: 403 });
    },
  );
});
