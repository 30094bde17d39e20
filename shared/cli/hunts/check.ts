/** `npm run hunts`: every hunt of the catalogue checked and listed. */
import { relative } from "node:path";
import {
  checkCatalog,
  checkEnabledLimit,
  type CheckedFile,
} from "../../kql/compile/compile-catalog.ts";
import type { HuntProblem } from "../../kql/compile/compile-hunt.ts";
import { formatDuration } from "../../runtime/time.ts";
import { formatTable, type Output } from "../output.ts";

/** Checks the hunts of a folder. Returns the exit code: 0 when all are sound, 1 when one is not. */
export function checkHunts(folder: string, output: Output): number {
  const checked = checkCatalog(folder, output.progress);
  output.progress(checked.length, checked.length, "");
  if (checked.length === 0) {
    output.line(
      `${relative(".", folder)} holds no hunt. Put a YAML file there, or: npm run hunts -- import <file|folder>`,
    );
    return 0;
  }
  for (const line of formatTable(
    ["name", "mode", "schedule (UTC)", "look-back", "tables", "why"],
    checked.flatMap(toRow),
  ))
    output.line(line);
  for (const warning of checked.flatMap(({ warnings }) => warnings))
    output.error(`warning: ${formatProblem(warning)}`);
  return printResult(checked, output);
}

const toRow = ({ hunt }: CheckedFile): readonly (readonly string[])[] =>
  hunt
    ? [
        [
          hunt.enabled ? hunt.name : `${hunt.name} (disabled)`,
          hunt.mode,
          hunt.schedule,
          formatDuration(hunt.lookBackMs),
          shortenNames(hunt.tables),
          hunt.modeReason,
        ],
      ]
    : [];

/** Three names and how many more. */
const shortenNames = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(" ") : `${names.slice(0, 3).join(" ")} +${names.length - 3}`;

function printResult(checked: readonly CheckedFile[], output: Output): number {
  const problems = [...checked.flatMap((file) => file.problems), ...checkEnabledLimit(checked)];
  const enabled = checked.filter(({ hunt }) => hunt?.enabled === true).length;
  if (problems.length === 0) {
    output.line(
      `${checked.length} hunts are sound, ${enabled} of them enabled. Next: npm run build, or npm run hunts -- plan`,
    );
    return 0;
  }
  for (const problem of problems) output.error(formatProblem(problem));
  output.error(
    `Mend the ${problems.length === 1 ? "place" : `${problems.length} places`} named above and run npm run hunts again.`,
  );
  return 1;
}

/** `file:line:column message`. */
export const formatProblem = ({ file, line, column, message }: HuntProblem): string =>
  `${relative(".", file)}:${line}:${column} ${message}`;
