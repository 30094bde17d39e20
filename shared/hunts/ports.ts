/**
 * What the hunts module needs from outside. `shared/clients/hunting/` and
 * `shared/clients/exports.ts` implement it against Azure, `test/support/` in memory.
 */
import type { CompiledHunt, HuntColumn } from "../contracts/compiled-hunt.ts";
import type { RetryLater } from "../contracts/retry-later.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import type { Failpoint } from "../runtime/failpoints.ts";
import type { Span, Ticks } from "../runtime/time.ts";

/** How an export is written. */
export type HuntFormat = "ndjson" | "csv" | "parquet";

/** Every dependency of the module, for one tenant. */
export interface HuntDeps {
  /** Name of the tenant whose tables are queried: the first part of each export's path. */
  readonly tenant: string;
  readonly hunting: HuntingPort;
  readonly exports: ExportStore;
  readonly records: RecordStore;
  readonly queues: Pick<MessageQueues, "send">;
  readonly logEvent: HuntLogger;
  /** A named point at which a test may stop the process; does nothing in production. */
  readonly failpoint: Failpoint;
  /** This process's clock in epoch milliseconds: for budgets only, never for bounds of windows. */
  readonly nowMs: () => number;
  /** Returns a new id for one attempt to write. */
  readonly createAttemptId: () => string;
  /** Returns the URL of the portal's advanced hunting page with this query filled in. */
  readonly createPortalLink: (query: string) => string;
  /** Returns file statistics by lower-case SHA-1; a hash without an entry gets `null`. */
  readonly findFileStatistics: (sha1s: readonly string[]) => Promise<ReadonlyMap<string, object>>;
}

/** One hunt at one instant: what most functions of the module need. */
export interface HuntContext {
  readonly deps: HuntDeps;
  readonly hunt: CompiledHunt;
  /** The storage service's clock as the run began. */
  readonly serverNow: Ticks;
}

/** Writes one line of telemetry; `shared/runtime/log.ts` lists the events and fields. */
type HuntLogger = (
  event:
    | "hunt.run"
    | "hunt.committed"
    | "hunt.halved"
    | "hunt.degraded"
    | "hunt.late"
    | "hunt.schemaChanged"
    | "job.finished",
  fields?: Readonly<Record<string, string | number | boolean | undefined>>,
) => void;

/**
 * Takes rows as they arrive: whole NDJSON lines in the service's order. The promise is
 * back-pressure.
 */
export interface RowSink {
  /** Called at most once, before the first rows, when the answer names its columns first. */
  readonly columns?: (columns: readonly HuntColumn[]) => void;
  /**
   * Called once after the last rows, unless there are none, with the columns that the rows have: also
   * when the answer names its columns after the rows, or not at all.
   */
  readonly rowColumns?: (columns: readonly HuntColumn[]) => void;
  /**
   * The sender reuses the bytes once the promise resolves: a sink that keeps them keeps a copy.
   *
   * @param substitutes - by index of a row: its unpaired surrogates that U+FFFD replaced
   */
  readonly writeRows: (
    lines: Uint8Array,
    count: number,
    substitutes?: ReadonlyMap<number, number>,
  ) => void | Promise<void>;
}

/** One advanced hunting service. */
export interface HuntingPort {
  readonly api: "graph" | "defender" | "legacy";
  /**
   * Known limits of a result. For planning only: a count proves a result complete, not these
   * numbers.
   */
  readonly caps: {
    readonly rows: number;
    readonly bytes: number;
    /** Every row limit of this service is a multiple of it; 10,000 when absent. */
    readonly roundRows?: number;
  };
  readonly runQuery: (
    query: string,
    options: HuntingOptions,
    sink: RowSink,
  ) => Promise<HuntingReply>;
}

/** How one query is sent. */
export interface HuntingOptions {
  /** Sent as `Timespan` where the service has one: wide enough not to narrow the query. */
  readonly timespan?: Span;
  /** The compiled columns: types and order for an answer that names no columns. */
  readonly columns?: readonly HuntColumn[];
  /** Deadline of the call, body included. */
  readonly deadlineMs: number;
  readonly maxWaitMs: number;
  readonly signal?: AbortSignal;
}

