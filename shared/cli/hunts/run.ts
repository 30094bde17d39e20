/** Runs one command line of `npm run hunts`. */
import {
  parseCommandLine,
  throwUnknownCommand,
  UsageError,
  type CommandLine,
  type OptionTable,
} from "../command-line.ts";
import type { Output } from "../output.ts";
import { captureCase } from "./capture.ts";
import { checkHunts } from "./check.ts";
import { explainHunt } from "./explain.ts";
import { importHunts } from "./import.ts";
import { writeLayer } from "./layer.ts";
import { planHunts, type PlannedTenant } from "./plan.ts";
import type { CreateHuntingPort } from "./run-query.ts";
import { testHunts, watchHunts } from "./test.ts";
import { writeHuntSchema } from "./write-schema.ts";
import { compareHunt, tryHunt } from "./try.ts";

const usage = `npm run hunts -- [command] [options]

  check                    checks every hunt of the catalog and lists them (default)
  import <file|folder>     converts .kql, .csl, .txt, Markdown and YAML files to hunts
      --enable             enables them at once
      --into <folder>      writes to another folder than the catalog
  explain <hunt|file>      shows the analysis of a query and the queries that will be sent
  test [hunt…]             runs the tests in the hunts' files
      --why                shows the rows after each operator of a failed test
      --junit <file>       writes a JUnit report
      --watch              runs again on every change
  capture <hunt>           adds a test case from real rows to the hunt's file
      --rows <file>        JSON, NDJSON, CSV, Parquet or an export (also .gz)
      --table <table>      the rows' table, if the hunt reads several
      --top 20             how many rows to take
      --name <text>        the case's name
  layer [file]             writes the techniques of the enabled hunts for ATT&CK Navigator
  schema                   writes the JSON schema of hunt files, which editors read
  plan [--api <api>]       estimates how much hunting quota the enabled hunts use
  try <hunt|file>          runs it once and shows the first rows
  compare <hunt|file>      runs it on Graph and on the Defender API and shows what differs
      --last 1h            how far back try and compare read
      --simulator          use the simulated cloud that npm start runs
      --tenant contoso     query a tenant of the setting TENANTS

  --catalog <folder>       another catalog, for every command
  --help, -h

try and compare read local.settings.json and the environment.
Exit codes: 0 done, 1 something must be fixed, 2 the command line is wrong.`;

/** What the commands run with. */
export interface CliContext {
  readonly catalog: string;
  /** Returns HUNTING_API of the settings. */
  readonly readTenants: () => readonly PlannedTenant[];
  readonly nowMs: () => number;
  readonly createHuntingPort: CreateHuntingPort;
  readonly output: Output;
}

const options: OptionTable = {
  api: "text",
  catalog: "text",
  enable: "flag",
  into: "text",
  junit: "text",
  last: "text",
  name: "text",
  rows: "text",
  simulator: "flag",
  tenant: "text",
  table: "text",
  top: "text",
  watch: "flag",
  why: "flag",
};

/** Returns the exit code. @throws UsageError */
export async function runHunts(words: readonly string[], context: CliContext): Promise<number> {
  const line = parseCommandLine(words, options);
  const [name = "check", subject, ...extra] = line.positionals;
  if (line.isHelp) {
    context.output.line(usage);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return throwUnknownCommand(name, Object.keys(commands));
  const unexpected = findUnexpected(command, subject, extra);
  if (unexpected !== undefined)
    throw new UsageError(`Unexpected "${unexpected}" after ${name}. Run with --help.`);
  if (command.subject !== undefined && subject === undefined)
    throw new UsageError(`hunts ${name} requires ${command.subject}.`);
  const folder = line.readText("catalog") ?? context.catalog;
  const subjects = line.positionals.slice(1);
  return command.run({ ...context, subject: subject ?? "", subjects, folder, line });
}

function findUnexpected(
  { subject: description, takesMany = false }: Command,
  subject: string | undefined,
  [extra]: readonly string[],
): string | undefined {
  if (takesMany) return undefined;
  return description === undefined ? subject : extra;
}

interface CommandRun extends CliContext {
  readonly subject: string;
  /** All words after the command. */
  readonly subjects: readonly string[];
  readonly folder: string;
  readonly line: CommandLine;
}

interface Command {
  /** What must follow the command's name; `undefined` for nothing. */
  readonly subject?: string;
  /** True if any number of words may follow. */
  readonly takesMany?: boolean;
  readonly run: (run: CommandRun) => number | Promise<number>;
}

const defaultLast = "1h";

const toLiveRun = ({ folder, subject, line, nowMs }: CommandRun) => ({
  folder,
  huntOrFile: subject,
  last: line.readText("last") ?? defaultLast,
  nowMs: nowMs(),
  isSimulated: line.hasFlag("simulator"),
  tenant: line.readText("tenant"),
});

const defaultTop = 20;

/** @throws UsageError */
function runCapture({ folder, subject, line, output }: CommandRun): Promise<number> {
  const rows = line.readText("rows");
  if (rows === undefined) throw new UsageError("hunts capture requires --rows <file>.");
  const top = Number(line.readText("top") ?? defaultTop);
  if (!Number.isSafeInteger(top) || top < 1)
    throw new UsageError("--top must be a whole number of at least 1.");
  const [table, name] = [line.readText("table"), line.readText("name")];
  return captureCase({ folder, hunt: subject, rows, table, name, top }, output);
}

const commands: Readonly<Record<string, Command>> = {
  check: { run: ({ folder, output, nowMs }) => checkHunts(folder, output, nowMs()) },
  test: {
    takesMany: true,
    run: ({ folder, subjects, line, output }) => {
      const request = {
        folder,
        names: subjects,
        junit: line.readText("junit"),
        showsTrace: line.hasFlag("why"),
      };
      return line.hasFlag("watch") ? watchHunts(request, output) : testHunts(request, output);
    },
  },
  capture: { subject: "a hunt", run: runCapture },
  layer: {
    takesMany: true,
    run: ({ folder, subjects: [file], output }) => writeLayer(folder, file, output),
  },
  schema: { run: ({ output }) => writeHuntSchema(output) },
  plan: {
    run: ({ folder, line, readTenants, output }) => {
      const api = line.readText("api");
      const all = { name: "default", api: api ?? "", runsHunt: () => true };
      return planHunts(folder, api === undefined ? readTenants() : [all], output);
    },
  },
  explain: {
    subject: "a hunt or a file",
    run: ({ folder, subject, output }) => explainHunt(folder, subject, output),
  },
  import: {
    subject: "a file or a folder",
    run: ({ folder, subject, line, output }) => {
      const into = line.readText("into");
      const target = { into: into ?? folder, isCatalog: into === undefined };
      return importHunts({ from: subject, ...target, enable: line.hasFlag("enable") }, output);
    },
  },
  try: {
    subject: "a hunt or a file",
    run: (run) => tryHunt(toLiveRun(run), run.createHuntingPort, run.output),
  },
  compare: {
    subject: "a hunt or a file",
    run: (run) => compareHunt(toLiveRun(run), run.createHuntingPort, run.output),
  },
};
