/** The catalogue of hunts: every YAML file of a folder checked and compiled. Build time only. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Catalogue, CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { compileHunt, type HuntOutcome, type Problem } from "./compile-hunt.ts";
import { huntName } from "./hunt-name.ts";

/** Most hunts that may be enabled at once: each has a timer of its own. */
export const mostEnabled = 100;

/** A file of the catalogue and what became of it. */
export interface CheckedFile extends HuntOutcome {
  readonly file: string;
  readonly name: string;
}

/**
 * Compiles every `.yaml` and `.yml` file of a folder and the folders in it, or says what is wrong and where.
 *
 * @param most - how many hunts may be enabled
 */
export function compileCatalogue(
  folder: string,
  most = mostEnabled,
):
  | { readonly catalogue: Catalogue; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] } {
  const checked = checkCatalogue(folder);
  const problems = [...checked.flatMap((file) => file.problems), ...tooManyEnabled(checked, most)];
  if (problems.length > 0) return { problems };
  const hunts = checked.flatMap(({ hunt }): readonly CompiledHunt[] => (hunt ? [hunt] : []));
  return {
    catalogue: { version: 1, hunts },
    warnings: checked.flatMap(({ warnings }) => warnings),
  };
}

/** Every file of a catalogue with its outcome, ordered by path; `progress` hears of each file before it is read. */
export function checkCatalogue(
  folder: string,
  progress: (done: number, all: number, file: string) => void = () => undefined,
): readonly CheckedFile[] {
  const files = huntFiles(folder);
  const owners = new Map<string, string>();
  return files.map((file, index) => {
    progress(index, files.length, file);
    const name = huntName(file);
    const other = name === undefined ? undefined : owners.get(name);
    if (name === undefined)
      return refused(file, "", "a hunt's file name needs at least three letters or digits");
    if (other !== undefined)
      return refused(
        file,
        name,
        `gives the hunt name ${name}, which ${other} gives already; rename one`,
      );
    owners.set(name, file);
    return { file, name, ...compileHunt(file, name, readFileSync(file, "utf8")) };
  });
}

/** The YAML files of a folder and the folders in it, ordered by path. */
export const huntFiles = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.ya?ml$/i.test(file))
    .sort()
    .map((file) => join(folder, file));

const refused = (file: string, name: string, message: string): CheckedFile => ({
  file,
  name,
  hunt: undefined,
  analysis: undefined,
  problems: [{ file, line: 1, column: 1, message }],
  warnings: [],
});

/** A problem when more than `most` hunts are enabled, at the first file beyond. */
export function tooManyEnabled(
  checked: readonly CheckedFile[],
  most = mostEnabled,
): readonly Problem[] {
  const enabled = checked.filter(({ hunt }) => hunt?.enabled === true);
  const first = enabled[most];
  if (!first) return [];
  const message = `${enabled.length} hunts are enabled and at most ${most} can be: each has a timer, and they share the tenant's hunting quota. Write enabled: false in the ones you can spare`;
  return [{ file: first.file, line: 1, column: 1, message }];
}
