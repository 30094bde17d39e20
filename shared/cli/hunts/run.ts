/** `npm run hunts`: which of its commands is meant. */
import { readArguments } from "../arguments.ts";
import type { CreateHuntingPort } from "./run-query.ts";
import { checkHunts } from "./check.ts";
import { explainHunt } from "./explain.ts";
import { importHunts } from "./import.ts";
import type { Output } from "../output.ts";
import { planHunts } from "./plan.ts";
import { compareHunt, tryHunt } from "./try.ts";

const usage = [
  "npm run hunts                                   check every hunt of the catalogue and list them",
  "npm run hunts -- import <file|folder>           make hunts of .kql, .csl, .txt, Markdown and YAML files",
  "                 [--enable] [--into <folder>]   with a timer at once; into another folder than the catalogue",
  "npm run hunts -- explain <hunt|file>            show what is understood of it and the queries that will be sent",
  "npm run hunts -- plan [--api graph|defender]    show what the enabled hunts ask of the hunting quota",
  "npm run hunts -- try <hunt|file> [--last 1h]    run it once and show the first rows",
  "npm run hunts -- compare <hunt|file>            run it once on Graph and once on the Defender API; show what differs",
  "                 [--last 1h]",
  "All of them take --catalog <folder> for another catalogue. try and compare read local.settings.json and the environment.",
];

/** What the commands work with besides the command line. */
export interface CliContext {
  readonly catalog: string;
  /** HUNTING_API of the settings. */
  readonly api: string;
  readonly nowMs: () => number;
  readonly createHuntingPort: CreateHuntingPort;
  readonly output: Output;
}

/** Runs one command line. Returns the exit code: 0 done, 1 something to mend, 2 not understood. */
export async function runHunts(args: readonly string[], context: CliContext): Promise<number> {
  const { output } = context;
  const { positionals, options } = readArguments(args, new Set(["enable", "help"]));
  const folder = options.get("catalog") ?? context.catalog;
  const [command = "check", subject] = positionals;
  if (options.has("help") || command === "help") return printUsage(output.line, 0);
  if (command === "check") return checkHunts(folder, output);
  if (command === "plan") return planHunts(folder, options.get("api") ?? context.api, output);
  const runSubject = subject === undefined ? undefined : subjectCommands[command];
  if (runSubject && subject !== undefined) return runSubject(subject, folder, options, context);
  output.error(`"${positionals.join(" ")}" is not understood.`);
  return printUsage(output.error, 2);
}

type SubjectCommand = (
  subject: string,
  folder: string,
  options: ReadonlyMap<string, string>,
  context: CliContext,
) => number | Promise<number>;

const subjectCommands: Readonly<Record<string, SubjectCommand>> = {
  explain: (subject, folder, _, { output }) => explainHunt(folder, subject, output),
  import: (subject, folder, options, { output }) =>
    importHunts(
      { from: subject, into: options.get("into") ?? folder, enable: options.has("enable") },
      output,
    ),
  try: (huntOrFile, folder, options, { nowMs, createHuntingPort, output }) =>
    tryHunt(
      { folder, huntOrFile, last: options.get("last") ?? "1h", nowMs: nowMs() },
      createHuntingPort,
      output,
    ),
  compare: (huntOrFile, folder, options, { nowMs, createHuntingPort, output }) =>
    compareHunt(
      { folder, huntOrFile, last: options.get("last") ?? "1h", nowMs: nowMs() },
      createHuntingPort,
      output,
    ),
};

function printUsage(line: (text: string) => void, code: number): number {
  for (const text of usage) line(text);
  return code;
}
