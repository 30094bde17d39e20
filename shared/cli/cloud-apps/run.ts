/** Runs one command line of `npm run cloud-apps`. */
import { createActivityResource } from "../../clients/cloud-apps/activities.ts";
import type { Item } from "../../clients/cloud-apps/lists.ts";
import {
  createAlertResource,
  createEntityResource,
  createFileResource,
} from "../../clients/cloud-apps/resources.ts";
import { createIpRangeResource } from "../../clients/cloud-apps/ip-ranges.ts";
import { parseAlertId, type AlertId } from "../../contracts/alert-id.ts";
import type { ApiClient } from "../../http-pipeline/api-client.ts";
import {
  parseCommandLine,
  throwUnknownCommand,
  UsageError,
  type CommandLine,
  type OptionTable,
} from "../command-line.ts";
import type { Output } from "../output.ts";
import { listCategories, listStreams, printBlockScript, uploadLog } from "./discovery-commands.ts";
import { formatHelp } from "./help.ts";
import { createIpRange, deleteIpRange, updateIpRange } from "./ip-range-commands.ts";
import { readFilters, readFormat, readPaging, readSort } from "./list-options.ts";
import type { ListedResource } from "./parse-filter.ts";
import { printItems } from "./print-items.ts";

/** What the command line runs with. */
export interface CloudAppsContext {
  readonly output: Output;
  readonly isTerminal: boolean;
  readonly nowMs: () => number;
  readonly createClient: (isSimulated: boolean, tenant: string | undefined) => Promise<ApiClient>;
}

/** One command: its client, options, and the words after its name. */
export interface CommandRun extends Omit<CloudAppsContext, "createClient"> {
  readonly client: ApiClient;
  readonly line: CommandLine;
  readonly args: readonly string[];
}

const options: OptionTable = {
  filter: "list",
  "raw-filter": "list",
  since: "text",
  top: "text",
  skip: "text",
  sort: "text",
  format: "text",
  simulator: "flag",
  tenant: "text",
  source: "text",
  stream: "text",
  snapshot: "flag",
  name: "text",
  category: "text",
  subnet: "list",
  add: "list",
  remove: "list",
  tag: "list",
  organization: "text",
};

/** Returns the exit code. @throws UsageError */
export async function runCloudApps(
  words: readonly string[],
  { createClient, ...context }: CloudAppsContext,
): Promise<number> {
  const line = parseCommandLine(words, options);
  const [resource, command = "list", ...args] = line.positionals;
  if (line.isHelp || resource === undefined) {
    context.output.line(formatHelp(resource));
    return 0;
  }
  const run = commands[`${resource} ${command}`];
  if (!run) return throwUnknownCommand(`${resource} ${command}`, Object.keys(commands));
  // Option mistakes are found before any settings are read or calls are made.
  const prepared = run({ ...context, line, args });
  await prepared(await createClient(line.hasFlag("simulator"), line.readText("tenant")));
  return 0;
}

type PreparedRun = Omit<CommandRun, "client">;
type Command = (run: PreparedRun) => (client: ApiClient) => Promise<void>;

/** Defines a command that reads its arguments itself. */
const defineCommand =
  (act: (run: CommandRun) => Promise<void>): Command =>
  (run) =>
  (client) =>
    act({ ...run, client });

/** Defines a command that lists items of a resource. */
function defineList<R extends ListedResource>(
  resource: R,
  list: (
    client: ApiClient,
    query: ReturnType<typeof readSort<R>> & {
      readonly filters: ReturnType<typeof readFilters>;
      readonly skip: number;
    },
  ) => AsyncIterable<Item>,
): Command {
  return ({ line, output, isTerminal, nowMs }) => {
    const filters = readFilters(resource, line, nowMs());
    const { top, skip } = readPaging(line);
    const query = { filters, skip, ...readSort(resource, line) };
    const format = readFormat(line, isTerminal);
    return (client) => printItems(list(client, query), { resource, format, top, output });
  };
}

