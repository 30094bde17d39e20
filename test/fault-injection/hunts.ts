/**
 * The long suite for hunts: thousands of schedules of the module, mutants that must be caught, and
 * the built app killed at each failpoint, alone and with a second instance.
 */
import { huntFaults, runHuntFault } from "./hunt-faults.ts";
import { killOnce, huntFailpoints, hasSurvived, type HuntKillResult } from "./hunt-kills.ts";
import { runSchedule, type HuntMutant, type ScheduleResult } from "./hunt-model.ts";
import { huntMutants } from "./hunt-mutants.ts";
import { checkHuntPace } from "./hunt-pace.ts";
import { startSharedSimulator } from "./hunt-platform.ts";
import { createTrialRoot } from "./hunt-trial.ts";
import { runTrials } from "./kill-trials.ts";

type PrintLine = (line: string) => void;

/** The result of one part of the suite. */
interface Tally {
  readonly survived: number;
  readonly total: number;
  readonly lost: number;
  readonly duplicated: number;
}

const sumOf = <T>(all: readonly T[], toNumber: (one: T) => number): number =>
  all.reduce((total, one) => total + toNumber(one), 0);

/** What to run. */
export interface HuntCheckOptions {
  /** The first and the last schedule. */
  readonly seeds: readonly [number, number];
  /** Prefixes of the faults' ids and of the failpoints' names. */
  readonly faultIds: readonly string[];
  readonly failpoints: readonly string[];
  /** How many trials with processes run in parallel. */
  readonly parallelism: number;
  /** True to measure the quota of four hosts. */
  readonly shouldCheckPace: boolean;
}

/** @returns true when everything held */
export async function checkHunts(
  options: HuntCheckOptions,
  printLine: PrintLine,
): Promise<boolean> {
  const startedMs = Date.now();
  const schedules = await runSchedules(options.seeds, printLine);
  const missedCount = await countMissedMutants(printLine);
  const faultTally = await runHuntFaults(options.faultIds, printLine);
  const killResults = await killAtFailpoints(options.failpoints, options.parallelism, printLine);
  const hasKeptPace = options.shouldCheckPace ? await checkHuntPace(printLine) : true;
  const tallies = [
    schedules,
    faultTally,
    ...[1, 2].map((instances) =>
      tallyKills(killResults.filter((one) => one.instances === instances)),
    ),
  ];
  const [alone, paired] = tallies.slice(2).map((one) => `${one.survived} of ${one.total}`);
  const mutantCount = Object.keys(huntMutants).length;
  printLine(
    [
      `hunts: faults survived ${faultTally.survived} of ${faultTally.total}`,
      `schedules ${schedules.survived} of ${schedules.total}`,
      `kill points ${alone} alone, ${paired} beside a second instance`,
      `rows lost ${sumOf(tallies, ({ lost }) => lost)}`,
      `duplicated ${sumOf(tallies, ({ duplicated }) => duplicated)}`,
      `mutants caught ${mutantCount - missedCount} of ${mutantCount}`,
      `${Math.round((Date.now() - startedMs) / 1_000)} s`,
    ].join(" · "),
  );
  return hasKeptPace && missedCount === 0 && tallies.every((one) => one.survived === one.total);
}

const countViolations = ({ lost, duplicated, violations }: ScheduleResult): number =>
  lost.length + duplicated.length + violations.length;

async function runSchedules(
  [from, to]: readonly [number, number],
  printLine: PrintLine,
): Promise<Tally> {
  const tally = { survived: 0, total: 0, lost: 0, duplicated: 0 };
  const crashesAt = new Map<string, number>();
  for (let seed = from; seed <= to; seed += 1) {
    tally.total += 1;
    const result = await runSchedule(seed).catch((error: unknown) =>
      printLine(`seed ${seed}: ${String(error)}`),
    );
    if (!result) continue;
    // `life-7 commit, answered` is a crash at `commit, answered`.
    for (const crash of result.crashes) {
      const location = crash.slice(crash.indexOf(" ") + 1);
      crashesAt.set(location, (crashesAt.get(location) ?? 0) + 1);
    }
    tally.lost += result.lost.length;
    tally.duplicated += result.duplicated.length;
    if (countViolations(result) === 0) tally.survived += 1;
    else
      printLine(
        `seed ${seed}: lost ${result.lost.length}, doubled ${result.duplicated.length}, ${result.violations.join("; ")}`,
      );
  }
  printLine("Deaths at the named points of a run:");
  for (const [location, count] of [...crashesAt].toSorted(([a], [b]) => a.localeCompare(b)))
    if (/^[ER]\d/.test(location)) printLine(`  ${location.padEnd(28)} ${count}`);
  return tally;
}

