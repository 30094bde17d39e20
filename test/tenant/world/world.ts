/**
 * A deterministic world of one organisation: its people, devices and files, and everything that happened, as a
 * function of time. Any window can be asked for, in any order, and costs what it holds.
 */
import { parseInstant, ticksFromMs, type Span, type Ticks } from "../../../shared/time.ts";
import type { KqlType } from "../../../shared/messages/compiled-hunt.ts";
import type { Cast } from "./entities.ts";
import { drawFiles } from "./files.ts";
import type { TableSpec } from "./happening.ts";
import { drawDevices, drawUsers } from "./people.ts";
import { emptyValue, publishedTables, type Columns } from "./schema.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { layoutOf, scanTable, type Layout, type Scan } from "./scan.ts";
import { specs } from "./tables/all.ts";
import type { Distribution, Timeline } from "./timeline.ts";

export type Row = readonly unknown[];

export interface WorldOptions {
  readonly seed?: number;
  /** Nothing happened before; default 2026-01-01. */
  readonly startMs?: number;
  readonly devices?: number;
  readonly users?: number;
  /** Files besides the usual programs, libraries and documents. */
  readonly files?: number;
  readonly domain?: string;
  /** Rows an hour: of `DeviceProcessEvents` with the others in proportion, or exactly by table (the rest at 0). */
  readonly eventsPerHour?: number | Readonly<Record<string, number>>;
  readonly distribution?: Distribution | Readonly<Record<string, Distribution>>;
  /** Share of generated rows that arrive late, and how late. */
  readonly late?: { readonly share: number; readonly delayMs: number };
  /** Tables the tenant does not have. */
  readonly without?: readonly string[];
  /** Attacks for good hunts to find; default true. */
  readonly stories?: boolean;
}

export interface World extends Cast {
  /** Tables the tenant has, with their columns in order. */
  readonly tables: ReadonlyMap<string, Columns>;
  /** Rows with `Timestamp` in the span that had arrived by `visibleAt`, by time, then as inserted. Values as KQL has them: long and datetime (ticks) are bigint. */
  readonly rows: (table: string, span: Span, visibleAt?: Ticks) => Iterable<Row>;
  readonly count: (table: string, span: Span, visibleAt?: Ticks) => number;
  /** Adds a row by column name; what is not named is empty. Instants may be text. It arrives at `ingestedAt`, by default a few seconds after its `Timestamp`. */
  readonly add: (table: string, row: Readonly<Record<string, unknown>>, ingestedAt?: Ticks) => void;
  /** Adds a row that arrives `delayMs` after its `Timestamp`. */
  readonly addLate: (table: string, row: Readonly<Record<string, unknown>>, delayMs: number) => void;
  readonly start: Ticks;
}

const defaultPerHour = 120;

/** Draws the world. Equal options give equal worlds. */
export function createWorld(options: WorldOptions = {}): World {
  const cast = castOf(options);
  const tables = new Map([...publishedTables].filter(([name]) => options.without?.includes(name) !== true));
  const start = ticksFromMs(options.startMs ?? Date.UTC(2026, 0, 1));
  const ledger = createLedger();
  const scans = new Map(
    [...tables].map(([name, columns]) => [name, scanOf(name, columns, cast, start, options, ledger)]),
  );
  const add = (table: string, row: Readonly<Record<string, unknown>>, ingestedAt: (at: Ticks) => Ticks): void => {
    const { layout } = found(scans, table);
    const values = rowByName(layout, row);
    const at = values[layout.places.get("Timestamp") ?? -1] as Ticks | undefined;
    ledger.add(table, { at: at ?? start, ingestedAt: at === undefined ? start : ingestedAt(at), row: values });
  };
  const rows: World["rows"] = (table, span, visibleAt) => scanTable(found(scans, table), span, visibleAt);
  return {
    ...cast,
    tables,
    start,
    rows,
    count: (table, span, visibleAt) => countOf(rows(table, span, visibleAt)),
    add: (table, row, ingestedAt) => add(table, row, (at) => ingestedAt ?? at + 20_000_000n),
    addLate: (table, row, delayMs) => add(table, row, (at) => at + ticksFromMs(delayMs)),
  };
}

const countOf = (rows: Iterable<unknown>): number => Iterator.from(rows).reduce<number>((count) => count + 1, 0);

function found(scans: ReadonlyMap<string, Scan>, table: string): Scan {
  const scan = scans.get(table);
  if (scan === undefined) throw new Error(`the world has no table ${table}`);
  return scan;
}

function scanOf(name: string, columns: Columns, cast: Cast, start: Ticks, options: WorldOptions, ledger: Ledger): Scan {
  const spec = specs.find((one) => one.name === name) ?? quiet(name);
  const source = spec.follows?.table ?? name;
  const timeline: Timeline = {
    table: source,
    seed: cast.seed,
    perHour: rateOf(source, options),
    distribution: distributionOf(source, options),
  };
  const { share = 0, delayMs = 0 } = options.late ?? {};
  return {
    spec,
    layout: layoutOf(columns, spec.cells),
    timeline,
    cast,
    start,
    late: { share, delay: ticksFromMs(delayMs) },
    besides: (from, to) => ledger.between(name, from, to),
  };
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

/** A row in column order; instants may be text, whole numbers may be numbers. */
function rowByName({ columns, places }: Layout, row: Readonly<Record<string, unknown>>): Row {
  const stranger = Object.keys(row).find((name) => !places.has(name));
  if (stranger !== undefined) throw new Error(`the table has no column ${stranger}`);
  return columns.map(({ name, type }) => valueOf(type, row[name]));
}

function valueOf(type: KqlType, value: unknown): unknown {
  if (value === undefined) return emptyValue(type);
  if (type === "datetime" && typeof value === "string") return parseInstant(value) ?? null;
  return type === "long" && typeof value === "number" ? BigInt(value) : value;
}

function castOf(options: WorldOptions): Cast {
  const seed = options.seed ?? 1;
  const domain = options.domain ?? "contoso.com";
  const users = drawUsers(seed, domain, options.users ?? 40);
  const kinds = drawFiles(seed, options.files ?? 40);
  const files = Object.values(kinds).flat();
  const byName = new Map(files.map((file) => [file.name, file]));
  return {
    seed,
    domain,
    users,
    devices: drawDevices(seed, domain, options.devices ?? 30, users.length),
    files,
    ...kinds,
    fileNamed: (name) => {
      const file = byName.get(name);
      if (file === undefined) throw new Error(`the world has no file ${name}`);
      return file;
    },
  };
}
