/**
 * A deterministic world of one organisation: its people, devices and files, and everything that happened, as a
 * function of time. Any window can be asked for, in any order, and costs what it holds.
 */
import { parseInstant, ticksFromMs, type Span, type Ticks } from "../../../shared/runtime/time.ts";
import type { KqlType } from "../../../shared/contracts/compiled-hunt.ts";
import { drawCast, type CastOptions } from "./cast.ts";
import type { Cast } from "./entities.ts";
import type { TableSpec } from "./happening.ts";
import { createLedger, type Added, type Ledger } from "./ledger.ts";
import { layoutOf, scanTable, type Besides, type Layout, type Scan } from "./scan.ts";
import { emptyValue, publishedTables, type Columns } from "./schema.ts";
import { createLibrary, type Library } from "./scenarios/library.ts";
import type { Told } from "./scenarios/scene.ts";
import { softwareWeaknesses } from "./tables/activity.ts";
import { specs } from "./tables/all.ts";
import type { Distribution } from "./timeline.ts";

export type Row = readonly unknown[];

/** A row by column name; what is not named is empty. */
export type NamedRow = Readonly<Record<string, unknown>>;

export interface WorldOptions extends CastOptions {
  /** Nothing happened before; default 2026-01-01. */
  readonly startMs?: number;
  /** Rows an hour: of `DeviceProcessEvents` with the others in proportion (default 120), or exactly by table, the rest at 0. */
  readonly eventsPerHour?: number | Readonly<Record<string, number>>;
  readonly distribution?: Distribution | Readonly<Record<string, Distribution>>;
  /** Share of generated rows that arrive late, and how late. */
  readonly late?: { readonly share: number; readonly delayMs: number };
  /** Tables the tenant does not have. */
  readonly without?: readonly string[];
  /** Attacks for good hunts to find, on top of the rates. Default: yes, but not where rates are given by table. */
  readonly stories?: boolean;
}

export interface World extends Cast {
  /** Tables the tenant has, with their columns in order. */
  readonly tables: ReadonlyMap<string, Columns>;
  /** Nothing happened before. */
  readonly start: Ticks;
  /**
   * Rows with `Timestamp` in the span that had arrived by `visibleAt`, by time, then as inserted. Values as KQL has them:
   * long and datetime (ticks) are bigint. A table without `Timestamp` gives all its rows.
   */
  readonly rows: (table: string, span: Span, visibleAt?: Ticks) => Iterable<Row>;
  readonly count: (table: string, span: Span, visibleAt?: Ticks) => number;
  /** Adds a row. Instants may be text. It arrives at `ingestedAt`, by default two seconds after its `Timestamp`. */
  readonly add: (table: string, row: NamedRow, ingestedAt?: Ticks) => void;
  /** Adds a row that arrives `delayMs` after its `Timestamp`. */
  readonly addLate: (table: string, row: NamedRow, delayMs: number) => void;
}

const defaultPerHour = 120;
const arrivalTicks = 20_000_000n;

/** Draws the world. Equal options give equal worlds. */
export function createWorld(options: WorldOptions = {}): World {
  const cast = drawCast(options);
  const tables = new Map(
    [...publishedTables].filter(([name]) => options.without?.includes(name) !== true),
  );
  const start = ticksFromMs(options.startMs ?? Date.UTC(2026, 0, 1));
  const books: Books = {
    cast,
    start,
    options,
    ledger: createLedger(),
    library: libraryOf(cast, options),
  };
  const scans = new Map([...tables].map(([name, columns]) => [name, scanOf(name, columns, books)]));
  const add = adder(scans, books);
  const rows: World["rows"] = (table, span, visibleAt) =>
    scanTable(found(scans, table), span, visibleAt);
  if (typeof options.eventsPerHour !== "object" && tables.has(weaknesses))
    for (const row of softwareWeaknesses(cast)) add(weaknesses, row, (at) => at);
  return {
    ...cast,
    tables,
    start,
    rows,
    count: (table, span, visibleAt) => countOf(rows(table, span, visibleAt)),
    add: (table, row, ingestedAt) => add(table, row, (at) => ingestedAt ?? at + arrivalTicks),
    addLate: (table, row, delayMs) => add(table, row, (at) => at + ticksFromMs(delayMs)),
  };
}

