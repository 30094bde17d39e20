/**
 * Reads command lines and ends programs: one wording and one set of exit codes for all commands.
 */
import { parseArgs } from "node:util";
import { UpstreamError } from "../http-pipeline/upstream-error.ts";
import { formatSuggestion } from "../runtime/suggest-word.ts";
import type { Output } from "./output.ts";

/** A mistake in a command line. It is printed without a stack; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Options of a command by name; `flag` takes no value, `list` may be given several times. */
export type OptionTable = Readonly<Record<string, "flag" | "text" | "list">>;

/** A command line, taken apart. */
export interface CommandLine {
  readonly positionals: readonly string[];
  readonly isHelp: boolean;
  readonly hasFlag: (name: string) => boolean;
  readonly readText: (name: string) => string | undefined;
  readonly readList: (name: string) => readonly string[];
}

/**
 * Takes a command line apart. `--help` and `-h` are options of every command.
 *
 * @throws UsageError for an option that is unknown, lacks its value or takes none
 */
export function parseCommandLine(args: readonly string[], table: OptionTable): CommandLine {
  const kinds: OptionTable = { ...table, help: "flag" };
  const { tokens, positionals } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(kinds).map(([name, kind]) => [
        name,
        {
          type: kind === "flag" ? ("boolean" as const) : ("string" as const),
          ...(name === "help" ? { short: "h" } : {}),
        },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const value = readOptionValue(token, table);
    values.set(token.name, [...(values.get(token.name) ?? []), value]);
  }
  return {
    positionals,
    isHelp: values.has("help") || positionals[0] === "help",
    hasFlag: (name) => values.has(name),
    readText: (name) => values.get(name)?.at(-1),
    readList: (name) => values.get(name) ?? [],
  };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function readOptionValue(
  { name, rawName, value, inlineValue }: OptionToken,
  table: OptionTable,
): string {
  const kind = name === "help" ? "flag" : Object.hasOwn(table, name) ? table[name] : undefined;
  if (kind === undefined) {
    const names = [...Object.keys(table), "help"];
    throw new UsageError(
      `Unknown option ${rawName}.${formatSuggestion(name, names).replace('"', '"--')}`,
    );
  }
  if (kind === "flag") {
    if (value !== undefined) throw new UsageError(`Option ${rawName} takes no value.`);
    return "true";
  }
  if (value === undefined || (inlineValue !== true && value.startsWith("--")))
    throw new UsageError(`Option ${rawName} requires a value.`);
  return value;
}

/** @throws UsageError with the accepted words and the nearest one */
export function throwUnknownCommand(command: string, commands: readonly string[]): never {
  throw new UsageError(
    `Unknown command "${command}".${formatSuggestion(command, commands)} Run with --help.`,
  );
}

/** Runs a command and sets the exit code: its own, 2 for a usage error, 1 for any other error. */
export async function runProgram(output: Output, run: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await run();
  } catch (error) {
    output.error(describeError(error));
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

/** Returns one line for a person: what failed and, where a service gave one, its reason. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UpstreamError)
    return error.upstreamMessage ? `${error.message}: ${error.upstreamMessage}` : error.message;
  if ("code" in error && error.code === "ENOENT" && "path" in error)
    return `No such file or folder: ${String(error.path)}`;
  return error.message;
}
