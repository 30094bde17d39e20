/** Shared parts of the kill tests: a SIGKILL that happens once, and parallel trials. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { createAppRoot } from "../support/app-root.ts";
import { startAzurite } from "../support/azurite.ts";

/** Kills the first armed host that reaches the failpoint. */
export interface KillSwitch {
  /** Preload option of `runHost`. */
  readonly preload: readonly string[];
  /** Settings of a host that dies at `failpoint` after `passes` passes. */
  readonly settingsFor: (failpoint: string, passes?: number) => Readonly<Record<string, string>>;
  readonly hasFired: () => boolean;
  readonly remove: () => void;
}

export function createKillSwitch(): KillSwitch {
  const folder = mkdtempSync(join(tmpdir(), "huntline-kill-"));
  const ticket = join(folder, "ticket");
  return {
    preload: [resolve(import.meta.dirname, "kill-preload.ts")],
    settingsFor: (failpoint, passes = 0) => ({
      KILL_AT: failpoint,
      KILL_TICKET: ticket,
      KILL_PASSES: String(passes),
    }),
    hasFired: () => existsSync(ticket),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * A storage account used by one trial, and a bundle folder that no build replaces during the
 * trials.
 */
export interface TrialEnvironment {
  readonly storage: string;
  readonly root: string;
}

/**
 * Runs the trials, `parallelism` at a time, because a trial mostly waits. Removes the app's folder
 * at the end.
 */
export async function runTrials<T>(
  trials: readonly T[],
  options: { readonly parallelism: number; readonly app: ReturnType<typeof createAppRoot> },
  runTrial: (trial: T, environment: TrialEnvironment) => Promise<void>,
): Promise<void> {
  const remaining = trials.values();
  const runWorker = async (): Promise<void> => {
    for (const trial of remaining) {
      // A new account for each trial: with many blobs Azurite becomes too slow for the trial's
      // deadlines.
      const azurite = await startAzurite();
      try {
        await runTrial(trial, { storage: azurite.connectionString(), root: options.app.root });
      } finally {
        await azurite.stop();
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: options.parallelism }, runWorker));
  } finally {
    options.app.remove();
  }
}
