/** Does the unattended duties of every tenant. */
import { mapInParallel } from "../runtime/concurrency.ts";

const maxParallel = 8;

/**
 * Does the work of each tenant; a failure of one stops no other.
 *
 * @throws AggregateError of the failures, after every tenant had its turn
 */
export async function forEachTenant<T extends { readonly tenant: { readonly name: string } }>(
  tenants: readonly T[],
  work: (tenant: T) => Promise<void>,
): Promise<void> {
  const failures: { readonly name: string; readonly error: unknown }[] = [];
  await mapInParallel(tenants, maxParallel, async (each) => {
    try {
      await work(each);
    } catch (error) {
      failures.push({ name: each.tenant.name, error });
    }
  });
  if (failures.length > 0)
    throw new AggregateError(
      failures.map(({ error }) => error),
      `failed for ${failures.map(({ name }) => name).join(", ")}`,
    );
}
