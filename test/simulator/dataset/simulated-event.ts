/**
 * One event before it becomes the row of a table. All events have one shape, so that a million of
 * them stay cheap.
 */
import type { Ticks } from "../../../shared/runtime/time.ts";
import type { Organization, Device, KnownFile, User } from "./entities.ts";
import type { Random } from "./random.ts";

/** Fields that a generator or scenario sets; the table's layout maps them to columns. */
export interface SimulatedEvent {
  readonly device: Device;
  readonly user: User;
  readonly action: string;
  /** The file that the event is about. */
  readonly file: KnownFile;
  readonly commandLine: string;
  /** The initiating process and its parent. */
  readonly by: KnownFile;
  readonly byCommandLine: string;
  readonly byParent: KnownFile;
  /** Subject of any other kind: a URL, a registry value, a mail's subject. */
  readonly subject: string;
  readonly remoteIp: string;
  readonly remotePort: number;
  /** 32 random bits of this event: source of process ids, report ids and message ids. */
  readonly bits: number;
  /** Columns that a scenario sets by name; they override the layout. */
  readonly set?: Readonly<Record<string, unknown>>;
}

/** An event with its time. */
export interface DatedEvent {
  readonly at: Ticks;
  readonly event: SimulatedEvent;
}

/** One column of a layout. */
export type Cell = (event: SimulatedEvent, at: Ticks) => unknown;

/** How one table is generated. */
export interface TableSpec {
  readonly name: string;
  /** Rows in the default dataset per 100 rows of `DeviceProcessEvents`. */
  readonly weight: number;
  /** Draws the event at an index; `index` counts the table's rows since the epoch. */
  readonly draw: (random: Random, organization: Organization, index: number) => SimulatedEvent;
  readonly cells: Readonly<Record<string, Cell>>;
  /**
   * Set if rows of this table accompany rows of another one at the same instant, as attachments do
   * mails.
   */
  readonly follows?: { readonly table: string; readonly when: (event: SimulatedEvent) => boolean };
}
