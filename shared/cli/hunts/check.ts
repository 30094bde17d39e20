/** `npm run hunts`: every hunt of the catalogue checked and listed. */
import { relative } from "node:path";
import {
  checkCatalogue,
  tooManyEnabled,
  type CheckedFile,
} from "../../kql/compile/compile-catalog.ts";
import type { Problem } from "../../kql/compile/compile-hunt.ts";
import { formatDuration } from "../../runtime/time.ts";
import { table, type Output } from "./output.ts";

/** Checks the hunts of a folder. Returns the exit code: 0 when all are sound, 1 when one is not. */
export function check(folder: string, output: Output): number {
  const checked = checkCatalogue(folder, output.progress);
  output.progress(checked.length, checked.length, "");
  if (checked.length === 0) {
    output.line(
      `${relative(".", folder)} holds no hunt. Put a YAML file there, or: npm run hunts -- import <file|folder>`,
    );
    return 0;
  }
  for (const line of table(
    ["name", "mode", "schedule (UTC)", "look-back", "tables", "why"],
    checked.flatMap(row),
  ))
    output.line(line);
  for (const warning of checked.flatMap(({ warnings }) => warnings))
    output.error(`warning: ${placed(warning)}`);
  return verdict(checked, output);
}

const row = ({ hunt }: CheckedFile): readonly (readonly string[])[] =>
  hunt
    ? [
        [
          hunt.enabled ? hunt.name : `${hunt.name} (disabled)`,
          hunt.mode,
          hunt.schedule,
          formatDuration(hunt.lookBackMs),
          shortened(hunt.tables),
          hunt.modeReason,
        ],
      ]
    : [];

/** Three names and how many more. */
const shortened = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(" ") : `${names.slice(0, 3).join(" ")} +${names.length - 3}`;

function verdict(checked: readonly CheckedFile[], output: Output): number {
  const problems = [...checked.flatMap((file) => file.problems), ...tooManyEnabled(checked)];
  const enabled = checked.filter(({ hunt }) => hunt?.enabled === true).length;
  if (problems.length === 0) {
    output.line(
      `${checked.length} hunts are sound, ${enabled} of them enabled. Next: npm run build, or npm run hunts -- plan`,
    );
    return 0;
  }
  for (const problem of problems) output.error(placed(problem));
  output.error(
    `Mend the ${problems.length === 1 ? "place" : `${problems.length} places`} named above and run npm run hunts again.`,
  );
  return 1;
}

/** `file:line:column message`. */
export const placed = ({ file, line, column, message }: Problem): string =>
  `${relative(".", file)}:${line}:${column} ${message}`;
