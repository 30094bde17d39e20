/** What every killing with SIGKILL needs: a death that happens once, and trials side by side. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { appRoot } from "../support/app-root.ts";
import { startAzurite } from "../support/azurite.ts";

/** One death, for whichever of the armed hosts comes to its point first. */
export interface Death {
  /** For `runHost`. */
  readonly preload: readonly string[];
  /** Settings of a host that dies at `point`, after so many harmless passes. */
  readonly at: (point: string, passes?: number) => Readonly<Record<string, string>>;
  readonly hasCome: () => boolean;
  readonly forget: () => void;
}

export function oneDeath(): Death {
  const folder = mkdtempSync(join(tmpdir(), "huntline-kill-"));
  const ticket = join(folder, "ticket");
  return {
    preload: [resolve(import.meta.dirname, "kill-preload.ts")],
    at: (point, passes = 0) => ({
      KILL_AT: point,
      KILL_TICKET: ticket,
      KILL_PASSES: String(passes),
    }),
    hasCome: () => existsSync(ticket),
    forget: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A store that nobody else uses, and the folder of a bundle that no build replaces meanwhile. */
export interface Ground {
  readonly storage: string;
  readonly root: string;
}

/** Works through the trials, so many at once: most of a trial's time is waiting. The app's folder is taken away at the end. */
export async function inTrials<T>(
  trials: readonly T[],
  options: { readonly atOnce: number; readonly app: ReturnType<typeof appRoot> },
  once: (trial: T, ground: Ground) => Promise<void>,
): Promise<void> {
  const left = trials.values();
  const work = async (): Promise<void> => {
    for (const trial of left) {
      // A fresh one each time: full of others' blobs, it becomes so slow that a trial's own deadlines pass.
      const azurite = await startAzurite();
      try {
        await once(trial, { storage: azurite.connectionString(), root: options.app.root });
      } finally {
        await azurite.stop();
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: options.atOnce }, work));
  } finally {
    options.app.remove();
  }
}
