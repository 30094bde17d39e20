/** Runs one command line of `npm run exports`. */
import { join } from "node:path";
import type { ExportRecord, ExportStore, HuntFormat } from "../../hunts/ports.ts";
import { huntPrefix, tenantPrefix, type HuntPlace } from "../../hunts/log/paths.ts";
import { formatSuggestion } from "../../runtime/suggest-word.ts";
import {
  parseCommandLine,
  throwUnknownCommand,
  UsageError,
  type CommandLine,
  type OptionTable,
} from "../command-line.ts";
import { formatCsvCell } from "../csv-cell.ts";
import { formatCount, formatTable, type Output } from "../output.ts";
import { defaultTenant } from "../../storage/tenant-records.ts";

const usage = `npm run exports -- <command> [options]

  list                     lists the hunts that have exports
  list <hunt>              lists the exports of a hunt, oldest first
  show <hunt>              shows the newest rows
      --top 20             how many rows
      --format table|json|csv
  download <hunt>          downloads the blobs
      --into exports       the folder, which gets the container's paths

  --tenant contoso         exports of a tenant of the setting TENANTS; else of default
  --simulator              use the storage that npm start runs
  --help, -h

Without --simulator it reads DataStorage, or DataStorage__blobServiceUri, from
local.settings.json and the environment.`;

/** The exports of one storage account. */
export interface ExportFiles {
  readonly store: ExportStore;
  readonly download: (path: string, file: string) => Promise<void>;
}

/** What the command line runs with. */
export interface ExportsContext {
  readonly output: Output;
  readonly isTerminal: boolean;
  readonly openExports: (isSimulated: boolean) => Promise<ExportFiles>;
}

const options: OptionTable = {
  top: "text",
  format: "text",
  into: "text",
  tenant: "text",
  simulator: "flag",
};
const commandNames = ["list", "show", "download"];

/** Returns the exit code: 1 when the hunt has no exports. @throws UsageError */
export async function runExports(
  words: readonly string[],
  { output, isTerminal, openExports }: ExportsContext,
): Promise<number> {
  const line = parseCommandLine(words, options);
  const [command, hunt, ...extra] = line.positionals;
  if (line.isHelp || command === undefined) {
    output.line(usage);
    return 0;
  }
  if (!commandNames.includes(command)) return throwUnknownCommand(command, commandNames);
  if (extra[0] !== undefined) throw new UsageError(`Unexpected "${extra[0]}". Run with --help.`);
  if (hunt === undefined && command !== "list")
    throw new UsageError(`exports ${command} requires a hunt.`);
  const showOptions = readShowOptions(line, isTerminal);
  const files = await openExports(line.hasFlag("simulator"));
  const tenant = readTenant(line);
  if (hunt === undefined) return listHunts(files.store, tenant, output);
  const records = await Array.fromAsync(files.store.list(huntPrefix({ tenant, hunt })));
  if (records.length === 0) {
    output.error(await formatNoExports(files.store, { tenant, hunt }));
    return 1;
  }
  if (command === "list") printExports(records, output);
  else if (command === "show") await showRows(files.store, records, showOptions, output);
  else await downloadExports(files, records, line.readText("into") ?? "exports", output);
  return 0;
}

const readTenant = (line: CommandLine): string => line.readText("tenant") ?? defaultTenant;

const listHuntNames = async (store: ExportStore, tenant: string): Promise<string[]> =>
  (await store.listFolders(tenantPrefix(tenant))).map((folder) => folder.replace("hl_hunt=", ""));

async function formatNoExports(store: ExportStore, { hunt, tenant }: HuntPlace): Promise<string> {
  const hunts = await listHuntNames(store, tenant);
  return (
    `There are no exports of ${hunt}.${formatSuggestion(hunt, hunts)}` +
    " npm run exports -- list shows the hunts that have exports."
  );
}

