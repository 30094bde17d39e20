/** What the hunts room asks of the outside, in its own words. The live ones are `clients/hunting` and `clients/exports.ts`. */
import type { HuntColumn } from "../contracts/compiled-hunt.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import type { Span } from "../runtime/time.ts";
import type { Failpoint } from "../runtime/failpoints.ts";

/** How an export is written. */
export type HuntFormat = "ndjson" | "csv" | "parquet";

/** Everything the room acts through. */
export interface HuntDeps {
  readonly hunting: HuntingPort;
  readonly exports: ExportStore;
  readonly records: RecordStore;
  readonly queues: Pick<MessageQueues, "send">;
  readonly logEvent: HuntLogger;
  /** A named kill point; a no-op in production. */
  readonly failpoint: Failpoint;
  /** This machine's clock, ms: for budgets only, never for bounds. */
  readonly nowMs: () => number;
  /** A fresh id for one attempt to write. */
  readonly createAttemptId: () => string;
  /** The portal's page with this query filled in. */
  readonly createPortalLink: (query: string) => string;
  /** File statistics by lower-case SHA-1; a hash without an entry gets `null`. */
  readonly findFileStatistics: (sha1s: readonly string[]) => Promise<ReadonlyMap<string, object>>;
}

/** Writes one line of telemetry; the events and fields of `log.ts`. */
export type HuntLogger = (
  event:
    | "hunt.run"
    | "hunt.committed"
    | "hunt.halved"
    | "hunt.degraded"
    | "hunt.late"
    | "job.finished",
  fields?: Readonly<Record<string, string | number | boolean | undefined>>,
) => void;

/** Takes rows as they arrive: whole NDJSON lines, each ended by LF, in the service's order. Back-pressure by promise. */
export interface RowSink {
  /** Called once, before the first rows, when the answer names its columns first; else never. */
  readonly columns?: (columns: readonly HuntColumn[]) => void;
  /** The bytes are the sender's again once the promise resolves: a sink that keeps them keeps a copy. */
  readonly writeRows: (lines: Uint8Array, count: number) => void | Promise<void>;
}

/** One advanced hunting back-end. */
export interface HuntingPort {
  readonly api: "graph" | "defender" | "legacy";
  /** What the service is known to cut at. Data, for planning: a result is proven complete by count, not by this number. */
  readonly caps: {
    readonly rows: number;
    readonly bytes: number;
    /** What every row limit of this service is a multiple of; 10,000 when absent. */
    readonly roundRows?: number;
  };
  readonly runQuery: (
    query: string,
    options: HuntingOptions,
    sink: RowSink,
  ) => Promise<HuntingReply>;
}

export interface HuntingOptions {
  /** Sent as `Timespan` where the back-end has one: wide enough not to narrow the query. */
  readonly timespan?: Span;
  /** The result's columns as compiled: their types, and their order when the answer names none. */
  readonly columns?: readonly HuntColumn[];
  /** Deadline of the call, body included. */
  readonly deadlineMs: number;
  readonly maxWaitMs: number;
  readonly signal?: AbortSignal;
}

/** What came of one hunting call. Everything but a programming error is an answer of this union. */
export type HuntingReply =
  | {
      readonly kind: "answer";
      readonly columns: readonly HuntColumn[];
      readonly rows: number;
      /** Bytes of the body as it came, before normalising. */
      readonly bytes: number;
      readonly durationMs: number;
    }
  /** 400 "exceeded the allowed result size". */
  | { readonly kind: "too-big" }
  /** 400 "preempted", 504, or our own deadline. */
  | { readonly kind: "too-heavy"; readonly cause: "preempted" | "timed-out" }
  /** No turn, 429, a pause or an open breaker: ask again then. */
  | { readonly kind: "later"; readonly retryAfterMs: number; readonly cause: string }
  /** Asking again cannot help until somebody changes something. */
  | {
      readonly kind: "refused";
      readonly cause: "query" | "table" | "permission" | "authentication" | "tenant" | "retired";
      readonly message: string;
    }
  /** A passing failure after the pipe's own tries. */
  | { readonly kind: "failed"; readonly message: string };

/** Metadata of one export, as kept on the blob: ASCII, small. Instants as text with seven digits. */
export interface ExportMetadata {
  readonly seq: number;
  readonly from: string;
  readonly to: string;
  readonly rows: number;
  /** Bytes before compression. */
  readonly rawbytes: number;
  /** SHA-256 of those bytes. */
  readonly sha256: string;
  readonly schemahash: string;
  readonly queryhash: string;
  readonly mode: "window" | "snapshot";
  readonly attempt: string;
  /** SHA-256 of the previous export's metadata tuple; empty for the first. */
  readonly prev: string;
  /** `yes`; `gap` for a hole older than the service keeps; `closed` for the closing record of a version. */
  readonly complete: "yes" | "gap" | "closed";
  /** On a closing record: the version that goes on, `v2`. */
  readonly next?: string;
}

/** An export as found in the store. */
export interface ExportRecord {
  readonly path: string;
  readonly metadata: ExportMetadata;
  readonly etag: string;
}

/** Staged blocks of one attempt. Nothing is visible before `commit`; an abandoned attempt leaves nothing. */
export interface ExportWriter {
  /** Adds whole NDJSON lines; converted to the export's format and compressed on the way. */
  readonly writeRows: (lines: Uint8Array, count: number) => Promise<void>;
  /** Bytes and digest of what was written so far; final once `finish` has resolved. */
  readonly finish: () => Promise<{
    readonly rows: number;
    readonly rawbytes: number;
    readonly sha256: string;
  }>;
  /** Commits once, only if nothing is there. `lost`: another attempt's export is there (our own, answer lost, is `committed`). */
  readonly commit: (
    metadata: ExportMetadata,
  ) => Promise<{ readonly kind: "committed"; readonly etag: string } | { readonly kind: "lost" }>;
  readonly abandon: () => Promise<void>;
}

/** The container `exports`. Paths are relative to it. */
export interface ExportStore {
  readonly find: (path: string) => Promise<ExportRecord | undefined>;
  /** Exports under a prefix, ordered by path. */
  readonly list: (prefix: string) => AsyncIterable<ExportRecord>;
  /** Folder names directly under a prefix, without the prefix and the slash. */
  readonly listFolders: (prefix: string) => Promise<readonly string[]>;
  readonly openWriter: (
    path: string,
    attempt: string,
    format: "ndjson" | "csv" | "parquet",
    columns: readonly HuntColumn[],
  ) => ExportWriter;
  /** The rows of a committed export as JSON objects, exact number text kept: `top` of them after `skip`. */
  readonly readRows: (
    path: string,
    format: "ndjson" | "csv" | "parquet",
    skip: number,
    top: number,
  ) => Promise<readonly string[]>;
  /** The storage service's clock, ms: bounds of windows come from it, never from this machine's. */
  readonly serverNowMs: () => Promise<number>;
}
