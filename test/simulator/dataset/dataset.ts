/**
 * A deterministic dataset of one organization: its people, devices, files and events as a function
 * of time. Any window can be read in any order; its cost is proportional to its rows.
 */
import { parseInstant, ticksFromMs, type Span, type Ticks } from "../../../shared/runtime/time.ts";
import type { KqlType } from "../../../shared/contracts/compiled-hunt.ts";
import { drawOrganization, type OrganizationOptions } from "./organization.ts";
import type { Organization } from "./entities.ts";
import type { TableSpec } from "./simulated-event.ts";
import { createAddedRows, type AddedRow, type AddedRows } from "./added-rows.ts";
import { createLayout, scanTable, type ExtraRow, type Layout, type Scan } from "./scan.ts";
import { getEmptyValue, publishedTables, type Columns } from "./schema.ts";
import { createScenarioLibrary, type ScenarioLibrary } from "./scenarios/library.ts";
import type { ScenarioEvent } from "./scenarios/scenario.ts";
import { drawVulnerabilityRows } from "./tables/activity.ts";
import { tableSpecs } from "./tables/table-specs.ts";
import { readWorkspaceTables, workspaceSpecs } from "./tables/workspace.ts";
import type { Distribution } from "./timeline.ts";

export type Row = readonly unknown[];

/** A row by column name; absent columns are empty. */
type NamedRow = Readonly<Record<string, unknown>>;

export interface DatasetOptions extends OrganizationOptions {
  /** Start of the dataset; default 2026-01-01. */
  readonly startMs?: number;
  /**
   * Rows per hour: of `DeviceProcessEvents` with the other tables in proportion (default 120), or
   * exact numbers by table (0 for the others).
   */
  readonly eventsPerHour?: number | Readonly<Record<string, number>>;
  readonly distribution?: Distribution | Readonly<Record<string, Distribution>>;
  /** Share of generated rows that arrive late, and how late. */
  readonly late?: { readonly share: number; readonly delayMs: number };
  /** Adds tables of a Microsoft Sentinel workspace; their time is `TimeGenerated`. */
  readonly workspace?: boolean;
  /** Tables that the tenant does not have. */
  readonly excludedTables?: readonly string[];
  /**
   * Adds attacks for hunts to find, on top of the rates. Default: true, but false if rates are by
   * table.
   */
  readonly scenarios?: boolean;
}

export interface Dataset extends Organization {
  /** Tables of the tenant, with their columns in order. */
  readonly tables: ReadonlyMap<string, Columns>;
  /** Start of the dataset. */
  readonly start: Ticks;
  /**
   * Returns rows with their time in the span that had arrived by `visibleAt`, by time, then by
   * insertion. Values are KQL's: long and datetime (ticks) are bigint. Returns all rows of a table
   * without a time.
   */
  readonly readRows: (table: string, span: Span, visibleAt?: Ticks) => Iterable<Row>;
  readonly countRows: (table: string, span: Span, visibleAt?: Ticks) => number;
  /**
   * Adds a row. Instants may be text. `ingestedAt` is by default two seconds after its time.
   */
  readonly addRow: (table: string, row: NamedRow, ingestedAt?: Ticks) => void;
  /** Adds a row that arrives `delayMs` after its time. */
  readonly addLateRow: (table: string, row: NamedRow, delayMs: number) => void;
}

const defaultPerHour = 120;
const arrivalTicks = 20_000_000n;

/** Draws the dataset. Equal options give equal datasets. */
export function createDataset(options: DatasetOptions = {}): Dataset {
  const organization = drawOrganization(options);
  const tables = new Map(
    [...publishedTables, ...(options.workspace === true ? readWorkspaceTables() : [])].filter(
      ([name]) => options.excludedTables?.includes(name) !== true,
    ),
  );
  const start = ticksFromMs(options.startMs ?? Date.UTC(2026, 0, 1));
  const sources: ScanSources = {
    organization,
    start,
    options,
    addedRows: createAddedRows(),
    library: selectLibrary(organization, options),
  };
  const scans = new Map(
    [...tables].map(([name, columns]) => [name, createScan(name, columns, sources)]),
  );
  const addRow = createAddRow(scans, sources);
  const readRows: Dataset["readRows"] = (table, span, visibleAt) =>
    scanTable(findScan(scans, table), span, visibleAt);
  if (typeof options.eventsPerHour !== "object" && tables.has(vulnerabilityTable))
    for (const row of drawVulnerabilityRows(organization))
      addRow(vulnerabilityTable, row, (at) => at);
  return {
    ...organization,
    tables,
    start,
    readRows,
    countRows: (table, span, visibleAt) => countItems(readRows(table, span, visibleAt)),
    addRow: (table, row, ingestedAt) => addRow(table, row, (at) => ingestedAt ?? at + arrivalTicks),
    addLateRow: (table, row, delayMs) => addRow(table, row, (at) => at + ticksFromMs(delayMs)),
  };
}

