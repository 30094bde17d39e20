/** Runs one command line of `npm run erase`. */
import { parseCommandLine, UsageError, type CommandLine } from "../command-line.ts";
import { formatCount, type Output } from "../output.ts";
import { countFound, erasePersonalData, type ErasureDeps } from "./erase-personal-data.ts";
import { findPersonalData, type PersonalData } from "./find-personal-data.ts";
import { listKept, type KeptDeps, type KeptRecords } from "./list-kept.ts";
import { readTarget, type ErasureTarget } from "./target.ts";

const usage = `npm run erase -- --requested-by <name> | --alert <id> [--dry-run]

Erases what verdicts say about people: requesters, comments and feedback. Outcomes stay, and the
audit stays verifiable. Each erasure is audited, without the texts.

  --requested-by <name>   everything that names this person
  --alert <id>            everything that verdicts about this alert say about people
  --dry-run               lists the records and changes nothing
  --audit-days 365        auditImmutableDays of the deployment
  --export-days 0         keepExportsDays of the deployment; 0 for ever
  --tenant contoso        erase in a tenant of the setting TENANTS; else in default
  --simulator             use the storage of the simulated cloud that npm start runs
  --help, -h

It reads local.settings.json and the environment. Azure deletes former versions of the records
within 30 days. Exit codes: 0 nothing is left, 1 a verdict is still being carried out or a record
changed meanwhile, 2 the command line is wrong.`;

interface EraseDeps extends ErasureDeps, KeptDeps {}

/** What the command line runs with. */
export interface EraseContext {
  readonly output: Output;
  readonly openDeps: (isSimulated: boolean, tenant: string | undefined) => Promise<EraseDeps>;
}

/** Returns the exit code. @throws UsageError */
export async function runErase(
  words: readonly string[],
  { output, openDeps }: EraseContext,
): Promise<number> {
  const line = parseCommandLine(words, {
    "requested-by": "text",
    alert: "text",
    "dry-run": "flag",
    "audit-days": "text",
    "export-days": "text",
    tenant: "text",
    simulator: "flag",
  });
  if (line.isHelp) {
    output.line(usage);
    return 0;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined)
    throw new UsageError(`Unexpected "${unexpected}". Run with --help.`);
  const target = readTarget(line.readText("requested-by"), line.readText("alert"));
  const retention = {
    auditDays: readDays(line, "audit-days", 365),
    exportDays: readDays(line, "export-days", 0),
  };
  const deps = await openDeps(line.hasFlag("simulator"), line.readText("tenant"));
  const found = await findPersonalData(deps.store, target);
  printFound(found, output);
  const left = line.hasFlag("dry-run") ? found : await erase(deps, target, found, output);
  printKept(await listKept(deps, target, found.verdicts, retention), output);
  const isLeft = !line.hasFlag("dry-run") && countFound(left) > 0;
  return printWaiting(left, output) || isLeft ? 1 : 0;
}

function readDays(line: CommandLine, name: string, fallback: number): number {
  const text = line.readText(name) ?? String(fallback);
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`--${name} must be a number of days.`);
  return Number(text);
}

async function erase(
  deps: ErasureDeps,
  target: ErasureTarget,
  found: PersonalData,
  output: Output,
): Promise<PersonalData> {
  if (countFound(found) === 0) return found;
  const left = await erasePersonalData(deps, target);
  output.line(countFound(left) === 0 ? "Erased." : "Some records changed meanwhile. Run it again.");
  return left;
}

function printFound(found: PersonalData, output: Output): void {
  if (countFound(found) === 0) output.line("No record has such a text.");
  const print = (paths: readonly string[], action: string): void =>
    paths.forEach((path) => output.line(`  ${action}  ${path}`));
  print([...found.deadLetters, ...found.receipts, ...found.jobs], "delete record ");
  print([...found.alerts, ...found.requests], "erase its texts");
  if (found.texts.length > 0)
    output.line(`  erase ${formatCount(found.texts.length, "text")} of the audit`);
}

function printKept(kept: Awaited<ReturnType<typeof listKept>>, output: Output): void {
  const print = ({ count, until }: KeptRecords, noun: string, what: string): void => {
    if (count > 0)
      output.line(
        `Kept: ${formatCount(count, noun)} ${what}, ${until === undefined ? "for ever" : `the newest until ${until}`}.`,
      );
  };
  print(kept.audit, "audit record", "without the texts");
  print(kept.auditTexts, "audit record", "with the text itself, which cannot be changed");
  print(kept.exports, "export", "with rows of hunts, which this command does not search");
}

/** @returns whether a verdict is being carried out */
function printWaiting({ waiting }: PersonalData, output: Output): boolean {
  for (const verdict of waiting)
    output.error(
      `The verdict ${verdict} is still being carried out. Run this again when it has ended.`,
    );
  return waiting.size > 0;
}
