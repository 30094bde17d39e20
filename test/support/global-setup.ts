/**
 * Vitest's global set-up: a bundle as new as its sources, and one Azurite for the whole run with
 * many accounts.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { startAzurite } from "./azurite.ts";

declare module "vitest" {
  interface ProvidedContext {
    /**
     * Connection string of the first account, `huntline0`, and the folder with a file for each
     * account in use.
     */
    readonly azurite: {
      readonly connection: string;
      readonly accounts: number;
      readonly claimFolder: string;
    };
  }
}

const accounts = Array.from({ length: 400 }, (_, index) => `huntline${index}`);

const root = resolve(import.meta.dirname, "../..");

/** When the newest file below a folder was written, ms. */
function findNewestMs(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Math.max(
    ...files
      .filter((file) => file.isFile())
      .map((file) => statSync(join(file.parentPath, file.name)).mtimeMs),
  );
}

function buildIfOld(): void {
  const builtMs = statSync(join(root, "dist/main.cjs"), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = ["functions", "shared"].map((folder) => findNewestMs(join(root, folder)));
  if (Math.max(...sources) < builtMs) return;
  execFileSync(process.execPath, [join(root, "shared/build/build.ts")], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  buildIfOld();
  const azurite = await startAzurite({ accounts });
  const claimFolder = mkdtempSync(join(tmpdir(), "huntline-accounts-"));
  project.provide("azurite", {
    connection: azurite.connectionString("huntline0"),
    accounts: accounts.length,
    claimFolder,
  });
  return async () => {
    await azurite.stop();
    rmSync(claimFolder, { recursive: true });
  };
}
