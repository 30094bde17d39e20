/**
 * The suite of changes for hunts: schedules in which schema, format, errors, limits, credentials,
 * permissions and clocks change while one to three instances run and crash. Mutants are the app's
 * own source with one replacement, run in a process of their own.
 */
import { changeKinds } from "./hunt-changes.ts";
import {
  planSchedule,
  runSchedule,
  type ScheduleOptions,
  type ScheduleResult,
  type ScheduleShape,
} from "./hunt-model.ts";
import { changeMutants } from "./hunt-change-mutants.ts";
import { countCaughtMutants } from "./source-mutants.ts";

const countFaults = ({ lost, duplicated, violations }: ScheduleResult): number =>
  lost.length + duplicated.length + violations.length;

/** Runs the schedule of a seed with changes; an error counts as a violation. */
const runChangeSchedule = (
  seed: number,
  shape: ScheduleOptions["shape"] = {},
): Promise<ScheduleResult> =>
  runSchedule(seed, {}, { hasChanges: true, shape }).catch((error: unknown): ScheduleResult => ({
    seed,
    lost: [],
    duplicated: [],
    violations: [String(error)],
    exports: 0,
    crashes: [],
    stepCount: 0,
  }));

/** Returns the first seed whose schedule with changes fails. */
export async function findFailingSeed(from: number, to: number): Promise<number | undefined> {
  for (let seed = from; seed <= to; seed += 1)
    if (countFaults(await runChangeSchedule(seed)) > 0) return seed;
  return undefined;
}

/** Simplifications of a schedule, the greatest first. */
function simplify(shape: ScheduleShape): readonly Partial<ScheduleShape>[] {
  const { changes = [] } = shape;
  return [
    ...changes.map((_, index) => ({ changes: changes.toSpliced(index, 1) })),
    { crashRate: 0 },
    { lostRate: 0 },
    { laterRate: 0 },
    { losesCache: false },
    { newQueryAtMs: undefined },
    { usesLease: true },
    { lateShare: 0 },
    { skewMs: 0 },
    ...(shape.runners > 1 ? [{ runners: shape.runners - 1 }] : []),
    ...(shape.hours > 4 ? [{ hours: shape.hours - 3 }] : []),
    { format: "ndjson" as const },
    ...changes.flatMap((change, index) =>
      change.lasts === "forAWhile"
        ? []
        : [{ changes: changes.with(index, { ...change, lasts: "forAWhile" as const }) }],
    ),
  ];
}

/** Returns the smallest shape found in which the schedule of a seed still fails. */
async function shrinkSchedule(seed: number): Promise<ScheduleShape> {
  let smallest = planSchedule(seed, { hasChanges: true });
  for (let hasShrunk = true; hasShrunk;) {
    hasShrunk = false;
    for (const change of simplify(smallest)) {
      const candidate = { ...smallest, ...change };
      if (JSON.stringify(candidate) === JSON.stringify(smallest)) continue;
      if (countFaults(await runChangeSchedule(seed, candidate)) === 0) continue;
      smallest = candidate;
      hasShrunk = true;
      break;
    }
  }
  return smallest;
}

type PrintLine = (line: string) => void;

/** @returns true when every schedule held and every mutant was caught */
export async function checkHuntChanges(
  [from, to]: readonly [number, number],
  printLine: PrintLine,
): Promise<boolean> {
  const total = to - from + 1;
  const tally = { survived: 0, lost: 0, duplicated: 0, violations: 0 };
  const plays = new Map<string, number>();
  for (let seed = from; seed <= to; seed += 1) {
    const result = await runChangeSchedule(seed);
    countPlays(plays, planSchedule(seed, { hasChanges: true }));
    tally.lost += result.lost.length;
    tally.duplicated += result.duplicated.length;
    tally.violations += result.violations.length;
    if (countFaults(result) === 0) tally.survived += 1;
    else await printFailure(result, printLine);
  }
  for (const [group, kinds] of Object.entries(changeKinds))
    printLine(`  ${group}: ${kinds.map((kind) => `${kind} ${plays.get(kind) ?? 0}`).join(", ")}`);
  printLine(
    `  ${[...plays]
      .filter(([name]) => name.includes(" "))
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")}`,
  );
  const caught = await countCaughtMutants(
    "hunt-change-suite.ts",
    changeMutants,
    maxMutantSeed,
    printLine,
  );
  const mutantCount = Object.keys(changeMutants).length;
  printLine(
    [
      `change: hunt schedules ${tally.survived} of ${total}`,
      `rows lost ${tally.lost}`,
      `duplicated ${tally.duplicated}`,
      `other violations ${tally.violations}`,
      `mutants caught ${caught} of ${mutantCount}`,
    ].join(" · "),
  );
  return tally.survived === total && caught === mutantCount;
}

function countPlays(plays: Map<string, number>, shape: ScheduleShape): void {
  const { changes = [], format, runners } = shape;
  const names = [
    ...changes.map(({ kind }) => kind),
    ...changes.map(({ lasts }) => `lasts ${lasts}`),
    ...changes.map(({ begins }) => ("step" in begins ? "at a step" : "at an instant")),
    `as ${format}`,
    `with ${runners} instances`,
  ];
  for (const name of names) plays.set(name, (plays.get(name) ?? 0) + 1);
}

async function printFailure(result: ScheduleResult, printLine: PrintLine): Promise<void> {
  const { seed, lost, duplicated, violations } = result;
  printLine(
    `seed ${seed}: lost ${lost.length}, doubled ${duplicated.length}, ${violations.slice(0, 3).join("; ")}`,
  );
  printLine(`  smallest: ${JSON.stringify(await shrinkSchedule(seed))}`);
}

/** A mutant must be caught within this many schedules. */
const maxMutantSeed = 500;
