/** The long suite for tenants: random faults of one tenant, which the other one must not notice. */
import {
  huntKillPoints,
  runTenantSchedule,
  type TenantMutant,
  type TenantScheduleResult,
} from "./tenant-model.ts";

/** Each breaks the isolation and must be caught. */
export const tenantMutants: Readonly<Record<string, TenantMutant>> = {
  "tenants share an instance without a bound": { isUnbounded: true },
  "tenants share their records": { sharesRecords: true },
};

const countFaults = (result: TenantScheduleResult): number =>
  result.lost.length + result.duplicated.length + result.late.length + result.foreign.length;

const maxMutantSeed = 60;

/** Returns the first seed that catches a mutant. */
export async function findTenantMutantSeed(mutant: TenantMutant): Promise<number | undefined> {
  for (let seed = 1; seed <= maxMutantSeed; seed += 1)
    if (countFaults(await runTenantSchedule(seed, mutant)) > 0) return seed;
  return undefined;
}

/** @returns true when everything held */
export async function checkTenants(
  schedules: number,
  printLine: (line: string) => void,
): Promise<boolean> {
  const startedMs = Date.now();
  let [survived, crashes] = [0, 0];
  for (let seed = 1; seed <= schedules; seed += 1) {
    const result = await runTenantSchedule(seed);
    crashes += result.crashes;
    if (countFaults(result) === 0) survived += 1;
    else printLine(`tenants: seed ${seed} ${JSON.stringify(result).slice(0, 1_000)}`);
  }
  let killed = 0;
  for (const [index, point] of huntKillPoints.entries()) {
    const result = await runTenantSchedule(index + 1, {}, point);
    if (countFaults(result) === 0 && result.crashes > 0) killed += 1;
    else printLine(`tenants: ${point} ${JSON.stringify(result).slice(0, 1_000)}`);
  }
  let caught = 0;
  for (const [name, mutant] of Object.entries(tenantMutants)) {
    const seed = await findTenantMutantSeed(mutant);
    if (seed !== undefined) caught += 1;
    printLine(`tenants: mutant "${name}" ${seed === undefined ? "NOT caught" : `seed ${seed}`}`);
  }
  const mutants = Object.keys(tenantMutants).length;
  printLine(
    [
      `tenants: schedules ${survived} of ${schedules}`,
      `crashes ${crashes}`,
      `kill points ${killed} of ${huntKillPoints.length}`,
      `mutants caught ${caught} of ${mutants}`,
      `${Math.round((Date.now() - startedMs) / 1_000)} s`,
    ].join(" · "),
  );
  return survived === schedules && caught === mutants && killed === huntKillPoints.length;
}
