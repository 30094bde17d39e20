/**
 * `npm run cloud-apps -- <resource> <verb>`: the Cloud Apps API from the command line. Tables on a terminal, NDJSON in a
 * pipe. It closes no alerts: that is the verdict desk's, which keeps a record of it.
 */
import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { activityResource } from "../clients/cloud-apps/activities.ts";
import {
  blockScriptFormats,
  discoveryResource,
  type BlockScriptFormat,
} from "../clients/cloud-apps/discovery.ts";
import { allOf, type WireFilter } from "../clients/cloud-apps/filters.ts";
import { ipRangeResource, type IpCategory } from "../clients/cloud-apps/ip-ranges.ts";
import { largestPage, type Item } from "../clients/cloud-apps/lists.ts";
import { alertResource, entityResource, fileResource } from "../clients/cloud-apps/resources.ts";
import { parseAlertId, type AlertId } from "../contracts/alert-id.ts";
import { cloudApps } from "../app/services.ts";
import { rowsOf } from "./cloud-apps/columns.ts";
import { readFilter, sinceFilter, type Listed } from "./cloud-apps/filter-words.ts";
import { readArguments } from "./hunts/arguments.ts";
import { openOutput, table } from "./hunts/output.ts";
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
class Usage extends Error {
  override readonly name = "Usage";
}

loadLocalSettings();
const out = openOutput(process.stdout, process.stderr);
const given = process.argv.slice(2);
const { words, options } = readArguments(given, new Set(["json", "snapshot", "help"]));
const [resource = "", verb = "", ...rest] = words;
const top = Number(options.get("top") ?? 100);
const known = new Set(["filter", "since", "top", "json", "snapshot", "help", "source", "stream"]);

async function run(): Promise<void> {
  const strange = [...options.keys()].find((name) => !known.has(name));
  if (strange !== undefined) throw new Usage(`--${strange} is no option.`);
  if (!(Number.isInteger(top) && top >= 1))
    throw new Usage(`--top is ${options.get("top")}, want a whole number from 1.`);
  const action = actions[`${resource} ${verb}`];
  if (!action) throw new Usage(`"${resource} ${verb}" is no command.`);
  await action((await cloudApps()).pipe);
}

type PipeOf = Awaited<ReturnType<typeof cloudApps>>["pipe"];

/** Filters may be given several times; `readArguments` keeps the last, so they are gathered here. */
function filters(listed: Listed): WireFilter {
  const texts = given.flatMap((word, index) =>
    word === "--filter"
      ? [given[index + 1] ?? ""]
      : word.startsWith("--filter=")
        ? [word.slice(9)]
        : [],
  );
  const since = options.get("since");
  const read = texts.map((text) => readFilter(listed, text));
  if (since !== undefined) read.push(sinceFilter(listed, since, Date.now()));
  for (const one of read) if (one.kind === "fault") throw new Usage(one.message);
  return allOf(...read.flatMap((one) => (one.kind === "filter" ? [one.filter] : [])));
}

/** Shows up to `top` items: as they come in a pipe, as one table on a terminal. */
async function show(listed: Listed, items: AsyncIterable<Item>): Promise<void> {
  const kept: Item[] = [];
  // One page is there at once; a bar would only flicker.
  const isLong = top > largestPage;
  const asLines = options.has("json") || !process.stdout.isTTY;
  let count = 0;
  for await (const item of items) {
    count += 1;
    if (asLines) out.line(JSON.stringify(item));
    else kept.push(item);
    if (isLong) out.progress(count, top, listed);
    if (count >= top) break;
  }
  if (asLines) return;
  const { head, rows } = rowsOf(listed, kept);
  for (const line of table(head, rows)) out.line(line);
  out.line(count >= top ? `The first ${top}; --top ${top * 10} shows more.` : `${count} in all.`);
}

function showOne(item: Item | undefined): void {
  if (!item) throw new Error("Cloud Apps knows nothing by this id.");
  out.line(JSON.stringify(item, undefined, 2));
}

function need(index: number, what: string): string {
  const word = rest[index];
  if (word === undefined) throw new Usage(`Say ${what}.`);
  return word;
}

function alertId(): AlertId {
  const parsed = parseAlertId(need(0, "the alert's id"));
  if (parsed.kind === "refused") throw new Usage(parsed.message);
  return parsed.id;
}

const entityKey = () => ({
  id: need(0, "the entity's id"),
  ...(rest[1] === undefined ? {} : { saas: Number(rest[1]) }),
  ...(rest[2] === undefined ? {} : { inst: Number(rest[2]) }),
});

