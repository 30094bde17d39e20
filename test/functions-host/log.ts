/** The host's log: one line an event, filtered by host.json's levels. */
import type { Level } from "./protocol.ts";

/**
 * One line; categories are the platform's: `Function.<name>`, `Function.<name>.User`,
 * `Host.<part>`.
 */
export interface LogLine {
  readonly level: Level;
  readonly category: string;
  readonly message: string;
}

export type Log = (line: LogLine) => void;

const ranks: Record<Level, number> = {
  trace: 0,
  debug: 1,
  information: 2,
  warning: 3,
  error: 4,
  critical: 5,
  none: 6,
};

/**
 * Lets through what host.json's `logging.logLevel` asks for: the longest matching category prefix
 * decides, then `default`, then `information`.
 *
 * @param levels - category prefix (any case) to least level
 */
export function filterLog(levels: ReadonlyMap<string, Level>, write: Log): Log {
  const rules = [...levels]
    .map(([prefix, level]) => ({ prefix: prefix.toLowerCase(), level }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  const fallback = rules.find((rule) => rule.prefix === "default")?.level ?? "information";
  return (line) => {
    const category = line.category.toLowerCase();
    const rule = rules.find(
      ({ prefix }) => category === prefix || category.startsWith(`${prefix}.`),
    );
    if (ranks[line.level] >= ranks[rule?.level ?? fallback]) write(line);
  };
}

/** Writes lines for people: time, level, category, message. */
export function createConsoleLog(): Log {
  return ({ level, category, message }) => {
    console.log(`${new Date().toISOString()} ${shortNames[level]} ${category}: ${message}`);
  };
}

const shortNames: Record<Level, string> = {
  trace: "trace",
  debug: "debug",
  information: "info ",
  warning: "warn ",
  error: "error",
  critical: "fatal",
  none: "     ",
};

/** Error text for a log line, with its causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\n  caused by: ${describeError(error.cause)}`;
  return `${error.stack ?? `${error.name}: ${error.message}`}${cause}`;
}