async function listHunts(store: ExportStore, tenant: string, output: Output): Promise<number> {
  const hunts = await listHuntNames(store, tenant);
  for (const hunt of hunts) output.line(hunt);
  if (hunts.length === 0)
    output.line(
      tenant === defaultTenant
        ? "No hunt has exports yet."
        : `No hunt of the tenant ${tenant} has exports; npm run doctor lists the tenants.`,
    );
  return 0;
}

function printExports(records: readonly ExportRecord[], output: Output): void {
  const rows = records.map(({ path, metadata }) => [
    String(metadata.seq),
    metadata.from,
    metadata.to,
    String(metadata.rows),
    metadata.complete,
    path,
  ]);
  for (const text of formatTable(["seq", "from", "to", "rows", "complete", "blob"], rows))
    output.line(text);
  const rowCount = records.reduce((sum, { metadata }) => sum + metadata.rows, 0);
  output.line(`${formatCount(records.length, "export")}, ${formatCount(rowCount, "row")}.`);
}

interface ShowOptions {
  readonly top: number;
  readonly format: "table" | "json" | "csv";
}

const defaultTop = 20;

/** @throws UsageError */
function readShowOptions(line: CommandLine, isTerminal: boolean): ShowOptions {
  const top = Number(line.readText("top") ?? defaultTop);
  if (!Number.isSafeInteger(top) || top < 1)
    throw new UsageError("--top must be a whole number of at least 1.");
  const format = line.readText("format") ?? (isTerminal ? "table" : "json");
  if (format !== "table" && format !== "json" && format !== "csv")
    throw new UsageError("--format must be one of table, json, csv.");
  return { top, format };
}

/** Reads exports from the newest backwards until there are `top` rows; prints them oldest first. */
async function showRows(
  store: ExportStore,
  records: readonly ExportRecord[],
  { top, format }: ShowOptions,
  output: Output,
): Promise<void> {
  const newestFirst = records.toSorted((a, b) => (a.metadata.to < b.metadata.to ? 1 : -1));
  let rows: readonly string[] = [];
  for (const { path, metadata } of newestFirst) {
    if (rows.length >= top) break;
    const missing = top - rows.length;
    const skip = Math.max(0, metadata.rows - missing);
    if (metadata.rows > 0)
      rows = [...(await store.readRows(path, readFormatOf(path), skip, missing)), ...rows];
  }
  if (format === "json") for (const row of rows) output.line(row);
  else printTable(rows, format, output);
}

const readFormatOf = (path: string): HuntFormat =>
  path.endsWith(".parquet") ? "parquet" : path.endsWith(".csv.gz") ? "csv" : "ndjson";

function printTable(rows: readonly string[], format: "table" | "csv", output: Output): void {
  const objects = rows.map((row) => JSON.parse(row) as Readonly<Record<string, unknown>>);
  const head = [...new Set(objects.flatMap((row) => Object.keys(row)))];
  const cells = objects.map((row) => head.map((name) => formatCell(row[name])));
  if (format === "csv")
    for (const row of [head, ...cells]) output.line(row.map(formatCsvCell).join(","));
  else if (head.length > 0) for (const text of formatTable(head, cells)) output.line(text);
  if (rows.length === 0) output.error("The exports have no rows.");
}

const formatCell = (value: unknown): string =>
  (typeof value === "string" ? value : JSON.stringify(value ?? "")).replaceAll(/\p{Cc}/gu, " ");

/** Downloads each blob to the container's path below `folder`. */
async function downloadExports(
  { download }: ExportFiles,
  records: readonly ExportRecord[],
  folder: string,
  output: Output,
): Promise<void> {
  for (const [index, { path }] of records.entries()) {
    output.progress(index, records.length, path);
    await download(path, join(folder, ...path.split("/").filter((name) => name !== "..")));
  }
  output.progress(records.length, records.length, "");
  output.line(`Downloaded ${formatCount(records.length, "export")} to ${folder}.`);
}