function ipRange(from: number) {
  const category = Number(need(from + 1, "the category, 1 to 6"));
  if (!(Number.isInteger(category) && category >= 1 && category <= 6))
    throw new Usage(`category is ${rest[from + 1]}, want 1 to 6`);
  need(from + 2, "at least one range in CIDR notation");
  return {
    name: need(from, "a name"),
    category: category as IpCategory,
    subnets: rest.slice(from + 2),
  };
}

async function upload(pipe: PipeOf): Promise<void> {
  const file = need(0, "the file to upload");
  const handle = await open(file);
  try {
    const bytes = (await stat(file)).size;
    const log = {
      filename: basename(file),
      source: options.get("source") ?? "GENERIC_CEF",
      inputStreamName: options.get("stream") ?? basename(file),
      asSnapshot: options.has("snapshot"),
      bytes,
      read: async (from: number, to: number) =>
        (await handle.read(Buffer.alloc(to - from), 0, to - from, from)).buffer,
    };
    await discoveryResource(pipe).upload(log, (sent) => out.progress(sent, bytes, log.filename));
    out.line(
      "Uploaded and queued for parsing. The portal shows the outcome within some minutes, under Cloud discovery, Governance log.",
    );
  } finally {
    await handle.close();
  }
}

function scriptFormat(): BlockScriptFormat {
  const format = need(0, `the appliance: ${Object.keys(blockScriptFormats).join(", ")}`);
  if (!(format in blockScriptFormats))
    throw new Usage(`"${format}" is none of ${Object.keys(blockScriptFormats).join(", ")}`);
  return format as BlockScriptFormat;
}

const actions: Readonly<Record<string, (pipe: PipeOf) => Promise<void> | void>> = {
  "alerts list": (pipe) =>
    show(
      "alerts",
      alertResource(pipe).list({
        filters: filters("alerts"),
        sortField: "date",
        sortDirection: "desc",
      }),
    ),
  "alerts show": async (pipe) => showOne(await alertResource(pipe).fetch(alertId())),
  "alerts read": (pipe) => alertResource(pipe).read(alertId()),
  "alerts unread": (pipe) => alertResource(pipe).unread(alertId()),
  "activities list": (pipe) =>
    show(
      "activities",
      activityResource(pipe).list({
        filters: filters("activities"),
        sortField: "date",
        sortDirection: "desc",
      }),
    ),
  "activities scan": (pipe) => {
    const conditions = filters("activities");
    if (!("date" in conditions) && !("created" in conditions))
      throw new Usage("A scan reads everything there is: give --since or a filter on date.");
    return show(
      "activities",
      activityResource(pipe).scan({ filters: { ...conditions, date: conditions["date"] ?? {} } }),
    );
  },
  "activities show": async (pipe) =>
    showOne(await activityResource(pipe).fetch(need(0, "the activity's id"))),
  "activities feedback": (pipe) =>
    activityResource(pipe).feedback(need(0, "the activity's id"), {
      feedbackValue: need(1, "the feedback"),
      ...(rest[2] === undefined ? {} : { feedbackText: rest[2] }),
    }),
  "entities list": (pipe) =>
    show("entities", entityResource(pipe).list({ filters: filters("entities") })),
  "entities show": async (pipe) => showOne(await entityResource(pipe).fetch(entityKey())),
  "entities tree": async (pipe) => showOne(await entityResource(pipe).tree(entityKey())),
  "files list": (pipe) => show("files", fileResource(pipe).list({ filters: filters("files") })),
  "files show": async (pipe) => showOne(await fileResource(pipe).fetch(need(0, "the file's id"))),
  "ip-ranges list": (pipe) =>
    show("ip-ranges", ipRangeResource(pipe).list({ filters: filters("ip-ranges") })),
  "ip-ranges create": async (pipe) => out.line(await ipRangeResource(pipe).create(ipRange(0))),
  "ip-ranges update": (pipe) => ipRangeResource(pipe).update(need(0, "the range's id"), ipRange(1)),
  "ip-ranges delete": (pipe) => ipRangeResource(pipe).remove(need(0, "the range's id")),
  "discovery upload": upload,
  "discovery streams": async (pipe) => {
    for (const stream of await discoveryResource(pipe).streams()) out.line(JSON.stringify(stream));
  },
  "discovery categories": async (pipe) => {
    for (const { id, total } of await discoveryResource(pipe).categories(
      need(0, "the stream's id"),
    ))
      out.line(`${String(total).padStart(6)}  ${id}`);
  },
  "discovery block-script": async (pipe) =>
    out.line(await discoveryResource(pipe).blockScript(scriptFormat())),
};

try {
  if (resource === "" || options.has("help")) out.line(help);
  else await run();
} catch (error) {
  out.error(error instanceof Error ? error.message : String(error));
  if (error instanceof Usage) out.error("\n" + help);
  process.exitCode = 1;
}