/** Runs each fault of the table on one simulator, one after another. */
async function runHuntFaults(prefixes: readonly string[], printLine: PrintLine): Promise<Tally> {
  const tally = { survived: 0, total: 0, lost: 0, duplicated: 0 };
  const shared = await startSharedSimulator();
  for (const fault of huntFaults.filter(({ id }) =>
    prefixes.some((prefix) => id.startsWith(prefix)),
  )) {
    const { violations, duplicated, lost } = await runHuntFault(shared, fault).catch(
      (error: unknown) => ({
        lost: 0,
        duplicated: 0,
        violations: [String(error)],
      }),
    );
    const hasSurvived = lost + duplicated + violations.length === 0;
    tally.total += 1;
    tally.survived += hasSurvived ? 1 : 0;
    tally.lost += lost;
    tally.duplicated += duplicated;
    printLine(
      `${hasSurvived ? "survived" : "BROKEN"} ${fault.id} ${fault.title}${hasSurvived ? "" : `: ${lost} lost, ${duplicated} doubled; ${violations.join("; ")}`}`,
    );
  }
  await shared.stop();
  return tally;
}

async function countMissedMutants(printLine: PrintLine): Promise<number> {
  let missedCount = 0;
  for (const [name, mutant] of Object.entries<HuntMutant>(huntMutants)) {
    const seed = await findCatchingSeed(mutant, 500);
    if (seed === undefined) missedCount += 1;
    printLine(
      `mutant ${seed === undefined ? "MISSED" : "caught"}: ${name}${seed === undefined ? "" : ` (seed ${seed})`}`,
    );
  }
  return missedCount;
}

async function findCatchingSeed(mutant: HuntMutant, maxSeed: number): Promise<number | undefined> {
  for (let seed = 1; seed <= maxSeed; seed += 1) {
    const isCaught = await runSchedule(seed, mutant).then(
      (result) => countViolations(result) > 0,
      () => true,
    );
    if (isCaught) return seed;
  }
  return undefined;
}

/** Runs each failpoint once alone and once with two instances. */
async function killAtFailpoints(
  prefixes: readonly string[],
  parallelism: number,
  printLine: PrintLine,
): Promise<readonly HuntKillResult[]> {
  const failpoints = huntFailpoints.filter((failpoint) =>
    prefixes.some((prefix) => failpoint.startsWith(prefix)),
  );
  const trials = failpoints.flatMap((failpoint) =>
    [1, 2].map((instances) => ({ failpoint, instances })),
  );
  const results: HuntKillResult[] = [];
  await runTrials(
    trials,
    { parallelism, app: createTrialRoot() },
    async ({ failpoint, instances }, environment) => {
      const result = await killOnce(environment, failpoint, instances).catch((error: unknown) =>
        toFailedResult(failpoint, instances, error),
      );
      results.push(result);
      printLine(formatResult(result));
    },
  );
  return results;
}

const toFailedResult = (failpoint: string, instances: number, error: unknown): HuntKillResult => ({
  failpoint,
  instances,
  died: false,
  rows: 0,
  lost: 0,
  duplicated: 0,
  violations: [String(error)],
  seconds: 0,
});

const formatResult = ({
  violations,
  died,
  duplicated,
  instances,
  lost,
  failpoint,
  rows,
  seconds,
}: HuntKillResult): string =>
  `${died ? "killed at" : "NEVER REACHED"} ${failpoint}, ${instances} alive: ${rows} rows, ${lost} lost, ${duplicated} doubled` +
  `, ${seconds} s${violations.length > 0 ? ` BROKEN ${violations.join("; ")}` : ""}`;

const tallyKills = (results: readonly HuntKillResult[]): Tally => ({
  survived: results.filter(hasSurvived).length,
  total: results.length,
  lost: sumOf(results, ({ lost }) => lost),
  duplicated: sumOf(results, ({ duplicated }) => duplicated),
});
