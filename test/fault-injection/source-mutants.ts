/**
 * Mutants that are the app's own source with one replacement. Each runs the schedules of a suite in
 * a process of its own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One replacement in one file; `from` occurs there exactly once. */
export interface SourceMutant {
  /** Path below the repository's root. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Files of this folder whose `findFailingSeed(from, to)` runs the schedules. */
export type MutantSuite = "hunt-change-suite.ts" | "webhook-model.ts" | "audit-model.ts";

/**
 * Returns the source with the mutant's replacement.
 *
 * @throws Error when the text to replace does not occur exactly once
 */
export function applyMutant({ file, from, to }: SourceMutant, source: string): string {
  const parts = source.split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${from}`);
  return parts.join(to);
}

/** Reads the file of a mutant. */
export const readMutantFile = ({ file }: SourceMutant): string =>
  readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

/** Returns the first seed of the suite that fails under a mutant. */
export async function findMutantSeed(
  suite: MutantSuite,
  mutant: SourceMutant,
  maxSeed: number,
): Promise<number | undefined> {
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(import.meta.resolve("./mutant-run.ts")),
      JSON.stringify(mutant),
      String(maxSeed),
      suite,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(child, "close");
  const result = /^(?:seed (\d+)|held)$/m.exec(output);
  if (!result) throw new Error(`The mutant's process ended without a result: ${output}`);
  return result[1] === undefined ? undefined : Number(result[1]);
}

/** Runs each mutant and prints the seed that catches it. @returns how many were caught */
export async function countCaughtMutants(
  suite: MutantSuite,
  mutants: Readonly<Record<string, SourceMutant>>,
  maxSeed: number,
  printLine: (line: string) => void,
): Promise<number> {
  let caught = 0;
  for (const [name, mutant] of Object.entries(mutants)) {
    const seed = await findMutantSeed(suite, mutant, maxSeed);
    if (seed !== undefined) caught += 1;
    printLine(
      `mutant ${seed === undefined ? `MISSED: ${name}` : `caught: ${name} (seed ${seed})`}`,
    );
  }
  return caught;
}
