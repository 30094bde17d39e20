/** `npm run hunts -- plan`: what the enabled hunts ask of the tenant's hunting quota in an hour, and which do not fit. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { compileCatalogue } from "../../kql/compile/compile-catalog.ts";
import { dayMs, hourMs } from "../../runtime/time.ts";
import { placed } from "./check.ts";
import { table, type Output } from "./output.ts";

/** What a back-end allows a tenant in an hour, of which half is left to people. Run time in seconds. */
interface Allowance {
  readonly api: string;
  readonly callsPerHour: number;
  readonly runTimeS: number;
}

/**
 * Calls: 45 a minute on Graph, at least, and 1,500 an hour on the others. Run time: 10 and 15 minutes an hour; Graph's slots
 * are not published, so the least of the others stands for them.
 */
const allowances: readonly Allowance[] = [
  { api: "graph", callsPerHour: 2_700, runTimeS: 600 },
  { api: "defender", callsPerHour: 1_500, runTimeS: 600 },
  { api: "legacy", callsPerHour: 1_500, runTimeS: 900 },
];
const ourShare = 0.5;

/** What one hunt costs in an hour. */
export interface Cost {
  readonly name: string;
  readonly calls: number;
  readonly runTimeS: number;
}

/**
 * The cost of a healthy hunt whose results fit one call. A window: the rows, and a recount of what may still get late rows.
 * A snapshot: the rows alone. Run time is a rule of thumb, one second a call and one for each day and table it reads.
 */
export function costOf(hunt: CompiledHunt): Cost {
  const runs = hourMs / hunt.intervalMs;
  const tables = Math.max(hunt.tables.length, 1);
  const read = (spanMs: number): number => 1 + (tables * spanMs) / dayMs;
  const calls = hunt.mode === "window" ? 2 : 1;
  const perRun =
    hunt.mode === "window"
      ? read(hunt.intervalMs) + read(hunt.lagMs + hunt.settleMs)
      : read(hunt.lookBackMs);
  return { name: hunt.name, calls: calls * runs, runTimeS: perRun * runs };
}

/** The hunts that still fit, cheapest run time first, and those that do not. */
export function fitting(
  costs: readonly Cost[],
  callsPerHour: number,
  runTimeS: number,
): ReadonlySet<string> {
  const names = new Set<string>();
  let calls = 0;
  let seconds = 0;
  for (const cost of costs.toSorted((a, b) => a.runTimeS - b.runTimeS)) {
    if (calls + cost.calls > callsPerHour || seconds + cost.runTimeS > runTimeS) continue;
    calls += cost.calls;
    seconds += cost.runTimeS;
    names.add(cost.name);
  }
  return names;
}

/** Prints the plan. Returns the exit code: 1 when a hunt does not fit, or the catalogue is not sound. */
export function plan(folder: string, api: string, output: Output): number {
  const allowance = allowances.find((one) => one.api === api);
  if (!allowance) {
    output.error(
      `HUNTING_API is ${api}; expected one of ${allowances.map((one) => one.api).join(", ")}.`,
    );
    return 1;
  }
  const compiled = compileCatalogue(folder);
  if ("problems" in compiled) {
    for (const problem of compiled.problems) output.error(placed(problem));
    output.error("Mend the hunts named above first; npm run hunts checks them alone.");
    return 1;
  }
  const costs = compiled.catalogue.hunts.filter(({ enabled }) => enabled).map(costOf);
  return report(costs, allowance, output);
}

function report(
  costs: readonly Cost[],
  { api, callsPerHour, runTimeS }: Allowance,
  output: Output,
): number {
  const fits = fitting(costs, callsPerHour * ourShare, runTimeS * ourShare);
  const rows = costs.map(({ name, calls, runTimeS: seconds }) => [
    name,
    calls.toFixed(1),
    seconds.toFixed(1),
    fits.has(name) ? "fits" : "does not fit",
  ]);
  const sum = (of: (cost: Cost) => number): string =>
    costs.reduce((total, cost) => total + of(cost), 0).toFixed(1);
  for (const line of table(["hunt", "calls/h", "run time s/h", "verdict"], rows)) output.line(line);
  output.line(
    `all: ${sum(({ calls }) => calls)} of ${callsPerHour * ourShare} calls, ${sum((cost) => cost.runTimeS)} of ${runTimeS * ourShare} s on ${api} (half of the quota is left to people).`,
  );
  output.line(
    "Run time is estimated: one second a call, and one for each day and table read. Health shows what was really used.",
  );
  if (fits.size === costs.length) return 0;
  output.error(
    "Run the hunts that do not fit less often (schedule), over less time (lookBack), or write enabled: false.",
  );
  return 1;
}
