/** One thing that happened, before it becomes the row of a table. One shape for all, so that a million of them stay cheap. */
import type { Ticks } from "../../../shared/runtime/time.ts";
import type { Organization, Device, KnownFile, User } from "./entities.ts";
import type { Random } from "./random.ts";

/** What a generator or a story says; the table's layout turns it into columns. */
export interface SimulatedEvent {
  readonly device: Device;
  readonly user: User;
  readonly action: string;
  /** The file that the event is about. */
  readonly file: KnownFile;
  readonly commandLine: string;
  /** The process that did it, and its parent. */
  readonly by: KnownFile;
  readonly byCommandLine: string;
  readonly byParent: KnownFile;
  /** Subject of any other kind: a URL, a registry value, a mail's subject. */
  readonly subject: string;
  readonly remoteIp: string;
  readonly remotePort: number;
  /** 32 bits of this happening alone: process ids, report ids, message ids come from it. */
  readonly bits: number;
  /** Columns a story sets by name, over what the layout says. */
  readonly set?: Readonly<Record<string, unknown>>;
}

/** A happening with its time. */
export interface DatedEvent {
  readonly at: Ticks;
  readonly event: SimulatedEvent;
}

/** One column of a layout. */
export type Cell = (event: SimulatedEvent, at: Ticks) => unknown;

/** How one table comes about. */
export interface TableSpec {
  readonly name: string;
  /** Rows in the default world per 100 of `DeviceProcessEvents`. */
  readonly weight: number;
  /** Draws the happening at a place; `index` counts the table's rows since the beginning of time. */
  readonly draw: (random: Random, organization: Organization, index: number) => SimulatedEvent;
  readonly cells: Readonly<Record<string, Cell>>;
  /** Rows of this table accompany some rows of another, at the same instant: attachments follow mails. */
  readonly follows?: { readonly table: string; readonly when: (event: SimulatedEvent) => boolean };
}
