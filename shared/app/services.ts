/**
 * The composition root: what functions and commands may use. Each part is created at its first use,
 * so that an invalid setting stops only the functions that need it.
 */
import type { HttpRequest } from "@azure/functions";
import { log } from "../runtime/log.ts";
import { SettingsError } from "../runtime/settings.ts";
import { listEnabledHunts, readApiDescription } from "./build-artifacts.ts";
import { getRequestedTenant, listCallerTenants } from "./caller-tenants.ts";
import { getVault, readServerNowMs } from "./platform.ts";
import { toPublicAddress } from "./signed-urls.ts";
import { getTenantServices, type TenantServices } from "./tenant-services.ts";
import { findTenant, getDefaultTenant, listTenants, type Tenant } from "./tenants.ts";
import { findTenantOfSource } from "./webhook-services.ts";

function listReadableTenants(): readonly Tenant[] {
  try {
    return listTenants();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    log("setting.invalid", { settings: error.settings.join(", ") });
    return [getDefaultTenant()];
  }
}

export const services = {
  /** Services of the tenant that a request is about. @throws Problem 404 */
  for: (request: Pick<HttpRequest, "headers" | "query">): TenantServices =>
    getTenantServices(getRequestedTenant(request)),
  /** Services of each tenant that a caller may use. */
  listFor: (request: Pick<HttpRequest, "headers">): readonly TenantServices[] =>
    listCallerTenants(request).map(getTenantServices),
  /** Services of the tenant that a webhook source belongs to. @throws SettingsError */
  ofSource: (source: string): TenantServices => getTenantServices(findTenantOfSource(source)),
  /** Services of an enabled tenant; undefined when none has this name. @throws SettingsError */
  find: (name: string): TenantServices | undefined => {
    const tenant = findTenant(name);
    return tenant && getTenantServices(tenant);
  },
  /** Services of the tenant that the settings describe. */
  default: (): TenantServices => getTenantServices(getDefaultTenant()),
  /**
   * Services of each enabled tenant, the default first. For unattended duties: an invalid setting
   * `TENANTS` is logged and stops no run of the default tenant.
   */
  all: (): readonly TenantServices[] => listReadableTenants().map(getTenantServices),
  vault: getVault,
  serverNowMs: readServerNowMs,
  enabledHunts: listEnabledHunts,
  readApiDescription,
  toPublicAddress,
};