const vulnerabilityTable = "DeviceTvmSoftwareVulnerabilities";

/** State that all scans of a dataset share. */
interface ScanSources {
  readonly organization: Organization;
  readonly start: Ticks;
  readonly options: DatasetOptions;
  readonly addedRows: AddedRows;
  readonly library: ScenarioLibrary;
}

function selectLibrary(
  organization: Organization,
  { scenarios, eventsPerHour }: DatasetOptions,
): ScenarioLibrary {
  return (scenarios ?? typeof eventsPerHour !== "object")
    ? createScenarioLibrary(organization)
    : () => [];
}

const countItems = (rows: Iterable<unknown>): number =>
  Iterator.from(rows).reduce<number>((count) => count + 1, 0);

function findScan(scans: ReadonlyMap<string, Scan>, table: string): Scan {
  const scan = scans.get(table);
  if (scan === undefined) throw new Error(`the world has no table ${table}`);
  return scan;
}

function createScan(
  name: string,
  columns: Columns,
  { organization, start, options, addedRows, library }: ScanSources,
): Scan {
  const spec = findSpec(name) ?? createEmptySpec(name);
  const source = spec.follows?.table ?? name;
  const { share = 0, delayMs = 0 } = options.late ?? {};
  return {
    spec,
    layout: createLayout(columns, spec.cells),
    timeline: {
      table: source,
      seed: organization.seed,
      perHour: rateOf(source, options),
      distribution: distributionOf(source, options),
    },
    organization,
    start,
    late: { share, delay: ticksFromMs(delayMs) },
    extraRows: (from, to) =>
      mergeRows(library(name, from, to), addedRows.listBetween(name, from, to)),
  };
}

/** Merges rows of scenarios and added rows by time. */
function mergeRows(
  scenarioEvents: readonly ScenarioEvent[],
  addedRows: readonly AddedRow[],
): readonly ExtraRow[] {
  const scenarioRows = scenarioEvents.map(({ at, event }): ExtraRow => ({
    at,
    event,
    ingestedAt: at + arrivalTicks,
  }));
  if (addedRows.length === 0) return scenarioRows;
  return [...scenarioRows, ...addedRows].sort((one, other) =>
    one.at < other.at ? -1 : one.at > other.at ? 1 : 0,
  );
}

const findSpec = (table: string): TableSpec | undefined =>
  [...tableSpecs, ...workspaceSpecs].find(({ name }) => name === table);

/** A table without generated rows. */
const createEmptySpec = (name: string): TableSpec => ({
  name,
  weight: 0,
  cells: {},
  draw: () => {
    throw new Error(`nothing is drawn for ${name}`);
  },
});

function rateOf(table: string, { eventsPerHour = defaultPerHour }: DatasetOptions): number {
  if (typeof eventsPerHour !== "number") return eventsPerHour[table] ?? 0;
  return (eventsPerHour * (findSpec(table)?.weight ?? 0)) / 100;
}

function distributionOf(table: string, { distribution = "uniform" }: DatasetOptions): Distribution {
  return typeof distribution === "string" ? distribution : (distribution[table] ?? "uniform");
}

type AddRow = (table: string, row: NamedRow, ingestedAt: (at: Ticks) => Ticks) => void;

function createAddRow(scans: ReadonlyMap<string, Scan>, { addedRows, start }: ScanSources): AddRow {
  return (table, row, ingestedAt) => {
    const { layout } = findScan(scans, table);
    const values = namedToRow(layout, row);
    const { timeColumn } = layout;
    const columnIndex = timeColumn === undefined ? undefined : layout.columnIndexes.get(timeColumn);
    const at = columnIndex === undefined ? start : values[columnIndex];
    if (typeof at !== "bigint")
      throw new Error(`a row of ${table} needs a ${timeColumn}: ticks or ISO 8601 text`);
    addedRows.add(table, { at, ingestedAt: ingestedAt(at), row: values });
  };
}

/** Returns a row in column order; instants may be text, whole numbers may be numbers. */
function namedToRow({ columns, columnIndexes }: Layout, row: NamedRow): Row {
  const unknownColumn = Object.keys(row).find((name) => !columnIndexes.has(name));
  if (unknownColumn !== undefined) throw new Error(`the table has no column ${unknownColumn}`);
  return columns.map(({ name, type }) => toCellValue(type, row[name]));
}

function toCellValue(type: KqlType, value: unknown): unknown {
  if (value === undefined) return getEmptyValue(type);
  if (type === "datetime" && typeof value === "string") return parseInstant(value) ?? null;
  return type === "long" && typeof value === "number" ? BigInt(value) : value;
}