/** The result of one hunting call. Only a programming error is thrown. */
export type HuntingReply =
  | {
      readonly kind: "answer";
      readonly columns: readonly HuntColumn[];
      readonly rows: number;
      /** Bytes of the body as received, before normalizing. */
      readonly bytes: number;
      readonly durationMs: number;
    }
  /** 400 "exceeded the allowed result size". */
  | { readonly kind: "too-big" }
  /** 400 "preempted", 504, or our own deadline. */
  | { readonly kind: "too-heavy"; readonly cause: "preempted" | "timed-out" }
  /** No permit, 429, a pause or an open breaker. */
  | (RetryLater & { readonly cause: string })
  /** The same call cannot succeed until a person changes something. */
  | {
      readonly kind: "refused";
      readonly cause: "query" | "table" | "permission" | "authentication" | "tenant" | "retired";
      readonly message: string;
    }
  /** A passing failure that outlasted the retries of the HTTP pipeline. */
  | {
      readonly kind: "failed";
      readonly message: string;
      /**
       * True for a refusal whose text is unknown: retried with growing pauses, for this hunt only.
       */
      readonly isUnknownRefusal?: boolean;
    };

/** Metadata of one export, kept on the blob: ASCII, small. Instants are text with seven digits. */
export interface ExportMetadata {
  readonly seq: number;
  readonly from: string;
  readonly to: string;
  readonly rows: number;
  /** Bytes before compression. */
  readonly rawbytes: number;
  /** Values that the format cannot hold and that were replaced: U+FFFD, a clamped time, or null. */
  readonly substituted: number;
  /** SHA-256 of those bytes. */
  readonly sha256: string;
  readonly schemahash: string;
  readonly queryhash: string;
  readonly mode: "window" | "snapshot";
  readonly attempt: string;
  /** SHA-256 of the previous export's metadata tuple; empty for the first. */
  readonly prev: string;
  /**
   * `gap`: a window older than the service keeps rows. `closed`: the closing record of a version.
   */
  readonly complete: "yes" | "gap" | "closed";
  /** On a closing record: the version that continues the log, such as `v2`. */
  readonly next?: string;
}

/** A committed export. */
export interface ExportRecord {
  readonly path: string;
  readonly metadata: ExportMetadata;
  readonly etag: string;
}

/**
 * Staged blocks of one attempt. Readers see nothing before `commit` and nothing of an abandoned
 * attempt.
 */
export interface ExportWriter {
  /** Adds whole NDJSON lines; converts them to the export's format and compresses them. */
  readonly writeRows: (lines: Uint8Array, count: number) => Promise<void>;
  /** Returns size and digest of what was written, final once the promise resolves. */
  readonly finish: () => Promise<{
    readonly rows: number;
    readonly rawbytes: number;
    readonly substituted: number;
    readonly sha256: string;
  }>;
  /**
   * Commits once, only if the path is free. `lost`: another attempt's export is there. An attempt
   * whose own commit succeeded but whose answer was lost gets `committed`.
   */
  readonly commit: (metadata: ExportMetadata) => Promise<WriterCommitResult>;
  readonly abandon: () => Promise<void>;
}

export type WriterCommitResult =
  | { readonly kind: "committed"; readonly etag: string }
  | { readonly kind: "lost" };

/** The container `exports`. Paths are relative to it. */
export interface ExportStore {
  readonly find: (path: string) => Promise<ExportRecord | undefined>;
  /** Yields exports under a prefix, ordered by path. */
  readonly list: (prefix: string) => AsyncIterable<ExportRecord>;
  /** Returns folder names directly under a prefix, without the prefix and the slash. */
  readonly listFolders: (prefix: string) => Promise<readonly string[]>;
  readonly openWriter: (
    path: string,
    attempt: string,
    format: HuntFormat,
    columns: readonly HuntColumn[],
  ) => ExportWriter;
  /**
   * Returns `top` rows after `skip` of a committed export as JSON objects; number text stays exact.
   */
  readonly readRows: (
    path: string,
    format: HuntFormat,
    skip: number,
    top: number,
  ) => Promise<readonly string[]>;
  /** Returns the storage service's clock in milliseconds: the only source of bounds of windows. */
  readonly serverNowMs: () => Promise<number>;
}
