/** The tenant whose data the page shows, and the choice between several. */
import { getJson } from "./api.ts";
import { readTenant, storeTenant } from "./session.ts";
import { useData } from "./use-data.ts";

interface TenantSummary {
  readonly tenant: string;
  readonly status: string;
}

const refreshMs = 60_000;

/** Shows nothing where there is one tenant. */
export function TenantPicker() {
  const { data } = useData(
    (signal) =>
      getJson<{ readonly tenants?: readonly TenantSummary[] }>("health/report", signal, "all"),
    [],
    refreshMs,
  );
  if (!data?.tenants) return null;
  return (
    <label class="tenant">
      <span>Tenant</span>
      <select
        value={readTenant()}
        onChange={(event) => {
          storeTenant(event.currentTarget.value);
          location.reload();
        }}
      >
        {data.tenants.map(({ status, tenant }) => (
          <option key={tenant} value={tenant}>
            {status === "healthy" ? tenant : `${tenant} (${status})`}
          </option>
        ))}
      </select>
    </label>
  );
}
