/**
 * The long form of what is promised of verdicts: many schedules, the mutants, 100,000 random requests, ten thousand
 * single-alert messages, every record of an audit chain changed, and the built app killed at each named point.
 */
import { sendSingles, verdictBench } from "../support/alert-harness.ts";
import { killAlerts } from "./alert-kills.ts";
import { alertMutants, playVerdicts, verdictsHold } from "./alert-model.ts";
import { blastGuard } from "./alert-requests.ts";
import { auditTampering } from "./audit-tampering.ts";

/** What to play. */
export interface AlertPromises {
  readonly schedules: number;
  /** Beginnings of the kill points' names. */
  readonly kills: readonly string[];
  /** How many trials with processes run side by side. */
  readonly atOnce: number;
}

/** How a load of single-alert messages went out. */
interface Load {
  readonly calls: number;
  readonly closed: number;
  readonly busiestMinute: number;
  readonly seconds: number;
}

const messages = 10_000;

async function load(instances: number, groups: number): Promise<Load> {
  const { clock, queues, work, world } = verdictBench(messages);
  const startMs = clock.now();
  await sendSingles(queues, messages, groups);
  await clock.run(work(instances));
  const closes = world.calls.filter(({ kind }) => kind === "close");
  const lastMs = Math.max(...closes.map(({ atMs }) => atMs));
  return {
    calls: closes.length,
    closed: world.closes.size,
    busiestMinute: world.busiestMinute(),
    seconds: (lastMs - startMs) / 1_000,
  };
}

/** @returns whether everything held */
export async function promiseAlerts(
  { atOnce, kills, schedules }: AlertPromises,
  say: (line: string) => void,
): Promise<boolean> {
  let survived = 0;
  let flips = 0;
  for (let seed = 1; seed <= schedules; seed += 1) {
    const history = await playVerdicts(seed);
    flips += history.flips;
    if (verdictsHold(history)) survived += 1;
    else say(`alerts, seed ${seed}: ${JSON.stringify(history)}`);
  }
  let caught = 0;
  for (const [name, mutant] of Object.entries(alertMutants)) {
    let seed = 1;
    while (seed <= 200 && verdictsHold(await playVerdicts(seed, mutant))) seed += 1;
    if (seed <= 200) caught += 1;
    say(`mutant ${seed <= 200 ? `caught: ${name} (seed ${seed})` : `MISSED: ${name}`}`);
  }
  // Thirty calls a minute: ten thousand alerts in hundreds take three minutes, and a tenth more is allowed.
  const boundSeconds = (Math.ceil(messages / 100 / 30) - 1) * 60 * 1.1;
  let loads = true;
  for (const [instances, groups] of [
    [1, 1],
    [4, 1],
    [4, 10],
  ] as const) {
    const { busiestMinute, calls, closed, seconds } = await load(instances, groups);
    const good =
      calls <= 110 && closed === messages && busiestMinute <= 30 && seconds <= boundSeconds;
    loads &&= good;
    say(
      `${messages} messages, ${instances} instances, ${groups} groups: ${calls} calls, ${closed} closed, ${busiestMinute} in the busiest minute, ${seconds} s${good ? "" : " NOT GOOD"}`,
    );
  }
  const mutants = Object.keys(alertMutants).length;
  say(
    `alerts: schedules survived ${survived} of ${schedules} · verdict flips ${flips} · mutants caught ${caught} of ${mutants}`,
  );
  const requests = await blastGuard(100_000, 1);
  say(
    `X35: ${requests.requests} random requests, ${requests.calls} calls, ${requests.strays} of them wrong, ${requests.seconds} s`,
  );
  const tampering = await auditTampering(1_000);
  say(
    `X34: ${tampering.tried} changes to 1,000 audit records, ${tampering.found} found at the right index, ${tampering.seconds} s`,
  );
  const killed = await killAlerts(kills, atOnce, say);
  const sound = requests.strays === 0 && tampering.found === tampering.tried;
  return survived === schedules && caught === mutants && loads && sound && killed;
}
