/** The words after `npm run hunts --`. */

/** A command line taken apart: words, and options of the form `--name` or `--name value`. */
export interface Arguments {
  readonly positionals: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

/** Takes a command line apart; options named in `flags` take no value. */
export function readArguments(args: readonly string[], flags: ReadonlySet<string>): Arguments {
  const positionals: string[] = [];
  const options = new Map<string, string>();
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? "";
    if (!word.startsWith("--")) positionals.push(word);
    else {
      const [name = "", inline] = word.slice(2).split(/=(.*)/s);
      if (flags.has(name)) options.set(name, "true");
      else options.set(name, inline ?? args[(index += 1)] ?? "");
    }
  }
  return { positionals, options };
}
