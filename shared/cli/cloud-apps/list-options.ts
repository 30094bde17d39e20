/** Reads the options of `list` and `scan`. */
import { joinFilters, type WireFilter } from "../../clients/cloud-apps/filters.ts";
import { formatSuggestion } from "../../runtime/suggest-word.ts";
import { UsageError, type CommandLine } from "../command-line.ts";
import { createSinceFilter, parseFilter, type ListedResource } from "./parse-filter.ts";

/** How items are printed. */
const itemFormats = ["table", "json", "csv"] as const;
export type ItemFormat = (typeof itemFormats)[number];

const sortFields = {
  alerts: ["date", "severity"],
  activities: ["date", "created"],
  entities: ["date", "severity"],
  files: ["dateModified"],
  "ip-ranges": ["category", "tags", "name"],
} as const satisfies Record<ListedResource, readonly string[]>;

/** A field that the service sorts a resource by. */
export type SortField<R extends ListedResource> = (typeof sortFields)[R][number];

const defaultTop = 100;

/**
 * Joins `--filter`, `--raw-filter` and `--since` by AND.
 *
 * @throws UsageError
 */
export function readFilters(
  resource: ListedResource,
  line: CommandLine,
  nowMs: number,
): WireFilter {
  const parsed = line.readList("filter").map((text) => parseFilter(resource, text));
  const since = line.readText("since");
  if (since !== undefined) parsed.push(createSinceFilter(resource, since, nowMs));
  for (const one of parsed) if (one.kind === "fault") throw new UsageError(one.message);
  return joinFilters(
    ...parsed.flatMap((one) => (one.kind === "filter" ? [one.filter] : [])),
    ...line.readList("raw-filter").map(parseRawFilter),
  );
}

function parseRawFilter(text: string): WireFilter {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as WireFilter;
  } catch {
    // The error below covers text that is not JSON, too.
  }
  throw new UsageError('--raw-filter must be a JSON object, such as {"severity":{"eq":[2]}}.');
}

/** @throws UsageError */
export function readPaging(line: CommandLine): { readonly top: number; readonly skip: number } {
  return {
    top: readCount(line, "top", defaultTop, 1),
    skip: readCount(line, "skip", 0, 0),
  };
}

function readCount(line: CommandLine, name: string, fallback: number, min: number): number {
  const text = line.readText(name);
  const count = text === undefined ? fallback : Number(text);
  if (!Number.isSafeInteger(count) || count < min)
    throw new UsageError(`--${name} must be a whole number of at least ${min}.`);
  return count;
}

/** Reads `--sort field[:asc|desc]`. @throws UsageError */
export function readSort<R extends ListedResource>(
  resource: R,
  line: CommandLine,
): { sortField?: SortField<R>; sortDirection?: "asc" | "desc" } {
  const isTimed = resource === "alerts" || resource === "activities";
  const text = line.readText("sort") ?? (isTimed ? "date" : undefined);
  if (text === undefined) return {};
  const [name = "", direction = "desc"] = text.split(":");
  const fields: readonly SortField<R>[] = sortFields[resource];
  const sortField = fields.find((field) => field === name);
  if (sortField === undefined)
    throw new UsageError(
      `--sort must be one of ${fields.join(", ")}.${formatSuggestion(name, fields)}`,
    );
  if (direction !== "asc" && direction !== "desc")
    throw new UsageError(`--sort ${name} must end in :asc or :desc.`);
  return { sortField, sortDirection: direction };
}

/** @throws UsageError */
export function readFormat(line: CommandLine, isTerminal: boolean): ItemFormat {
  const text = line.readText("format") ?? (isTerminal ? "table" : "json");
  const format = itemFormats.find((each) => each === text);
  if (format === undefined)
    throw new UsageError(
      `--format must be one of ${itemFormats.join(", ")}.${formatSuggestion(text, itemFormats)}`,
    );
  return format;
}
