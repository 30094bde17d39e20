/** `npm run hunts`: which of its commands is meant. */
import { readArguments } from "./arguments.ts";
import type { OpenHunting } from "./one-query.ts";
import { check } from "./check.ts";
import { explain } from "./explain.ts";
import { importHunts } from "./import.ts";
import type { Output } from "./output.ts";
import { plan } from "./plan.ts";
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
export interface Surroundings {
  readonly catalog: string;
  /** HUNTING_API of the settings. */
  readonly api: string;
  readonly nowMs: () => number;
  readonly openHunting: OpenHunting;
  readonly output: Output;
}

/** Runs one command line. Returns the exit code: 0 done, 1 something to mend, 2 not understood. */
export async function runHunts(given: readonly string[], around: Surroundings): Promise<number> {
  const { output } = around;
  const { words, options } = readArguments(given, new Set(["enable", "help"]));
  const folder = options.get("catalog") ?? around.catalog;
  const [command = "check", subject] = words;
  if (options.has("help") || command === "help") return say(output.line, 0);
  if (command === "check") return check(folder, output);
  if (command === "plan") return plan(folder, options.get("api") ?? around.api, output);
  const run = subject === undefined ? undefined : withSubject[command];
  if (run && subject !== undefined) return run(subject, folder, options, around);
  output.error(`"${words.join(" ")}" is not understood.`);
  return say(output.error, 2);
}

type Run = (
  subject: string,
  folder: string,
  options: ReadonlyMap<string, string>,
  around: Surroundings,
) => number | Promise<number>;

const withSubject: Readonly<Record<string, Run>> = {
  explain: (subject, folder, _, { output }) => explain(folder, subject, output),
  import: (subject, folder, options, { output }) =>
    importHunts(
      { from: subject, into: options.get("into") ?? folder, enable: options.has("enable") },
      output,
    ),
  try: (which, folder, options, { nowMs, openHunting, output }) =>
    tryHunt(
      { folder, which, last: options.get("last") ?? "1h", nowMs: nowMs() },
      openHunting,
      output,
    ),
  compare: (which, folder, options, { nowMs, openHunting, output }) =>
    compareHunt(
      { folder, which, last: options.get("last") ?? "1h", nowMs: nowMs() },
      openHunting,
      output,
    ),
};

function say(line: (text: string) => void, code: number): number {
  for (const text of usage) line(text);
  return code;
}
