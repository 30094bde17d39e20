/**
 * The right to send one request, usable until an instant of this process's clock, then forfeited.
 */
export interface Permit {
  readonly usableUntilMs: number;
  /**
   * Returns a permit that was certainly not used. A forfeited probe of an open breaker becomes free
   * for another call.
   */
  readonly returnUnused?: () => void;
}

/** What `acquirePermit` gives. `later` says when it is worth asking again. */
export type PermitResult =
  | { readonly kind: "permit"; readonly permit: Permit }
  | {
      readonly kind: "later";
      readonly retryAfterMs: number;
      readonly reason: "quota" | "paused" | "breaker" | "store";
    };

/** A tenant's quota of one API, shared by all instances through one blob. Fails closed. */
export interface Quota {
  /** Waits up to `maxWaitMs` for a permit. */
  readonly acquirePermit: (options: {
    readonly maxWaitMs: number;
    readonly signal?: AbortSignal;
  }) => Promise<PermitResult>;
  /**
   * Reports what a response means for all instances: a pause after a 429, a step of the breaker,
   * run time used.
   */
  readonly report: (outcome: QuotaReport) => Promise<void>;
}

export type QuotaReport =
  | { readonly kind: "ok"; readonly runTimeMs?: number }
  | {
      readonly kind: "throttled";
      readonly retryAfterMs: number;
      readonly cause: "calls" | "run-time";
      /**
       * True when the service asked for a longer pause: after `retryAfterMs` one call probes before
       * the others.
       */
      readonly isCapped?: boolean;
    }
  | { readonly kind: "failed" };
