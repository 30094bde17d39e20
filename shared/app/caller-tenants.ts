/**
 * Which tenant an HTTP request is about, and whether its caller may use it. A function key is the
 * right of the operator over all tenants; a token is limited to some by app roles.
 */
import type { HttpRequest } from "@azure/functions";
import { Problem } from "../contracts/problem.ts";
import { defaultTenant } from "../storage/tenant-records.ts";
import { findTenant, listTenants, type Tenant } from "./tenants.ts";

const rolePrefix = "tenant.";

/** What the platform says of a caller whose token it has checked. */
interface ClientPrincipal {
  readonly claims: readonly { readonly typ: string; readonly val: string }[];
  readonly role_typ?: string;
}

const roleTypes: ReadonlySet<string> = new Set([
  "roles",
  "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
]);

/**
 * Returns the tenants of the caller's app roles `tenant.<name>`; undefined for a caller without such
 * a role, who may use every tenant. The platform sets the header, and removes it from requests.
 */
function readTenantRoles(request: Pick<HttpRequest, "headers">): ReadonlySet<string> | undefined {
  const principal = readPrincipal(request.headers.get("x-ms-client-principal"));
  const roles = (principal?.claims ?? []).flatMap(({ typ, val }) =>
    (roleTypes.has(typ) || typ === principal?.role_typ) && val.startsWith(rolePrefix)
      ? [val.slice(rolePrefix.length)]
      : [],
  );
  return roles.length === 0 ? undefined : new Set(roles);
}

/** A principal that cannot be read has no right at all. @throws Problem 403 */
function readPrincipal(header: string | null): ClientPrincipal | undefined {
  if (header === null) return undefined;
  try {
    const text = Buffer.from(header, "base64").toString("utf8");
    const principal = JSON.parse(text) as Partial<ClientPrincipal> | null;
    if (Array.isArray(principal?.claims)) return principal as ClientPrincipal;
  } catch {
    // Refused below.
  }
  throw new Problem(403, "The identity of the caller cannot be read; sign in again.");
}

/**
 * Returns the tenant of the query parameter `tenant`, else `default`.
 *
 * @throws Problem 404 for a tenant that does not exist, is disabled, or is not the caller's
 */
export function getRequestedTenant(request: Pick<HttpRequest, "headers" | "query">): Tenant {
  const name = request.query.get("tenant") ?? defaultTenant;
  const roles = readTenantRoles(request);
  const tenant = roles === undefined || roles.has(name) ? findTenant(name) : undefined;
  if (tenant) return tenant;
  // A caller with limited rights does not learn which other tenants exist.
  const names = roles
    ? ""
    : ` Use one of ${listTenants()
        .map((each) => each.name)
        .join(", ")}.`;
  throw new Problem(404, `No tenant has this name.${names}`);
}

/** Returns the tenants that the caller may use. @throws SettingsError */
export function listCallerTenants(request: Pick<HttpRequest, "headers">): readonly Tenant[] {
  const roles = readTenantRoles(request);
  return listTenants().filter(({ name }) => roles === undefined || roles.has(name));
}