/** Defines a command that shows one item. */
const defineShow =
  (
    name: string,
    fetchItem: (client: ApiClient, id: string, run: PreparedRun) => Promise<Item | undefined>,
  ): Command =>
  (run) => {
    const id = requireArgument(run, 0, `the ${name}'s id`);
    return async (client) => {
      const item = await fetchItem(client, id, run);
      if (!item) throw new Error(`Cloud Apps has no ${name} with the id ${id}.`);
      run.output.line(JSON.stringify(item, undefined, 2));
    };
  };

/** Returns an argument by its position. @throws UsageError */
function requireArgument(
  { args }: { readonly args: readonly string[] },
  index: number,
  expected: string,
): string {
  const word = args[index];
  if (word === undefined)
    throw new UsageError(`The command requires ${expected}. Run with --help.`);
  return word;
}

const scanActivities: Command = (run) => {
  const { line, output, isTerminal, nowMs } = run;
  const filters = readFilters("activities", line, nowMs());
  if (!("date" in filters) && !("created" in filters))
    throw new UsageError("activities scan requires --since or a filter on date or created.");
  const { top } = readPaging(line);
  const format = readFormat(line, isTerminal);
  return (client) =>
    printItems(
      createActivityResource(client).scan({ filters: { ...filters, date: filters["date"] ?? {} } }),
      { resource: "activities", format, top, output },
    );
};

const sendFeedback = async ({ client, output, ...run }: CommandRun): Promise<void> => {
  const id = requireArgument(run, 0, "the activity's id");
  const feedbackValue = requireArgument(run, 1, "the feedback");
  const feedbackText = run.args[2];
  await createActivityResource(client).feedback(id, {
    feedbackValue,
    ...(feedbackText === undefined ? {} : { feedbackText }),
  });
  output.line(`Sent feedback for activity ${id}.`);
};

/** Marks an alert as read or unread. */
const defineMark =
  (state: "read" | "unread"): Command =>
  (run) => {
    const id = parseId(requireArgument(run, 0, "the alert's id"));
    return async (client) => {
      const resource = createAlertResource(client);
      await (state === "read" ? resource.markRead(id) : resource.markUnread(id));
      run.output.line(`Marked alert ${id} as ${state}.`);
    };
  };

function parseId(text: string): AlertId {
  const parsed = parseAlertId(text);
  if (parsed.kind === "refused") throw new UsageError(parsed.message);
  return parsed.id;
}

const toEntityKey = (id: string, { args }: PreparedRun) => ({
  id,
  ...(args[1] === undefined ? {} : { saas: Number(args[1]) }),
  ...(args[2] === undefined ? {} : { inst: Number(args[2]) }),
});

const commands: Readonly<Record<string, Command>> = {
  "alerts list": defineList("alerts", (client, query) => createAlertResource(client).list(query)),
  "alerts show": defineShow("alert", (client, id) =>
    createAlertResource(client).fetch(parseId(id)),
  ),
  "alerts read": defineMark("read"),
  "alerts unread": defineMark("unread"),
  "activities list": defineList("activities", (client, query) =>
    createActivityResource(client).list(query),
  ),
  "activities scan": scanActivities,
  "activities show": defineShow("activity", (client, id) =>
    createActivityResource(client).fetch(id),
  ),
  "activities feedback": defineCommand(sendFeedback),
  "entities list": defineList("entities", (client, query) =>
    createEntityResource(client).list(query),
  ),
  "entities show": defineShow("entity", (client, id, run) =>
    createEntityResource(client).fetch(toEntityKey(id, run)),
  ),
  "entities tree": defineShow("entity", (client, id, run) =>
    createEntityResource(client).fetchTree(toEntityKey(id, run)),
  ),
  "files list": defineList("files", (client, query) => createFileResource(client).list(query)),
  "files show": defineShow("file", (client, id) => createFileResource(client).fetch(id)),
  "ip-ranges list": defineList("ip-ranges", (client, query) =>
    createIpRangeResource(client).list(query),
  ),
  "ip-ranges create": defineCommand(createIpRange),
  "ip-ranges update": defineCommand(updateIpRange),
  "ip-ranges delete": defineCommand(deleteIpRange),
  "discovery upload": defineCommand(uploadLog),
  "discovery streams": defineCommand(listStreams),
  "discovery categories": defineCommand(listCategories),
  "discovery block-script": defineCommand(printBlockScript),
};
