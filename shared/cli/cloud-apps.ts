/**
 * `npm run cloud-apps -- <resource> <verb>`: the Cloud Apps API from the command line. Tables on a terminal, NDJSON in a
 * pipe. It closes no alerts: that is the verdict desk's, which keeps a record of it.
 */
import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { createActivityResource } from "../clients/cloud-apps/activities.ts";
import {
  blockScriptFormats,
  createDiscoveryResource,
  type BlockScriptFormat,
} from "../clients/cloud-apps/discovery.ts";
import { joinFilters, type WireFilter } from "../clients/cloud-apps/filters.ts";
import { createIpRangeResource, type IpCategory } from "../clients/cloud-apps/ip-ranges.ts";
import { maxPageSize, type Item } from "../clients/cloud-apps/lists.ts";
import {
  createAlertResource,
  createEntityResource,
  createFileResource,
} from "../clients/cloud-apps/resources.ts";
import { parseAlertId, type AlertId } from "../contracts/alert-id.ts";
import { cloudApps } from "../app/services.ts";
import { toTable } from "./cloud-apps/columns.ts";
import { parseFilter, createSinceFilter, type ListedResource } from "./cloud-apps/parse-filter.ts";
import { readArguments } from "./arguments.ts";
import { createOutput, formatTable } from "./output.ts";
import { loadLocalSettings } from "./local-settings.ts";

const help = `npm run cloud-apps -- <resource> <verb> [--filter field[.operator]=value]… [--since 2d] [--top 100] [--json]

  alerts      list | show <id> | read <id> | unread <id>
  activities  list | scan | show <id> | feedback <id> <value> [text]
  entities    list | show <id> [saas] [inst] | tree <id> [saas] [inst]
  files       list | show <id>
  ip-ranges   list | create <name> <category> <cidr…> | update <id> <name> <category> <cidr…> | delete <id>
  discovery   upload <file> --source GENERIC_CEF --stream <name> [--snapshot] | streams | categories <stream> | block-script <format>

Alerts are closed with POST /api/alerts/verdicts, which records every change.`;

/** A mistake of the caller: said without a stack. */
class UsageError extends Error {
  override readonly name = "Usage";
}

loadLocalSettings();
const output = createOutput(process.stdout, process.stderr);
const args = process.argv.slice(2);
const { positionals, options } = readArguments(args, new Set(["json", "snapshot", "help"]));
const [resource = "", verb = "", ...rest] = positionals;
const top = Number(options.get("top") ?? 100);
const knownOptions = new Set([
  "filter",
  "since",
  "top",
  "json",
  "snapshot",
  "help",
  "source",
  "stream",
]);

async function runCommand(): Promise<void> {
  const unknownOption = [...options.keys()].find((name) => !knownOptions.has(name));
  if (unknownOption !== undefined) throw new UsageError(`--${unknownOption} is no option.`);
  if (!(Number.isInteger(top) && top >= 1))
    throw new UsageError(`--top is ${options.get("top")}, want a whole number from 1.`);
  const action = actions[`${resource} ${verb}`];
  if (!action) throw new UsageError(`"${resource} ${verb}" is no command.`);
  await action((await cloudApps()).client);
}

type CloudAppsClient = Awaited<ReturnType<typeof cloudApps>>["client"];

/** Filters may be given several times; `readArguments` keeps the last, so they are gathered here. */
function parseFilters(listedResource: ListedResource): WireFilter {
  const filterTexts = args.flatMap((word, index) =>
    word === "--filter"
      ? [args[index + 1] ?? ""]
      : word.startsWith("--filter=")
        ? [word.slice(9)]
        : [],
  );
  const since = options.get("since");
  const parsed = filterTexts.map((text) => parseFilter(listedResource, text));
  if (since !== undefined) parsed.push(createSinceFilter(listedResource, since, Date.now()));
  for (const one of parsed) if (one.kind === "fault") throw new UsageError(one.message);
  return joinFilters(...parsed.flatMap((one) => (one.kind === "filter" ? [one.filter] : [])));
}

/** Shows up to `top` items: as they come in a pipe, as one table on a terminal. */
async function printItems(
  listedResource: ListedResource,
  items: AsyncIterable<Item>,
): Promise<void> {
  const tableItems: Item[] = [];
  // One page is there at once; a bar would only flicker.
  const isLong = top > maxPageSize;
  const isNdjson = options.has("json") || !process.stdout.isTTY;
  let count = 0;
  for await (const item of items) {
    count += 1;
    if (isNdjson) output.line(JSON.stringify(item));
    else tableItems.push(item);
    if (isLong) output.progress(count, top, listedResource);
    if (count >= top) break;
  }
  if (isNdjson) return;
  const { head, rows } = toTable(listedResource, tableItems);
  for (const line of formatTable(head, rows)) output.line(line);
  output.line(
    count >= top ? `The first ${top}; --top ${top * 10} shows more.` : `${count} in all.`,
  );
}

function printItem(item: Item | undefined): void {
  if (!item) throw new Error("Cloud Apps knows nothing by this id.");
  output.line(JSON.stringify(item, undefined, 2));
}

function requireArgument(index: number, expected: string): string {
  const word = rest[index];
  if (word === undefined) throw new UsageError(`Say ${expected}.`);
  return word;
}

function readAlertId(): AlertId {
  const parsed = parseAlertId(requireArgument(0, "the alert's id"));
  if (parsed.kind === "refused") throw new UsageError(parsed.message);
  return parsed.id;
}

