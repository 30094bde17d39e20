/**
 * `npm run promises`: the long form of the promise tests. Plays thousands of schedules of the hunts room, shows that each
 * broken variant is caught, kills the built app at each named point, alone and beside a second instance, and prints one
 * line for the suite. `--seeds 1-20000` chooses the schedules, `--kills E9` the points whose names begin so, `--kills no`
 * none. Needs `npm run build` first.
 */
import { parseArgs } from "node:util";
import { promiseAlerts } from "./alerts.ts";
import { promiseFiles } from "./files.ts";
import { killEverywhere, killPoints } from "./hunt-kills.ts";
import { huntMutants } from "./hunt-mutants.ts";
import { playSchedule, type Mutant, type Verdict } from "./hunt-model.ts";

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "1-2000" }, kills: { type: "string", default: "" } },
});
const [from = 1, to = 2_000] = values.seeds.split("-").map(Number);

interface Tally {
  schedules: number;
  survived: number;
  lost: number;
  doubled: number;
  readonly deathsAt: Map<string, number>;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const faultsOf = ({ lost, doubled, broken }: Verdict): number => lost.length + doubled.length + broken.length;

/** `life-7 commit, answered` → `commit, answered`. */
const placeOf = (death: string): string => death.slice(death.indexOf(" ") + 1);

async function playAll(): Promise<Tally> {
  const tally: Tally = { schedules: 0, survived: 0, lost: 0, doubled: 0, deathsAt: new Map() };
  for (let seed = from; seed <= to; seed += 1) {
    tally.schedules += 1;
    const verdict = await playSchedule(seed).catch((error: unknown) => say(`seed ${seed}: ${String(error)}`));
    if (!verdict) continue;
    for (const place of verdict.deaths.map(placeOf)) tally.deathsAt.set(place, (tally.deathsAt.get(place) ?? 0) + 1);
    tally.lost += verdict.lost.length;
    tally.doubled += verdict.doubled.length;
    if (faultsOf(verdict) === 0) tally.survived += 1;
    else
      say(`seed ${seed}: lost ${verdict.lost.length}, doubled ${verdict.doubled.length}, ${verdict.broken.join("; ")}`);
  }
  return tally;
}

async function caught(mutant: Mutant, most: number): Promise<number | undefined> {
  for (let seed = 1; seed <= most; seed += 1)
    if (
      await playSchedule(seed, mutant).then(
        (verdict) => faultsOf(verdict) > 0,
        () => true,
      )
    )
      return seed;
  return undefined;
}

const startedMs = Date.now();
const tally = await playAll();
const points = [...tally.deathsAt].filter(([place]) => /^E\d/.test(place)).toSorted(([a], [b]) => a.localeCompare(b));
say("Deaths at the named points of a run:");
for (const [point, deaths] of points) say(`  ${point.padEnd(28)} ${deaths}`);

let missed = 0;
for (const [name, mutant] of Object.entries(huntMutants)) {
  const seed = await caught(mutant, 500);
  if (seed === undefined) missed += 1;
  say(`mutant ${seed === undefined ? "MISSED" : "caught"}: ${name}${seed === undefined ? "" : ` (seed ${seed})`}`);
}

const chosen = killPoints.filter((point) => point.startsWith(values.kills));
const kills = await killEverywhere(chosen, ({ point, instances, died, rows, lost, doubled, broken }) =>
  say(
    `${died ? "killed at" : "NEVER REACHED"} ${point}, ${instances} alive: ${rows} rows, ${lost} lost, ${doubled} doubled ${broken.join("; ")}`,
  ),
);
const survivedKills = kills.filter(({ died, lost, doubled, broken }) => died && lost + doubled + broken.length === 0);

const mutants = Object.keys(huntMutants).length;
const sum = (of: (one: (typeof kills)[number]) => number): number => kills.reduce((all, one) => all + of(one), 0);
say(
  [
    `hunts: faults survived ${tally.survived} of ${tally.schedules}`,
    `kill points ${survivedKills.length} of ${kills.length}`,
    `rows lost ${tally.lost + sum(({ lost }) => lost)}`,
    `duplicated ${tally.doubled + sum(({ doubled }) => doubled)}`,
    `mutants caught ${mutants - missed} of ${mutants}`,
    `${Math.round((Date.now() - startedMs) / 1_000)} s`,
  ].join(" · "),
);
const huntsHeld = tally.survived === tally.schedules && missed === 0 && survivedKills.length === kills.length;
const alertsHeld = await promiseAlerts(Math.min(to - from + 1, 2_000), say);
const filesHeld = await promiseFiles(say);
process.exitCode = huntsHeld && alertsHeld && filesHeld ? 0 : 1;
