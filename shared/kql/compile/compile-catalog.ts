/** Checks and compiles the catalog of hunts: every YAML file of a folder. Build time only. */
import { decodeText } from "../../runtime/decode-text.ts";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Catalog, CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { readDeclaredTables } from "./declared-tables.ts";
import { compileHunt, type HuntOutcome, type HuntProblem } from "./compile-hunt.ts";
import { toHuntName } from "./hunt-name.ts";

/** Maximum of enabled hunts; each has its own timer. */
export const maxEnabledHunts = 100;

/** A file of the catalog and its outcome. */
export interface CheckedFile extends HuntOutcome {
  readonly file: string;
  readonly name: string;
}

/**
 * Compiles every `.yaml` and `.yml` file of a folder and its subfolders, or returns the problems
 * with their positions.
 *
 * @param maxEnabled - how many hunts may be enabled
 */
export function compileCatalog(
  folder: string,
  maxEnabled = maxEnabledHunts,
):
  | { readonly catalog: Catalog; readonly warnings: readonly HuntProblem[] }
  | { readonly problems: readonly HuntProblem[] } {
  const checkedFiles = checkCatalog(folder);
  const problems = [
    ...checkedFiles.flatMap((file) => file.problems),
    ...checkEnabledLimit(checkedFiles, maxEnabled),
  ];
  if (problems.length > 0) return { problems };
  const hunts = checkedFiles.flatMap(({ hunt }): readonly CompiledHunt[] => (hunt ? [hunt] : []));
  return {
    catalog: { version: 1, hunts },
    warnings: checkedFiles.flatMap(({ warnings }) => warnings),
  };
}

/**
 * Checks the table declarations and every file of a catalog, ordered by path; calls `progress` before it reads each file.
 */
export function checkCatalog(
  folder: string,
  progress: (done: number, total: number, file: string) => void = () => undefined,
): readonly CheckedFile[] {
  const files = listHuntFiles(folder);
  const { schema, problems } = readDeclaredTables(folder);
  const owners = new Map<string, string>();
  const invalidTables = problems.map((problem): CheckedFile => ({
    ...rejectFile(problem.file, "", ""),
    problems: [problem],
  }));
  const checkedHunts = files.map((file, index): CheckedFile => {
    progress(index, files.length, file);
    const name = toHuntName(file);
    const otherFile = name === undefined ? undefined : owners.get(name);
    if (name === undefined)
      return rejectFile(file, "", "the file name must have at least three letters or digits");
    if (otherFile !== undefined)
      return rejectFile(
        file,
        name,
        `gives the hunt name ${name}, which ${otherFile} gives already; rename one`,
      );
    owners.set(name, file);
    const decoded = decodeText(readFileSync(file));
    if (decoded.kind === "invalid") return rejectFile(file, name, decoded.message);
    return { file, name, ...compileHunt(file, name, decoded.text, schema) };
  });
  return [...invalidTables, ...checkedHunts];
}

/** Returns the YAML files of a folder and its subfolders, ordered by path. */
const listHuntFiles = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.ya?ml$/i.test(file))
    .sort()
    .map((file) => join(folder, file));

const rejectFile = (file: string, name: string, message: string): CheckedFile => ({
  file,
  name,
  hunt: undefined,
  analysis: undefined,
  tests: [],
  problems: [{ file, line: 1, column: 1, message }],
  warnings: [],
});

/** Returns a problem at the first file beyond `maxEnabled` enabled hunts. */
export function checkEnabledLimit(
  checkedFiles: readonly CheckedFile[],
  maxEnabled = maxEnabledHunts,
): readonly HuntProblem[] {
  const enabled = checkedFiles.filter(({ hunt }) => hunt?.enabled === true);
  const firstExcess = enabled[maxEnabled];
  if (!firstExcess) return [];
  const message = [
    `${enabled.length} hunts are enabled; must be at most ${maxEnabled}:`,
    "each has a timer, and they share the tenant's hunting quota. Set enabled: false in the others",
  ].join(" ");
  return [{ file: firstExcess.file, line: 1, column: 1, message }];
}
