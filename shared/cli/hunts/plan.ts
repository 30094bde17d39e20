/** `npm run hunts -- plan`: estimates the hunting quota that the enabled hunts use in an hour. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { compileCatalog } from "../../kql/compile/compile-catalog.ts";
import { formatSuggestion } from "../../runtime/suggest-word.ts";
import { dayMs, hourMs } from "../../runtime/time.ts";
import { formatProblem } from "./check.ts";
import { UsageError } from "../command-line.ts";
import { formatTable, type Output } from "../output.ts";

/** What a back-end allows a tenant in an hour; half of it stays free for people. */
interface QuotaLimits {
  readonly api: string;
  readonly callsPerHour: number;
  readonly runTimeSeconds: number;
}

/**
 * Calls: at least 45 a minute on Graph, 1,500 an hour on the others. Run time: 10 and 15 minutes an
 * hour. Graph publishes no run time, so the smallest limit of the others is assumed.
 */
const quotaLimits: readonly QuotaLimits[] = [
  { api: "graph", callsPerHour: 2_700, runTimeSeconds: 600 },
  { api: "defender", callsPerHour: 1_500, runTimeSeconds: 600 },
  { api: "legacy", callsPerHour: 1_500, runTimeSeconds: 900 },
];
const quotaShare = 0.5;

/** What one hunt uses in an hour. */
export interface HuntCost {
  readonly name: string;
  readonly calls: number;
  readonly runTimeSeconds: number;
}

/**
 * Estimates a hunt whose results fit one call. A window needs two calls: its rows, and a recount of
 * what may still get late rows. A snapshot needs one. Run time is a rule of thumb: one second a
 * call, and one for each day and table it reads.
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

/** Returns the hunts that fit the limits, those with the shortest run time first. */
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

/** A tenant whose quota is planned; each tenant has a quota of its own. */
export interface PlannedTenant {
  readonly name: string;
  readonly api: string;
  readonly runsHunt: (hunt: CompiledHunt) => boolean;
}

/** @throws UsageError */
function findLimits(api: string): QuotaLimits {
  const limits = quotaLimits.find((one) => one.api === api);
  if (limits) return limits;
  const apis = quotaLimits.map((one) => one.api);
  throw new UsageError(
    `--api must be one of ${apis.join(", ")}; it is "${api}".${formatSuggestion(api, apis)}`,
  );
}

/** Prints the plan of each tenant. Returns 1 when a hunt does not fit or the catalog is invalid. */
export function planHunts(
  folder: string,
  tenants: readonly PlannedTenant[],
  output: Output,
): number {
  const limits = new Map(tenants.map(({ api }) => [api, findLimits(api)]));
  const compiled = compileCatalog(folder);
  if ("problems" in compiled) {
    for (const problem of compiled.problems) output.error(formatProblem(problem));
    output.error("Fix these hunts first; npm run hunts checks them.");
    return 1;
  }
  const hunts = compiled.catalog.hunts.filter(({ enabled }) => enabled);
  const codes = tenants.map(({ api, name, runsHunt }) => {
    if (tenants.length > 1) output.line(`tenant ${name}`);
    const costs = hunts.filter(runsHunt).map(estimateCost);
    return printPlan(costs, limits.get(api) ?? findLimits(api), output);
  });
  return Math.max(...codes);
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
    fittingHunts.has(name) ? "yes" : "no",
  ]);
  const formatSum = (of: (cost: HuntCost) => number): string =>
    costs.reduce((total, cost) => total + of(cost), 0).toFixed(1);
  for (const line of formatTable(["hunt", "calls/h", "run time s/h", "fits"], rows))
    output.line(line);
  const [calls, seconds] = [callsPerHour * quotaShare, runTimeSeconds * quotaShare];
  output.line(
    `total: ${formatSum((cost) => cost.calls)} of ${calls} calls and` +
      ` ${formatSum((cost) => cost.runTimeSeconds)} of ${seconds} s an hour on ${api}` +
      " (half of the quota stays free for people).",
  );
  output.line("Run time is an estimate: one second a call, and one for each day and table read.");
  if (fittingHunts.size === costs.length) return 0;
  output.error(
    "For the hunts that do not fit: choose a rarer schedule, a shorter lookBack or enabled: false.",
  );
  return 1;
}
