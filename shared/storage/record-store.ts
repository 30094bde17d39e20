/**
 * The port of the store behind `state`, `audit` and `dead-letters`. The app uses
 * `clients/records.ts`; tests may use a map in memory with the same guarantees.
 *
 * Correctness comes from two conditional writes, "only if absent" and "only if unchanged", never
 * from locks.
 */

/**
 * One record as read. `serverNowMs` is the store's own clock in whole seconds, rounded down.
 * `broken` means that bytes are there but no JSON object: it must never be taken for absent.
 */
export type ReadRecord =
  | {
      readonly kind: "found";
      readonly value: unknown;
      readonly etag: string;
      readonly serverNowMs: number;
    }
  | { readonly kind: "absent"; readonly serverNowMs: number }
  | { readonly kind: "broken"; readonly etag: string; readonly serverNowMs: number };

/**
 * `lost`: another writer was first; read again. A write of this process whose answer was lost is
 * `written`.
 */
export type WriteOutcome =
  | { readonly kind: "written"; readonly etag: string; readonly serverNowMs: number }
  | { readonly kind: "lost"; readonly serverNowMs: number };

/** A path seen in a listing. */
export interface ListedRecord {
  readonly path: string;
  readonly etag: string;
  readonly lastModifiedMs: number;
}

/** JSON records by path, container first: `state/quotas/graph.json`. */
export interface RecordStore {
  readonly read: (path: string) => Promise<ReadRecord>;
  /** Writes only if no record is there. */
  readonly create: (path: string, value: object) => Promise<WriteOutcome>;
  /** Writes only if the record still has this etag. */
  readonly replace: (path: string, value: object, etag: string) => Promise<WriteOutcome>;
  /**
   * Removes; a record that is already gone, or that changed since `etag`, is left alone without an
   * error.
   */
  readonly remove: (path: string, etag?: string) => Promise<void>;
  /**
   * Records under a prefix in the order of their paths, `startAfter` excluded, fetched page by
   * page.
   */
  readonly list: (
    prefix: string,
    options?: { readonly startAfter?: string },
  ) => AsyncIterable<ListedRecord>;
}

/** The queues that Huntline writes. Each queue with a function also has a `-poison` queue. */
export const queueNames = ["hunt-runs", "file-lookups", "alert-verdicts", "hunt-results"] as const;
export type QueueName = (typeof queueNames)[number];

/**
 * Puts one JSON object on a queue, durable before it resolves, never expiring (hunt-results: 7
 * days).
 */
export interface MessageQueues {
  /** @param options.delaySeconds - delay until the message is visible, 0 to 604,800 */
  readonly send: (
    queue: QueueName,
    message: object,
    options?: { readonly delaySeconds?: number },
  ) => Promise<void>;
  /** Messages waiting, as the service estimates it. */
  readonly depth: (queue: QueueName | `${QueueName}-poison`) => Promise<number>;
}
