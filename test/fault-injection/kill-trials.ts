/** What every killing with SIGKILL needs: a death that happens once, and trials side by side. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { createAppRoot } from "../support/app-root.ts";
import { startAzurite } from "../support/azurite.ts";

/** One death, for whichever of the armed hosts comes to its point first. */
export interface KillSwitch {
  /** For `runHost`. */
  readonly preload: readonly string[];
  /** Settings of a host that dies at `failpoint`, after so many harmless passes. */
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

/** A store that nobody else uses, and the folder of a bundle that no build replaces meanwhile. */
export interface TrialEnvironment {
  readonly storage: string;
  readonly root: string;
}

/** Works through the trials, so many at once: most of a trial's time is waiting. The app's folder is taken away at the end. */
export async function runTrials<T>(
  trials: readonly T[],
  options: { readonly parallelism: number; readonly app: ReturnType<typeof createAppRoot> },
  runTrial: (trial: T, environment: TrialEnvironment) => Promise<void>,
): Promise<void> {
  const remaining = trials.values();
  const runWorker = async (): Promise<void> => {
    for (const trial of remaining) {
      // A fresh one each time: full of others' blobs, it becomes so slow that a trial's own deadlines pass.
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
