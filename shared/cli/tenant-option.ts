/** The option `--tenant` of commands. */
import type { Tenant } from "../app/tenants.ts";
import { formatSuggestion } from "../runtime/suggest-word.ts";
import { UsageError } from "./command-line.ts";

/**
 * Returns the named tenant, or the default one without a name. Settings must be loaded.
 *
 * @throws UsageError for a name that no enabled tenant has
 * @throws SettingsError when `TENANTS` is invalid
 */
export async function requireTenant(name: string | undefined): Promise<Tenant> {
  const { findTenant, getDefaultTenant, listTenants } = await import("../app/tenants.ts");
  if (name === undefined) return getDefaultTenant();
  const tenant = findTenant(name);
  if (tenant) return tenant;
  const names = listTenants().map((each) => each.name);
  throw new UsageError(
    `--tenant must be one of ${names.join(", ")}.${formatSuggestion(name, names)}`,
  );
}