const weaknesses = "DeviceTvmSoftwareVulnerabilities";

/** What the scans of a world share. */
interface Books {
  readonly cast: Cast;
  readonly start: Ticks;
  readonly options: WorldOptions;
  readonly ledger: Ledger;
  readonly library: Library;
}

function libraryOf(cast: Cast, { stories, eventsPerHour }: WorldOptions): Library {
  return (stories ?? typeof eventsPerHour !== "object") ? createLibrary(cast) : () => [];
}

const countOf = (rows: Iterable<unknown>): number =>
  Iterator.from(rows).reduce<number>((count) => count + 1, 0);

function found(scans: ReadonlyMap<string, Scan>, table: string): Scan {
  const scan = scans.get(table);
  if (scan === undefined) throw new Error(`the world has no table ${table}`);
  return scan;
}

function scanOf(
  name: string,
  columns: Columns,
  { cast, start, options, ledger, library }: Books,
): Scan {
  const spec = specs.find((one) => one.name === name) ?? quiet(name);
  const source = spec.follows?.table ?? name;
  const { share = 0, delayMs = 0 } = options.late ?? {};
  return {
    spec,
    layout: layoutOf(columns, spec.cells),
    timeline: {
      table: source,
      seed: cast.seed,
      perHour: rateOf(source, options),
      distribution: distributionOf(source, options),
    },
    cast,
    start,
    late: { share, delay: ticksFromMs(delayMs) },
    besides: (from, to) => merged(library(name, from, to), ledger.between(name, from, to)),
  };
}

/** Rows of stories, then rows added by hand, by time. */
function merged(told: readonly Told[], added: readonly Added[]): readonly Besides[] {
  const stories = told.map(({ at, happening }): Besides => ({
    at,
    happening,
    ingestedAt: at + arrivalTicks,
  }));
  if (added.length === 0) return stories;
  return [...stories, ...added].sort((one, other) =>
    one.at < other.at ? -1 : one.at > other.at ? 1 : 0,
  );
}

/** A table that holds only what is added to it. */
const quiet = (name: string): TableSpec => ({
  name,
  weight: 0,
  cells: {},
  draw: () => {
    throw new Error(`nothing is drawn for ${name}`);
  },
});

function rateOf(table: string, { eventsPerHour = defaultPerHour }: WorldOptions): number {
  if (typeof eventsPerHour !== "number") return eventsPerHour[table] ?? 0;
  return (eventsPerHour * (specs.find(({ name }) => name === table)?.weight ?? 0)) / 100;
}

function distributionOf(table: string, { distribution = "uniform" }: WorldOptions): Distribution {
  return typeof distribution === "string" ? distribution : (distribution[table] ?? "uniform");
}

type Adder = (table: string, row: NamedRow, ingestedAt: (at: Ticks) => Ticks) => void;

function adder(scans: ReadonlyMap<string, Scan>, { ledger, start }: Books): Adder {
  return (table, row, ingestedAt) => {
    const { layout } = found(scans, table);
    const values = rowByName(layout, row);
    const place = layout.places.get("Timestamp");
    const at = place === undefined ? start : values[place];
    if (typeof at !== "bigint")
      throw new Error(`a row of ${table} needs a Timestamp: ticks or ISO 8601 text`);
    ledger.add(table, { at, ingestedAt: ingestedAt(at), row: values });
  };
}

/** A row in column order; instants may be text, whole numbers may be numbers. */
function rowByName({ columns, places }: Layout, row: NamedRow): Row {
  const stranger = Object.keys(row).find((name) => !places.has(name));
  if (stranger !== undefined) throw new Error(`the table has no column ${stranger}`);
  return columns.map(({ name, type }) => valueOf(type, row[name]));
}

function valueOf(type: KqlType, value: unknown): unknown {
  if (value === undefined) return emptyValue(type);
  if (type === "datetime" && typeof value === "string") return parseInstant(value) ?? null;
  return type === "long" && typeof value === "number" ? BigInt(value) : value;
}