const readEntityKey = () => ({
  id: requireArgument(0, "the entity's id"),
  ...(rest[1] === undefined ? {} : { saas: Number(rest[1]) }),
  ...(rest[2] === undefined ? {} : { inst: Number(rest[2]) }),
});

function readIpRange(from: number) {
  const category = Number(requireArgument(from + 1, "the category, 1 to 6"));
  if (!(Number.isInteger(category) && category >= 1 && category <= 6))
    throw new UsageError(`category is ${rest[from + 1]}, want 1 to 6`);
  requireArgument(from + 2, "at least one range in CIDR notation");
  return {
    name: requireArgument(from, "a name"),
    category: category as IpCategory,
    subnets: rest.slice(from + 2),
  };
}

async function uploadLog(client: CloudAppsClient): Promise<void> {
  const file = requireArgument(0, "the file to upload");
  const handle = await open(file);
  try {
    const bytes = (await stat(file)).size;
    const log = {
      filename: basename(file),
      source: options.get("source") ?? "GENERIC_CEF",
      inputStreamName: options.get("stream") ?? basename(file),
      isSnapshot: options.has("snapshot"),
      bytes,
      read: async (from: number, to: number) =>
        (await handle.read(Buffer.alloc(to - from), 0, to - from, from)).buffer,
    };
    await createDiscoveryResource(client).upload(log, (sent) =>
      output.progress(sent, bytes, log.filename),
    );
    output.line(
      "Uploaded and queued for parsing. The portal shows the outcome within some minutes, under Cloud discovery, Governance log.",
    );
  } finally {
    await handle.close();
  }
}

function readScriptFormat(): BlockScriptFormat {
  const format = requireArgument(0, `the appliance: ${Object.keys(blockScriptFormats).join(", ")}`);
  if (!(format in blockScriptFormats))
    throw new UsageError(`"${format}" is none of ${Object.keys(blockScriptFormats).join(", ")}`);
  return format as BlockScriptFormat;
}

const actions: Readonly<Record<string, (client: CloudAppsClient) => Promise<void> | void>> = {
  "alerts list": (client) =>
    printItems(
      "alerts",
      createAlertResource(client).list({
        filters: parseFilters("alerts"),
        sortField: "date",
        sortDirection: "desc",
      }),
    ),
  "alerts show": async (client) =>
    printItem(await createAlertResource(client).fetch(readAlertId())),
  "alerts read": (client) => createAlertResource(client).markRead(readAlertId()),
  "alerts unread": (client) => createAlertResource(client).markUnread(readAlertId()),
  "activities list": (client) =>
    printItems(
      "activities",
      createActivityResource(client).list({
        filters: parseFilters("activities"),
        sortField: "date",
        sortDirection: "desc",
      }),
    ),
  "activities scan": (client) => {
    const conditions = parseFilters("activities");
    if (!("date" in conditions) && !("created" in conditions))
      throw new UsageError("A scan reads everything there is: give --since or a filter on date.");
    return printItems(
      "activities",
      createActivityResource(client).scan({
        filters: { ...conditions, date: conditions["date"] ?? {} },
      }),
    );
  },
  "activities show": async (client) =>
    printItem(await createActivityResource(client).fetch(requireArgument(0, "the activity's id"))),
  "activities feedback": (client) =>
    createActivityResource(client).feedback(requireArgument(0, "the activity's id"), {
      feedbackValue: requireArgument(1, "the feedback"),
      ...(rest[2] === undefined ? {} : { feedbackText: rest[2] }),
    }),
  "entities list": (client) =>
    printItems(
      "entities",
      createEntityResource(client).list({ filters: parseFilters("entities") }),
    ),
  "entities show": async (client) =>
    printItem(await createEntityResource(client).fetch(readEntityKey())),
  "entities tree": async (client) =>
    printItem(await createEntityResource(client).fetchTree(readEntityKey())),
  "files list": (client) =>
    printItems("files", createFileResource(client).list({ filters: parseFilters("files") })),
  "files show": async (client) =>
    printItem(await createFileResource(client).fetch(requireArgument(0, "the file's id"))),
  "ip-ranges list": (client) =>
    printItems(
      "ip-ranges",
      createIpRangeResource(client).list({ filters: parseFilters("ip-ranges") }),
    ),
  "ip-ranges create": async (client) =>
    output.line(await createIpRangeResource(client).create(readIpRange(0))),
  "ip-ranges update": (client) =>
    createIpRangeResource(client).update(requireArgument(0, "the range's id"), readIpRange(1)),
  "ip-ranges delete": (client) =>
    createIpRangeResource(client).remove(requireArgument(0, "the range's id")),
  "discovery upload": uploadLog,
  "discovery streams": async (client) => {
    for (const stream of await createDiscoveryResource(client).listStreams())
      output.line(JSON.stringify(stream));
  },
  "discovery categories": async (client) => {
    for (const { id, total } of await createDiscoveryResource(client).listCategories(
      requireArgument(0, "the stream's id"),
    ))
      output.line(`${String(total).padStart(6)}  ${id}`);
  },
  "discovery block-script": async (client) =>
    output.line(await createDiscoveryResource(client).getBlockScript(readScriptFormat())),
};

try {
  if (resource === "" || options.has("help")) output.line(help);
  else await runCommand();
} catch (error) {
  output.error(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) output.error("\n" + help);
  process.exitCode = 1;
}
