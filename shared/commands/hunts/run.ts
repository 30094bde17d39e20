/** `npm run hunts`: which of its commands is meant. */
import { readArguments } from "./arguments.ts";
import { check } from "./check.ts";
import { explain } from "./explain.ts";
import { importHunts } from "./import.ts";
import type { Output } from "./output.ts";
import { plan } from "./plan.ts";

const usage = [
  "npm run hunts                                   check every hunt of the catalogue and list them",
  "npm run hunts -- import <file|folder>           make hunts of .kql, .csl, .txt, Markdown and YAML files",
  "                 [--enable] [--into <folder>]   with a timer at once; into another folder than the catalogue",
  "npm run hunts -- explain <hunt|file>            show what is understood of it and the queries that will be sent",
  "npm run hunts -- plan [--api graph|defender]    show what the enabled hunts ask of the hunting quota",
  "All of them take --catalog <folder> for another catalogue.",
];

/** Runs one command line. Returns the exit code: 0 done, 1 something to mend, 2 not understood. */
export function runHunts(given: readonly string[], catalog: string, api: string, output: Output): number {
  const { words, options } = readArguments(given, new Set(["enable", "help"]));
  const folder = options.get("catalog") ?? catalog;
  const [command = "check", subject] = words;
  if (options.has("help") || command === "help") return say(output.line, 0);
  if (command === "check") return check(folder, output);
  if (command === "plan") return plan(folder, options.get("api") ?? api, output);
  if (command === "explain" && subject !== undefined) return explain(folder, subject, output);
  if (command === "import" && subject !== undefined)
    return importHunts({ from: subject, into: options.get("into") ?? folder, enable: options.has("enable") }, output);
  output.error(`"${words.join(" ")}" is not understood.`);
  return say(output.error, 2);
}

function say(line: (text: string) => void, code: number): number {
  for (const text of usage) line(text);
  return code;
}
