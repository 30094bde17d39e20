/** One permission to send one request, usable until an instant of this process's clock, else forfeited. */
export interface Permit {
  readonly usableUntilMs: number;
  /** Tells that it was surely not used: a forfeited probe of an open breaker is then somebody else's to make. */
  readonly returnUnused?: () => void;
}

/** What asking for a turn gives. `later` says when it is worth asking again. */
export type PermitResult =
  | { readonly kind: "permit"; readonly permit: Permit }
  | {
      readonly kind: "later";
      readonly retryAfterMs: number;
      readonly reason: "quota" | "paused" | "breaker" | "store";
    };

/** A tenant's quota of one API, shared by all instances through one blob. Fails closed. */
export interface Quota {
  /** Waits up to `maxWaitMs` for a turn. */
  readonly acquirePermit: (options: {
    readonly maxWaitMs: number;
    readonly signal?: AbortSignal;
  }) => Promise<PermitResult>;
  /** Tells what an answer meant for everybody: a pause after a 429, a step of the breaker, run time used. */
  readonly report: (outcome: QuotaReport) => Promise<void>;
}

export type QuotaReport =
  | { readonly kind: "ok"; readonly runTimeMs?: number }
  | {
      readonly kind: "throttled";
      readonly retryAfterMs: number;
      readonly cause: "calls" | "run-time";
    }
  | { readonly kind: "failed" };
