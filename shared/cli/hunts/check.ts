/** `npm run hunts`: checks every hunt of the catalog and lists them. */
import { existsSync } from "node:fs";
import { relative } from "node:path";
import {
  checkCatalog,
  checkEnabledLimit,
  type CheckedFile,
} from "../../kql/compile/compile-catalog.ts";
import type { HuntProblem } from "../../kql/compile/compile-hunt.ts";
import { listHuntWarnings } from "../../hunts/hunt-warnings.ts";
import { formatDuration } from "../../runtime/time.ts";
import { formatCount, formatTable, type Output } from "../output.ts";

/** Checks the hunts of a folder. Returns the exit code: 0 when all are valid, 1 otherwise. */
export function checkHunts(folder: string, output: Output, nowMs: number): number {
  if (!existsSync(folder)) {
    output.error(`There is no folder ${folder}.`);
    return 1;
  }
  const checked = checkCatalog(folder, output.progress);
  output.progress(checked.length, checked.length, "");
  if (checked.length === 0) {
    output.line(
      `${relative(".", folder)} has no hunts. Add a YAML file, or run: npm run hunts -- import <file|folder>`,
    );
    return 0;
  }
  const rows = checked.flatMap(toRow);
  if (rows.length > 0)
    for (const line of formatTable(
      ["name", "mode", "schedule (UTC)", "look-back", "tables", "why"],
      rows,
    ))
      output.line(line);
  for (const warning of checked.flatMap(({ warnings }) => warnings))
    output.error(`warning: ${formatProblem(warning)}`);
  for (const { file, hunt } of checked)
    for (const message of hunt ? listHuntWarnings(hunt, nowMs) : [])
      output.error(`warning: ${formatProblem({ file, line: 1, column: 1, message })}`);
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

/** Shows three names and the count of the others. */
const shortenNames = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(" ") : `${names.slice(0, 3).join(" ")} +${names.length - 3}`;

function printResult(checked: readonly CheckedFile[], output: Output): number {
  const problems = [...checked.flatMap((file) => file.problems), ...checkEnabledLimit(checked)];
  const enabled = checked.filter(({ hunt }) => hunt?.enabled === true).length;
  if (problems.length === 0) {
    output.line(
      `${checked.length === 1 ? "1 hunt is" : `${checked.length} hunts are`} valid, ${enabled} enabled.` +
        " Next: npm start runs them here; npm run package before you deploy.",
    );
    return 0;
  }
  for (const problem of problems) output.error(formatProblem(problem));
  output.error(
    `${formatCount(problems.length, "problem")} found. Fix and run npm run hunts again.`,
  );
  return 1;
}

/** Formats a problem as `file:line:column message`. */
export const formatProblem = ({ file, line, column, message }: HuntProblem): string =>
  `${relative(".", file)}:${line}:${column} ${message}`;
