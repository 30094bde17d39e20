/**
 * The long form of what is promised of hunts: thousands of schedules of the room, the broken variants that must be
 * caught, and the built app killed at each named point, alone and beside a second instance.
 */
import { faults, surviveFault } from "./hunt-faults.ts";
import { killOnce, killPoints, survived, type KillVerdict } from "./hunt-kills.ts";
import { playSchedule, type Mutant, type Verdict } from "./hunt-model.ts";
import { huntMutants } from "./hunt-mutants.ts";
import { promisePace } from "./hunt-pace.ts";
import { openStage } from "./hunt-platform.ts";
import { trialRoot } from "./hunt-trial.ts";
import { inTrials } from "./kill-trials.ts";

type Say = (line: string) => void;

/** What part of the suite has shown. */
interface Tally {
  readonly survived: number;
  readonly of: number;
  readonly lost: number;
  readonly doubled: number;
}

const sum = <T>(all: readonly T[], of: (one: T) => number): number =>
  all.reduce((total, one) => total + of(one), 0);

/** What to play. */
export interface HuntPromises {
  /** The first and the last schedule. */
  readonly seeds: readonly [number, number];
  /** Beginnings of the faults' ids, and of the points' names. */
  readonly faults: readonly string[];
  readonly kills: readonly string[];
  /** How many trials with processes run side by side. */
  readonly atOnce: number;
  /** Whether four hosts show that they keep a quota. */
  readonly hosts: boolean;
}

/** @returns whether everything held */
export async function promiseHunts(options: HuntPromises, say: Say): Promise<boolean> {
  const startedMs = Date.now();
  const played = await playAll(options.seeds, say);
  const missed = await missedMutants(say);
  const survivedFaults = await playFaults(options.faults, say);
  const kills = await killEverywhere(options.kills, options.atOnce, say);
  const pace = options.hosts ? await promisePace(say) : true;
  const parts = [
    played,
    survivedFaults,
    ...[1, 2].map((instances) => tallyOf(kills.filter((one) => one.instances === instances))),
  ];
  const [alone, beside] = parts.slice(2).map((one) => `${one.survived} of ${one.of}`);
  const mutants = Object.keys(huntMutants).length;
  say(
    [
      `hunts: faults survived ${survivedFaults.survived} of ${survivedFaults.of}`,
      `schedules ${played.survived} of ${played.of}`,
      `kill points ${alone} alone, ${beside} beside a second instance`,
      `rows lost ${sum(parts, ({ lost }) => lost)}`,
      `duplicated ${sum(parts, ({ doubled }) => doubled)}`,
      `mutants caught ${mutants - missed} of ${mutants}`,
      `${Math.round((Date.now() - startedMs) / 1_000)} s`,
    ].join(" · "),
  );
  return pace && missed === 0 && parts.every((one) => one.survived === one.of);
}

const faultsOf = ({ lost, doubled, broken }: Verdict): number =>
  lost.length + doubled.length + broken.length;

async function playAll([from, to]: readonly [number, number], say: Say): Promise<Tally> {
  const tally = { survived: 0, of: 0, lost: 0, doubled: 0 };
  const deathsAt = new Map<string, number>();
  for (let seed = from; seed <= to; seed += 1) {
    tally.of += 1;
    const verdict = await playSchedule(seed).catch((error: unknown) =>
      say(`seed ${seed}: ${String(error)}`),
    );
    if (!verdict) continue;
    // `life-7 commit, answered` is a death at `commit, answered`.
    for (const death of verdict.deaths) {
      const place = death.slice(death.indexOf(" ") + 1);
      deathsAt.set(place, (deathsAt.get(place) ?? 0) + 1);
    }
    tally.lost += verdict.lost.length;
    tally.doubled += verdict.doubled.length;
    if (faultsOf(verdict) === 0) tally.survived += 1;
    else
      say(
        `seed ${seed}: lost ${verdict.lost.length}, doubled ${verdict.doubled.length}, ${verdict.broken.join("; ")}`,
      );
  }
  say("Deaths at the named points of a run:");
  for (const [place, deaths] of [...deathsAt].toSorted(([a], [b]) => a.localeCompare(b)))
    if (/^[ER]\d/.test(place)) say(`  ${place.padEnd(28)} ${deaths}`);
  return tally;
}

/** Each fault of the table on one stage, one after another. */
async function playFaults(chosen: readonly string[], say: Say): Promise<Tally> {
  const tally = { survived: 0, of: 0, lost: 0, doubled: 0 };
  const stage = await openStage();
  for (const fault of faults.filter(({ id }) => chosen.some((start) => id.startsWith(start)))) {
    const { broken, doubled, lost } = await surviveFault(stage, fault).catch((error: unknown) => ({
      lost: 0,
      doubled: 0,
      broken: [String(error)],
    }));
    const held = lost + doubled + broken.length === 0;
    tally.of += 1;
    tally.survived += held ? 1 : 0;
    tally.lost += lost;
    tally.doubled += doubled;
    say(
      `${held ? "survived" : "BROKEN"} ${fault.id} ${fault.title}${held ? "" : `: ${lost} lost, ${doubled} doubled; ${broken.join("; ")}`}`,
    );
  }
  await stage.end();
  return tally;
}

async function missedMutants(say: Say): Promise<number> {
  let missed = 0;
  for (const [name, mutant] of Object.entries<Mutant>(huntMutants)) {
    const seed = await firstRed(mutant, 500);
    if (seed === undefined) missed += 1;
    say(
      `mutant ${seed === undefined ? "MISSED" : "caught"}: ${name}${seed === undefined ? "" : ` (seed ${seed})`}`,
    );
  }
  return missed;
}

async function firstRed(mutant: Mutant, most: number): Promise<number | undefined> {
  for (let seed = 1; seed <= most; seed += 1) {
    const isRed = await playSchedule(seed, mutant).then(
      (verdict) => faultsOf(verdict) > 0,
      () => true,
    );
    if (isRed) return seed;
  }
  return undefined;
}

/** Each point once alone and once with two instances. */
async function killEverywhere(
  chosen: readonly string[],
  atOnce: number,
  say: Say,
): Promise<readonly KillVerdict[]> {
  const points = killPoints.filter((point) => chosen.some((start) => point.startsWith(start)));
  const trials = points.flatMap((point) => [1, 2].map((instances) => ({ point, instances })));
  const verdicts: KillVerdict[] = [];
  await inTrials(trials, { atOnce, app: trialRoot() }, async ({ point, instances }, ground) => {
    const verdict = await killOnce(ground, point, instances).catch((error: unknown) =>
      brokenOff(point, instances, error),
    );
    verdicts.push(verdict);
    say(inWords(verdict));
  });
  return verdicts;
}

const brokenOff = (point: string, instances: number, error: unknown): KillVerdict => ({
  point,
  instances,
  died: false,
  rows: 0,
  lost: 0,
  doubled: 0,
  broken: [String(error)],
  seconds: 0,
});

const inWords = ({
  broken,
  died,
  doubled,
  instances,
  lost,
  point,
  rows,
  seconds,
}: KillVerdict): string =>
  `${died ? "killed at" : "NEVER REACHED"} ${point}, ${instances} alive: ${rows} rows, ${lost} lost, ${doubled} doubled` +
  `, ${seconds} s${broken.length > 0 ? ` BROKEN ${broken.join("; ")}` : ""}`;

const tallyOf = (kills: readonly KillVerdict[]): Tally => ({
  survived: kills.filter(survived).length,
  of: kills.length,
  lost: sum(kills, ({ lost }) => lost),
  doubled: sum(kills, ({ doubled }) => doubled),
});
