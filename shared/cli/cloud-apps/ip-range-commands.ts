/** Creates, updates and deletes IP ranges. An update keeps what the command line does not name. */
import { ipCategories, numberOf, wordOf } from "../../clients/cloud-apps/enums.ts";
import {
  createIpRangeResource,
  type IpCategory,
  type IpRange,
} from "../../clients/cloud-apps/ip-ranges.ts";
import type { Item } from "../../clients/cloud-apps/lists.ts";
import { formatSuggestion } from "../../runtime/suggest-word.ts";
import { UsageError, type CommandLine } from "../command-line.ts";
import type { CommandRun } from "./run.ts";

/** @throws UsageError */
export async function createIpRange({ client, line, output, args }: CommandRun): Promise<void> {
  const [name, category, ...subnets] = args;
  if (name === undefined || category === undefined || subnets.length === 0)
    throw new UsageError("ip-ranges create requires <name> <category> <cidr…>.");
  const id = await createIpRangeResource(client).create({
    name,
    category: parseCategory(category),
    subnets,
    ...readExtras(line),
  });
  output.line(`Created IP range ${id} (${name}).`);
}

/** Reads the range, changes what is named and writes it: the service blanks what is left out. */
export async function updateIpRange({ client, line, output, args }: CommandRun): Promise<void> {
  const [id, ...extra] = args;
  if (id === undefined || extra.length > 0)
    throw new UsageError("ip-ranges update requires <id>; name the changes by options (--help).");
  const resource = createIpRangeResource(client);
  const current = await findRange(resource.list(), id);
  if (!current) throw new UsageError(`No IP range has the id ${id}. Run: ip-ranges list`);
  const changed = mergeRange(current, line);
  const changes = listChanges(current, changed);
  if (changes.length === 0) {
    output.line(`IP range ${id} is unchanged.`);
    return;
  }
  await resource.update(id, changed);
  output.line(`Updated IP range ${id}:`);
  for (const change of changes) output.line(`  ${change}`);
}

export async function deleteIpRange({ client, output, args }: CommandRun): Promise<void> {
  const [id] = args;
  if (id === undefined) throw new UsageError("ip-ranges delete requires <id>.");
  await createIpRangeResource(client).remove(id);
  output.line(`Deleted IP range ${id}.`);
}

async function findRange(items: AsyncIterable<Item>, id: string): Promise<IpRange | undefined> {
  for await (const item of items) if (item["_id"] === id) return toRange(item);
  return undefined;
}

const readTexts = (value: unknown, member: string): string[] =>
  Array.isArray(value)
    ? value.flatMap((one: Readonly<Record<string, unknown>>) =>
        typeof one[member] === "string" ? [one[member]] : [],
      )
    : [];

/** Converts a listed range to the form that the service takes back. */
function toRange(item: Item): IpRange {
  const { name, category, organization } = item;
  const tags = readTexts(item["tags"], "name");
  return {
    name: typeof name === "string" ? name : "",
    category: parseCategory(String(category)),
    subnets: readTexts(item["subnets"], "originalString"),
    ...(typeof organization === "string" && organization !== "" ? { organization } : {}),
    ...(tags.length > 0 ? { tags } : {}),
  };
}

function mergeRange(current: IpRange, line: CommandLine): IpRange {
  const category = line.readText("category");
  const replaced = line.readList("subnet");
  const removed = new Set(line.readList("remove"));
  const base = replaced.length > 0 ? replaced : current.subnets;
  const unknown = [...removed].find((subnet) => !base.includes(subnet));
  if (unknown !== undefined)
    throw new UsageError(`--remove ${unknown}: the range does not have it.`);
  const subnets = [...new Set([...base, ...line.readList("add")])].filter(
    (subnet) => !removed.has(subnet),
  );
  if (subnets.length === 0) throw new UsageError("An IP range must keep at least one subnet.");
  return {
    ...current,
    name: line.readText("name") ?? current.name,
    category: category === undefined ? current.category : parseCategory(category),
    subnets,
    ...readExtras(line),
  };
}

function readExtras(line: CommandLine): Partial<Pick<IpRange, "organization" | "tags">> {
  const tags = line.readList("tag").filter((tag) => tag !== "");
  const organization = line.readText("organization");
  return {
    ...(line.hasFlag("tag") ? { tags } : {}),
    ...(organization === undefined ? {} : { organization }),
  };
}

function listChanges(before: IpRange, after: IpRange): readonly string[] {
  const show = ({ name, category, subnets, organization, tags }: IpRange) => ({
    name,
    category: String(wordOf(ipCategories, category)),
    subnets: subnets.join(" "),
    organization: organization ?? "",
    tags: (tags ?? []).join(" "),
  });
  const [old, updated] = [show(before), show(after)];
  return (Object.keys(old) as (keyof typeof old)[])
    .filter((field) => old[field] !== updated[field])
    .map((field) => `${field}: ${old[field] || "(none)"} -> ${updated[field] || "(none)"}`);
}

/** Reads a category by its number or word. @throws UsageError */
function parseCategory(text: string): IpCategory {
  const number = numberOf(ipCategories, text) ?? Number(text);
  if (number in ipCategories) return number as IpCategory;
  const words = Object.values(ipCategories);
  throw new UsageError(
    `<category> must be 1 to 6 or one of ${words.join(", ")}.${formatSuggestion(text, words)}`,
  );
}
