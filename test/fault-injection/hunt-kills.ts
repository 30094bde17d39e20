/**
 * Kills the shipped app with SIGKILL at each failpoint of a run, alone and with a second instance.
 * Of two instances the first to pass the failpoint dies and the other continues. Their lease is
 * deleted all the time, so that both work on the same windows.
 */
import { hourMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import type { RunningHost } from "../functions-host/run-host.ts";
import type { ExportCheck } from "./hunt-export-check.ts";
import { createKillSwitch, type TrialEnvironment } from "./kill-trials.ts";
import { startTrial, runToEnd, startRun, type HuntTrial } from "./hunt-trial.ts";

/** Every failpoint of a run. */
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

/** The result of one trial. */
export interface HuntKillResult extends ExportCheck {
  readonly failpoint: string;
  readonly instances: number;
  /** True when a process died at the failpoint. */
  readonly died: boolean;
  readonly seconds: number;
}

export const hasSurvived = ({ died, lost, duplicated, violations }: HuntKillResult): boolean =>
  died && lost + duplicated + violations.length === 0;

/** Kills one instance at a failpoint, then lets the others and a new one finish. */
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

/** Runs until an instance is dead: first without the late rows, then with all of them. */
async function runUntilKilled(
  trial: HuntTrial,
  hosts: readonly RunningHost[],
  failpoint: string,
  isDead: () => boolean,
): Promise<void> {
  const { faults } = trial.simulator;
  const faultId = faults.add({ api: "hunting", kind: "late-rows", byMs: 2 * hourMs, count: null });
  // A failed run continues with its next message, after its own retries or an open breaker.
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
    // A late row needs an exported window: all late rows arrive from the second round on.
    faults.remove(faultId);
  }
  state.isDone = true;
  await leaseDropping;
}

const runQuietly = (host: RunningHost): Promise<void> => runToEnd(host).catch(() => undefined);

/** Requests another run: a failed one waits a minute. */
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
