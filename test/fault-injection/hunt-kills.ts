/**
 * The hunt engine as it is shipped, killed with SIGKILL at each named point of a run, alone and beside a second live
 * instance. Of two instances whichever comes to the point first dies there, the other goes on; their claim is taken away
 * all the while, so that both work on the same windows.
 */
import { hourMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import type { RunningHost } from "../functions-host/run.ts";
import type { Judgement } from "./hunt-judgement.ts";
import { oneDeath, type Ground } from "./kill-trials.ts";
import { openTrial, runToEnd, startRun, type HuntTrial } from "./hunt-trial.ts";

/** Every point of a run, as research numbers them. */
export const killPoints = [
  "E1 head read",
  "E2 window planned",
  "E3 permit reserved",
  "E4 request sent",
  "E5 headers in",
  "E6 body parsed",
  "E7 completeness proven",
  "E8 window halved",
  "E9 known rows loaded",
  "E10 compressed",
  "E11 put sent",
  "E12 put acknowledged",
  "E13 head cache written",
  "E14 result message sent",
  "E15 continuation enqueued",
  "E16 before message delete",
  "C1 breaker opened",
  "R1 recount half done",
] as const;

/** What one killing has shown. */
export interface KillVerdict extends Judgement {
  readonly point: string;
  readonly instances: number;
  /** Whether a process really died there. */
  readonly died: boolean;
  readonly seconds: number;
}

export const survived = ({ died, lost, doubled, broken }: KillVerdict): boolean =>
  died && lost + doubled + broken.length === 0;

/** Kills one of so many instances at a point, then lets the rest and a fresh one finish. */
export async function killOnce(
  { root, storage }: Ground,
  point: string,
  instances: number,
): Promise<KillVerdict> {
  const startedMs = Date.now();
  const trial = await openTrial(storage, root);
  const death = oneDeath();
  try {
    const hosts = await Promise.all(
      Array.from({ length: instances }, () =>
        trial.host({ preload: death.preload, settings: death.at(point) }),
      ),
    );
    await killAt(trial, hosts, point, death.hasCome);
    trial.tenant.faults.clear();
    await runToEnd(await trial.host());
    const seconds = Math.round((Date.now() - startedMs) / secondMs);
    return { point, instances, died: death.hasCome(), ...(await trial.judge()), seconds };
  } finally {
    await trial.end();
    death.forget();
  }
}

/** Runs until an instance is dead: first with late rows held back, then with all of them there. */
async function killAt(
  trial: HuntTrial,
  hosts: readonly RunningHost[],
  point: string,
  isDead: () => boolean,
): Promise<void> {
  const { faults } = trial.tenant;
  const held = faults.add({ api: "hunting", kind: "late-rows", byMs: 2 * hourMs, count: null });
  // A run that failed goes on by message, be it after its own three tries or behind the breaker that others opened.
  if (point.startsWith("E15"))
    faults.add({ api: "hunting", kind: "failed", status: 503, count: 3 * hosts.length });
  if (point.startsWith("C1")) faults.add({ api: "hunting", kind: "failed", status: 503, count: 5 });
  const done = { yet: false };
  const claims = hosts.length > 1 ? dropClaims(trial, done) : undefined;
  for (let round = 0; round < 2 && !isDead(); round += 1) {
    const runs = point.startsWith("C1")
      ? pressOn(hosts, isDead)
      : Promise.all(hosts.map(runQuietly));
    await Promise.race([...hosts.map((one) => one.ended), runs]);
    // A late row is late only for a window that is there: from the second round on they have all arrived.
    faults.remove(held);
  }
  done.yet = true;
  await claims;
}

const runQuietly = (host: RunningHost): Promise<void> => runToEnd(host).catch(() => undefined);

/** Asks again: a run that failed waits a minute by itself. */
async function pressOn(hosts: readonly RunningHost[], isDead: () => boolean): Promise<void> {
  for (let asked = 0; asked < 6 && !isDead(); asked += 1) {
    await Promise.all(hosts.map((host) => startRun(host).catch(() => undefined)));
    await systemClock.sleep(5 * secondMs);
  }
}

async function dropClaims(trial: HuntTrial, done: { readonly yet: boolean }): Promise<void> {
  while (!done.yet) {
    await trial.dropClaim();
    await systemClock.sleep(20);
  }
}
