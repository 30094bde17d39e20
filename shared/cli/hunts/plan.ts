/** `npm run hunts -- plan`: what the enabled hunts ask of the tenant's hunting quota in an hour, and which do not fit. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { compileCatalog } from "../../kql/compile/compile-catalog.ts";
import { dayMs, hourMs } from "../../runtime/time.ts";
import { formatProblem } from "./check.ts";
import { formatTable, type Output } from "../output.ts";

/** What a back-end allows a tenant in an hour, of which half is left to people. Run time in seconds. */
interface QuotaLimits {
  readonly api: string;
  readonly callsPerHour: number;
  readonly runTimeSeconds: number;
}

/**
 * Calls: 45 a minute on Graph, at least, and 1,500 an hour on the others. Run time: 10 and 15 minutes an hour; Graph's slots
 * are not published, so the least of the others stands for them.
 */
const quotaLimits: readonly QuotaLimits[] = [
  { api: "graph", callsPerHour: 2_700, runTimeSeconds: 600 },
  { api: "defender", callsPerHour: 1_500, runTimeSeconds: 600 },
  { api: "legacy", callsPerHour: 1_500, runTimeSeconds: 900 },
];
const quotaShare = 0.5;

/** What one hunt costs in an hour. */
export interface HuntCost {
  readonly name: string;
  readonly calls: number;
  readonly runTimeSeconds: number;
}

/**
 * The cost of a healthy hunt whose results fit one call. A window: the rows, and a recount of what may still get late rows.
 * A snapshot: the rows alone. Run time is a rule of thumb, one second a call and one for each day and table it reads.
 */
export function estimateCost(hunt: CompiledHunt): HuntCost {
  const runs = hourMs / hunt.intervalMs;
  const tables = Math.max(hunt.tables.length, 1);
  const estimateRead = (spanMs: number): number => 1 + (tables * spanMs) / dayMs;
  const calls = hunt.mode === "window" ? 2 : 1;
  const perRun =
    hunt.mode === "window"
      ? estimateRead(hunt.intervalMs) + estimateRead(hunt.lagMs + hunt.settleMs)
      : estimateRead(hunt.lookBackMs);
  return { name: hunt.name, calls: calls * runs, runTimeSeconds: perRun * runs };
}

/** The hunts that still fit, cheapest run time first, and those that do not. */
export function findFittingHunts(
  costs: readonly HuntCost[],
  callsPerHour: number,
  runTimeSeconds: number,
): ReadonlySet<string> {
  const names = new Set<string>();
  let calls = 0;
  let seconds = 0;
  for (const cost of costs.toSorted((a, b) => a.runTimeSeconds - b.runTimeSeconds)) {
    if (calls + cost.calls > callsPerHour || seconds + cost.runTimeSeconds > runTimeSeconds)
      continue;
    calls += cost.calls;
    seconds += cost.runTimeSeconds;
    names.add(cost.name);
  }
  return names;
}

/** Prints the plan. Returns the exit code: 1 when a hunt does not fit, or the catalogue is not sound. */
export function planHunts(folder: string, api: string, output: Output): number {
  const limits = quotaLimits.find((one) => one.api === api);
  if (!limits) {
    output.error(
      `HUNTING_API is ${api}; expected one of ${quotaLimits.map((one) => one.api).join(", ")}.`,
    );
    return 1;
  }
  const compiled = compileCatalog(folder);
  if ("problems" in compiled) {
    for (const problem of compiled.problems) output.error(formatProblem(problem));
    output.error("Mend the hunts named above first; npm run hunts checks them alone.");
    return 1;
  }
  const costs = compiled.catalog.hunts.filter(({ enabled }) => enabled).map(estimateCost);
  return printPlan(costs, limits, output);
}

function printPlan(
  costs: readonly HuntCost[],
  { api, callsPerHour, runTimeSeconds }: QuotaLimits,
  output: Output,
): number {
  const fittingHunts = findFittingHunts(
    costs,
    callsPerHour * quotaShare,
    runTimeSeconds * quotaShare,
  );
  const rows = costs.map(({ name, calls, runTimeSeconds: seconds }) => [
    name,
    calls.toFixed(1),
    seconds.toFixed(1),
    fittingHunts.has(name) ? "fits" : "does not fit",
  ]);
  const formatSum = (of: (cost: HuntCost) => number): string =>
    costs.reduce((total, cost) => total + of(cost), 0).toFixed(1);
  for (const line of formatTable(["hunt", "calls/h", "run time s/h", "verdict"], rows))
    output.line(line);
  output.line(
    `all: ${formatSum(({ calls }) => calls)} of ${callsPerHour * quotaShare} calls, ${formatSum((cost) => cost.runTimeSeconds)} of ${runTimeSeconds * quotaShare} s on ${api} (half of the quota is left to people).`,
  );
  output.line(
    "Run time is estimated: one second a call, and one for each day and table read. Health shows what was really used.",
  );
  if (fittingHunts.size === costs.length) return 0;
  output.error(
    "Run the hunts that do not fit less often (schedule), over less time (lookBack), or write enabled: false.",
  );
  return 1;
}
