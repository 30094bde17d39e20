/** What the files room asks of the outside, in its own words. The live ones are `clients/files.ts` and friends; `wiring.ts` hands them over. */
import type { FileInformation, FileStatistics } from "../contracts/file-result.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import type { Clock } from "../runtime/time.ts";
import type { Failpoint } from "../runtime/failpoints.ts";

/** A turn of the tenant's quota, good for one call in the next second or so. */
export interface Permit {
  readonly usableUntilMs: number;
}

/** How long a call may wait for its turn, when it has none or an old one, and how long it may last. */
export interface CallLimits {
  readonly permit?: Permit;
  readonly maxWaitMs: number;
  readonly deadlineMs: number;
}

/** What came of one call about a file. Everything but a programming error is an answer of this union. */
export type FilesReply<T> =
  | { readonly kind: "found"; readonly value: T }
  | { readonly kind: "not-found" }
  /** No turn in time, a 429 or a pause: ask again then. `unsent`: Defender was not asked, since no turn came. */
  | { readonly kind: "later"; readonly retryAfterMs: number; readonly unsent?: boolean }
  /** Out of reach for now. */
  | { readonly kind: "down"; readonly retryAfterMs: number }
  /** Asking again cannot help until somebody changes something; `problem` says what. */
  | { readonly kind: "refused"; readonly problem: string };

/** File information with the SHA-1 that other hashes are resolved to; `null` when the service named none. */
export interface InformationAnswer {
  readonly sha1: string | null;
  readonly information: FileInformation;
}

/** Defender's file APIs. */
export interface FilesPort {
  /** Takes a turn of their quota. */
  readonly acquirePermit: (maxWaitMs: number) => Promise<
    | { readonly kind: "permit"; readonly permit: Permit }
    /** `down` when there is no turn because Defender is out of reach. */
    | { readonly kind: "later" | "down"; readonly retryAfterMs: number }
  >;
  /** @param sha1 - 40 lower-case hexadecimal digits */
  readonly statistics: (
    sha1: string,
    lookBackHours: number,
    limits: CallLimits,
  ) => Promise<FilesReply<FileStatistics>>;
  /** @param hash - SHA-1, SHA-256 or MD5, lower case */
  readonly information: (
    hash: string,
    limits: CallLimits,
  ) => Promise<FilesReply<InformationAnswer>>;
}

/** A row of a hunting result, as plain JSON. */
export type HuntingRow = Readonly<Record<string, unknown>>;

/** What came of a query with a small result. */
export type HuntingRowsReply =
  | { readonly kind: "rows"; readonly rows: readonly HuntingRow[] }
  /** Too big or too heavy in this form: ask for less. */
  | { readonly kind: "too-much" }
  /** A 400 about the query; the message tells length from an unknown function. */
  | { readonly kind: "rejected"; readonly message: string }
  | { readonly kind: "later"; readonly retryAfterMs: number }
  /** Anything else: the short way is not open now. */
  | { readonly kind: "failed" };

/** Advanced hunting, for queries whose result fits in memory. */
export interface HuntingRowsPort {
  readonly runQuery: (query: string, limits: CallLimits) => Promise<HuntingRowsReply>;
}

/** What the room reports, for the log. */
export type FilesEvent =
  | {
      readonly kind: "lookup";
      readonly hashes: number;
      readonly found: number;
      readonly notFound: number;
      readonly invalid: number;
      readonly pending: number;
      readonly failed: number;
      readonly cached: number;
      readonly source: "request" | "job";
    }
  | { readonly kind: "job-finished"; readonly job: string; readonly outcome: "done" | "cancelled" };

export interface FilesSettings {
  /** Age up to which an answer is served from the cache. */
  readonly foundAgeMs: number;
  readonly notFoundAgeMs: number;
  /** From so many unanswered hashes on, the short way over hunting is taken. */
  readonly bulkThreshold: number;
  readonly callsPerMinute: number;
  readonly callsPerHour: number;
}

/** Everything outside the room. */
export interface FileDeps {
  readonly records: RecordStore;
  readonly queues: Pick<MessageQueues, "send">;
  readonly files: FilesPort;
  readonly hunting: HuntingRowsPort;
  readonly clock: Clock;
  /** A new id for each attempt at anything that is written. */
  readonly createAttemptId: () => string;
  /** Kill points, for tests. */
  readonly failpoint: Failpoint;
  readonly logEvent: (event: FilesEvent) => void;
  readonly settings: FilesSettings;
}
