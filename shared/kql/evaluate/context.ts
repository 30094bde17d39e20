/**
 * What a query is evaluated against: tables, the clock, and facts that the service's functions
 * return.
 */
import type { HuntColumn } from "../../contracts/compiled-hunt.ts";
import type { Span, Ticks } from "../../runtime/time.ts";

/** Values in the order of the table's columns. */
export type Row = readonly unknown[];

/** Values by name; a missing name is null. */
export type NamedValues = Readonly<Record<string, unknown>>;

/** A table of the service. */
export interface SourceTable {
  readonly columns: readonly HuntColumn[];
  /** Returns the rows whose `Timestamp` is in the span; it may return others too. */
  readonly rows: (span: Span) => Iterable<Row>;
}

/** Facts behind functions of the service. A function without its source is refused. */
interface FunctionSources {
  /** Facts of a file by SHA-1, SHA-256 or MD5, in lower case. */
  readonly FileProfile?: (hash: string) => NamedValues | undefined;
  /** Location of an address: `country`, `state`, `city`, `latitude`, `longitude`. */
  readonly geo_info_from_ip_address?: (address: string) => NamedValues | undefined;
  /** Addresses of a device at a time. */
  readonly AssignedIPAddresses?: (device: string, at: Ticks) => Iterable<NamedValues>;
  /** Devices that had an address at a time. */
  readonly DeviceFromIP?: (address: string, at: Ticks) => Iterable<string>;
  /** Devices that reported seeing a device. */
  readonly SeenBy?: (deviceId: string) => Iterable<NamedValues>;
}

/** What a query is evaluated against. */
export interface EvaluationContext {
  readonly tables: ReadonlyMap<string, SourceTable>;
  /** The value of `now()`. */
  readonly now: Ticks;
  /** Values of datetime literals by their text: one parsed query serves many windows. */
  readonly datetimes?: ReadonlyMap<string, Ticks>;
  /** The request's `Timespan`: every table is limited to it. */
  readonly timespan?: Span;
  /** Rows of `externaldata` by URI, in the order of the declared columns. */
  readonly externalData?: (uri: string) => Iterable<NamedValues> | undefined;
  /** Tables of `_GetWatchlist()` by alias. */
  readonly watchlists?: ReadonlyMap<string, SourceTable>;
  readonly functions?: FunctionSources;
}
