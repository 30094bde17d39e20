/**
 * What file lookups need from outside, in their own words. `shared/app` connects the ports to the
 * clients.
 */
import type { FileInformation, FileStatistics } from "../contracts/file-result.ts";
import type { RetryLater } from "../contracts/retry-later.ts";
import type { MessageQueues, RecordStore } from "../storage/record-store.ts";
import type { Failpoint } from "../runtime/failpoints.ts";
import type { Clock } from "../runtime/time.ts";

/** Permission for one call under the tenant's quota, usable for about a second. */
export interface Permit {
  readonly usableUntilMs: number;
}

/**
 * How long a call may wait for a permit, when it has none or an old one, and how long it may last.
 */
export interface CallLimits {
  readonly permit?: Permit;
  readonly maxWaitMs: number;
  readonly deadlineMs: number;
}

/** Defender is out of reach for now. */
export interface Unreachable {
  readonly kind: "down";
  readonly retryAfterMs: number;
}

/** The result of one call about a file. Only programming errors are thrown. */
export type FilesReply<T> =
  | { readonly kind: "found"; readonly value: T }
  | { readonly kind: "notFound" }
  /** No permit in time, a 429 or a pause. `unsent`: no permit came, so Defender was not called. */
  | (RetryLater & { readonly unsent?: boolean })
  | Unreachable
  /** A retry cannot help until the cause is fixed; `problem` names it. */
  | { readonly kind: "refused"; readonly problem: string };

/**
 * File information with the SHA-1 that other hashes are resolved to; `null` when the service named
 * none.
 */
export interface InformationAnswer {
  readonly sha1: string | null;
  readonly information: FileInformation;
}

/** Defender's file APIs. */
export interface FilesPort {
  /** Acquires a permit of their quota. `down`: no permit, because Defender is out of reach. */
  readonly acquirePermit: (
    maxWaitMs: number,
  ) => Promise<{ readonly kind: "permit"; readonly permit: Permit } | RetryLater | Unreachable>;
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

/** The result of a query whose rows fit in memory. */
export type HuntingRowsReply =
  | { readonly kind: "rows"; readonly rows: readonly HuntingRow[] }
  /** The query is too big or too heavy in this form. */
  | { readonly kind: "too-much" }
  /** A 400 about the query; the message distinguishes its length from an unknown function. */
  | { readonly kind: "rejected"; readonly message: string }
  | RetryLater
  /** Anything else: hunting cannot be used now. */
  | { readonly kind: "failed" };

/** Advanced hunting, for queries whose result fits in memory. */
export interface HuntingRowsPort {
  readonly runQuery: (query: string, limits: CallLimits) => Promise<HuntingRowsReply>;
}

/** What file lookups log. */
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
  | {
      readonly kind: "job-finished";
      readonly job: string;
      readonly outcome: "succeeded" | "canceled";
    };

export interface FilesSettings {
  /** Age up to which an answer is served from the cache. */
  readonly foundAgeMs: number;
  readonly notFoundAgeMs: number;
  /** Number of unanswered hashes from which a lookup uses the bulk path over hunting. */
  readonly bulkThreshold: number;
  readonly callsPerMinute: number;
  readonly callsPerHour: number;
}

/** Everything that file lookups need from outside. */
export interface FileDeps {
  readonly records: RecordStore;
  readonly queues: Pick<MessageQueues, "send">;
  readonly files: FilesPort;
  readonly hunting: HuntingRowsPort;
  readonly clock: Clock;
  /** Makes a new id for each attempt to write. */
  readonly createAttemptId: () => string;
  readonly failpoint: Failpoint;
  readonly logEvent: (event: FilesEvent) => void;
  readonly settings: FilesSettings;
}
