/**
 * The hunt engine as it is shipped, killed with SIGKILL at each named point of a run, alone and beside a second live
 * instance. Of two instances whichever comes to the point first dies there, the other goes on; their claim is taken away
 * all the while, so that both work on the same windows.
 */
import { hourMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import type { ExportCheck } from "./hunt-export-check.ts";
import { createKillSwitch, type TrialEnvironment } from "./kill-trials.ts";
import { startTrial, runToEnd, startRun, type HuntTrial } from "./hunt-trial.ts";

/** Every point of a run, as research numbers them. */
export const huntFailpoints = [
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
export interface HuntKillResult extends ExportCheck {
  readonly failpoint: string;
  readonly instances: number;
  /** Whether a process really died there. */
  readonly died: boolean;
  readonly seconds: number;
}

export const hasSurvived = ({ died, lost, duplicated, violations }: HuntKillResult): boolean =>
  died && lost + duplicated + violations.length === 0;

/** Kills one of so many instances at a point, then lets the rest and a fresh one finish. */
export async function killOnce(
  { root, storage }: TrialEnvironment,
  failpoint: string,
  instances: number,
): Promise<HuntKillResult> {
  const startedMs = Date.now();
  const trial = await startTrial(storage, root);
  const killSwitch = createKillSwitch();
  try {
    const hosts = await Promise.all(
      Array.from({ length: instances }, () =>
        trial.startHost({
          preload: killSwitch.preload,
          settings: killSwitch.settingsFor(failpoint),
        }),
      ),
    );
    await runUntilKilled(trial, hosts, failpoint, killSwitch.hasFired);
    trial.simulator.faults.clear();
    await runToEnd(await trial.startHost());
    const seconds = Math.round((Date.now() - startedMs) / secondMs);
    return {
      failpoint,
      instances,
      died: killSwitch.hasFired(),
      ...(await trial.checkExports()),
      seconds,
    };
  } finally {
    await trial.stop();
    killSwitch.remove();
  }
}

/** Runs until an instance is dead: first with late rows held back, then with all of them there. */
async function runUntilKilled(
  trial: HuntTrial,
  hosts: readonly RunningHost[],
  failpoint: string,
  isDead: () => boolean,
): Promise<void> {
  const { faults } = trial.simulator;
  const faultId = faults.add({ api: "hunting", kind: "late-rows", byMs: 2 * hourMs, count: null });
  // A run that failed goes on by message, be it after its own three tries or behind the breaker that others opened.
  if (failpoint.startsWith("E15"))
    faults.add({ api: "hunting", kind: "failed", status: 503, count: 3 * hosts.length });
  if (failpoint.startsWith("C1"))
    faults.add({ api: "hunting", kind: "failed", status: 503, count: 5 });
  const state = { isDone: false };
  const leaseDropping = hosts.length > 1 ? dropLeases(trial, state) : undefined;
  for (let round = 0; round < 2 && !isDead(); round += 1) {
    const runs = failpoint.startsWith("C1")
      ? startRepeatedly(hosts, isDead)
      : Promise.all(hosts.map(runQuietly));
    await Promise.race([...hosts.map((one) => one.exited), runs]);
    // A late row is late only for a window that is there: from the second round on they have all arrived.
    faults.remove(faultId);
  }
  state.isDone = true;
  await leaseDropping;
}

const runQuietly = (host: RunningHost): Promise<void> => runToEnd(host).catch(() => undefined);

/** Asks again: a run that failed waits a minute by itself. */
async function startRepeatedly(
  hosts: readonly RunningHost[],
  isDead: () => boolean,
): Promise<void> {
  for (let attempt = 0; attempt < 6 && !isDead(); attempt += 1) {
    await Promise.all(hosts.map((host) => startRun(host).catch(() => undefined)));
    await systemClock.sleep(5 * secondMs);
  }
}

async function dropLeases(trial: HuntTrial, state: { readonly isDone: boolean }): Promise<void> {
  while (!state.isDone) {
    await trial.dropLease();
    await systemClock.sleep(20);
  }
}
