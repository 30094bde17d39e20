/** The health of several tenants, in short. */
import { mapInParallel } from "../runtime/concurrency.ts";
import type { TenantServices } from "./tenant-services.ts";

const maxParallel = 8;

/** A report that cannot be created is a problem of its tenant alone. */
async function summarizeOne({ getHealthReport: read, tenant }: TenantServices) {
  try {
    const { problems, status } = await read();
    return { tenant: tenant.name, status, problems };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { tenant: tenant.name, status: "unhealthy", problems: [problem] };
  }
}

/** Summarizes each tenant. */
export const summarizeHealth = (tenants: readonly TenantServices[]) =>
  mapInParallel(tenants, maxParallel, summarizeOne);
