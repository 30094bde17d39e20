/**
 * A hunt as the build leaves it in `dist/catalog.json`: the query in pieces with slots, which run
 * time only fills. The running app loads neither YAML nor the KQL parser.
 */

import type { KnownRow } from "./known-rows.ts";

/**
 * A place that run time fills. `from`, `to` and `clock` become `datetime(…)` literals with seven
 * fraction digits: the window's bounds and the instant that `now()` is pinned to. `step` becomes a
 * timespan literal in ticks (`36000000000tick`), `shard` and `shards` whole numbers. `fromText` and
 * `toText` become the bare instant, for `{{StartTimeISO}}` and `{{EndTimeISO}}`. `parameter:name`
 * becomes the literal of a parameter's value.
 */
export type Slot =
  | "from"
  | "to"
  | "clock"
  | "step"
  | "shard"
  | "shards"
  | "fromText"
  | "toText"
  | `parameter:${string}`;

/** Query text with its slots, in order. */
export type Pieces = readonly (string | { readonly slot: Slot })[];

/** A result column with its KQL scalar type. */
export interface HuntColumn {
  readonly name: string;
  readonly type: KqlType;
}

/** The KQL scalar types. */
export const kqlTypes = [
  "string",
  "long",
  "int",
  "real",
  "bool",
  "datetime",
  "timespan",
  "guid",
  "decimal",
  "dynamic",
] as const;
export type KqlType = (typeof kqlTypes)[number];

/**
 * The two accepted ways of restricting a query to its window, and what is appended to the final
 * tabular expression.
 */
export interface CompiledQuery {
  /**
   * Each table shadowed by a `let` of its own name. A snapshot without `lookBack` has no prelude,
   * only a pinned clock.
   */
  readonly prelude: Pieces;
  /** Second form, for a service that refuses the first: each reference is restricted in place. */
  readonly inPlace: Pieces;
  /** Leaves known rows out, before every other suffix; absent when the hunt knows none. */
  readonly knownSuffix?: Pieces;
  /** Counts the rows that `knownSuffix` leaves out, in its place. */
  readonly suppressedSuffix?: Pieces;
  /** `| count` in either form, appended to `prelude` or `inPlace`. */
  readonly countSuffix: Pieces;
  /**
   * Counts per bin of `step` of the result's time column, named `Bin` and `Rows`; absent when the
   * result has no time column.
   */
  readonly histogramSuffix?: Pieces;
  /** Keeps shard `shard` of `shards`; absent when the result cannot be sharded soundly. */
  readonly shardSuffix?: Pieces;
  /** What the shards are cut by, for people: `whole row` or the column names. */
  readonly shardedBy?: string;
}

/** A parameter of a hunt with its value. */
export interface HuntParameter {
  readonly name: string;
  readonly type: KqlType;
  /** The value as a KQL literal. */
  readonly literal: string;
  readonly description: string;
  /** True if the width of windows depends on the value, so that no tenant may override it. */
  readonly isFixed: boolean;
}

/** One hunt, ready to run. Durations in milliseconds. */
export interface CompiledHunt {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly severity: string | undefined;
  readonly tactics: readonly string[];
  readonly techniques: readonly string[];
  /** Six-field NCRONTAB in UTC, or `%APP_SETTING%`. */
  readonly schedule: string;
  /** Time between two runs as the schedule's author meant it; staleness is judged by it. */
  readonly intervalMs: number;
  readonly mode: "window" | "snapshot";
  /** Why this mode, in words for people. */
  readonly modeReason: string;
  readonly lookBackMs: number;
  readonly lagMs: number;
  readonly settleMs: number;
  /**
   * Widest window that leaves the query's own `ago()`/`now()` predicates whole; absent when nothing
   * caps it.
   */
  readonly widestMs?: number;
  readonly format: "ndjson" | "csv" | "parquet";
  readonly enrich: string | undefined;
  readonly enabled: boolean;
  readonly tables: readonly string[];
  readonly columns: readonly HuntColumn[];
  /** The result's time column by which windows and histograms cut, when the result keeps one. */
  readonly timeColumn: string | undefined;
  /**
   * SHA-256 of query, parameters, mode, format and enrich: a new one starts a new version of the
   * log.
   */
  readonly queryHash: string;
  /**
   * The query as its author wrote it, after the `let` statements of its parameters and without known
   * rows: for people and for the portal's deep link.
   */
  readonly source: string;
  readonly parameters: readonly HuntParameter[];
  readonly known: readonly KnownRow[];
  /** Why a tenant's values of the parameters cannot be used; the hunt does not run. */
  readonly invalidParameters?: string;
  /** Who answers for the hunt. */
  readonly owner: string | undefined;
  /** Link or text: what to do with a result. */
  readonly runbook: string | undefined;
  readonly falsePositives: readonly string[];
  /** Day by which a person must review the hunt, `yyyy-MM-dd`. */
  readonly reviewBy: string | undefined;
  /** Names of the tenants in which it runs; undefined for all. */
  readonly tenants: readonly string[] | undefined;
  readonly query: CompiledQuery;
}

/** What `dist/catalog.json` holds: every hunt, enabled or not. */
export interface Catalog {
  readonly version: 1;
  readonly hunts: readonly CompiledHunt[];
}
