/**
 * The call quota of a service. Microsoft does not document which of the three models it uses, so
 * all are here.
 */

/** At most `calls` in `perMs`. */
export interface Limit {
  readonly calls: number;
  readonly perMs: number;
}

export type QuotaModel = "sliding" | "fixed" | "bucket";

/** The current rules; read at each call, so that changed behaviors apply at once. */
export interface QuotaRules {
  readonly model: QuotaModel;
  readonly limits: readonly Limit[];
  /** True if refused calls count too. */
  readonly countRefused: boolean;
}

type PermitResult =
  | { readonly kind: "granted" }
  | { readonly kind: "refused"; readonly retryAfterMs: number; readonly limit: Limit };

export interface Quota {
  readonly acquirePermit: (nowMs: number) => PermitResult;
}

/**
 * A counting model: the wait until `limit` has room at `nowMs` (0 = now), and the counting of a
 * call.
 */
interface Counter {
  readonly computeWaitMs: (limit: Limit, nowMs: number) => number;
  readonly recordCall: (limits: readonly Limit[], nowMs: number) => void;
}

export function createQuota(rules: () => QuotaRules): Quota {
  const counters: Record<QuotaModel, Counter> = {
    sliding: createSlidingLog(),
    fixed: createFixedWindows(),
    bucket: createTokenBuckets(),
  };
  return {
    acquirePermit: (nowMs) => {
      const { model, limits, countRefused } = rules();
      const counter = counters[model];
      const waits = limits.map((limit) => ({ limit, ms: counter.computeWaitMs(limit, nowMs) }));
      const maxWait = waits.reduce((max, wait) => (wait.ms > max.ms ? wait : max), {
        limit: noLimit,
        ms: 0,
      });
      if (maxWait.ms === 0 || countRefused) counter.recordCall(limits, nowMs);
      return maxWait.ms === 0
        ? { kind: "granted" }
        : { kind: "refused", retryAfterMs: maxWait.ms, limit: maxWait.limit };
    },
  };
}

const noLimit: Limit = { calls: 0, perMs: 0 };

/** No half-open span of `perMs` holds more than `calls`. */
function createSlidingLog(): Counter {
  let instants: number[] = [];
  return {
    computeWaitMs: ({ calls, perMs }, nowMs) => {
      if (calls === 0) return perMs;
      const oldest = instants.at(-calls);
      return oldest === undefined ? 0 : Math.max(0, oldest + perMs - nowMs);
    },
    recordCall: (limits, nowMs) => {
      instants.push(nowMs);
      const keepCount = Math.max(...limits.map(({ calls }) => calls), 1);
      if (instants.length > keepCount * 2) instants = instants.slice(-keepCount);
    },
  };
}

/** A window opens with its first call and lasts `perMs`. */
function createFixedWindows(): Counter {
  const windows = new Map<number, { openedMs: number; used: number }>();
  const findOpenWindow = (
    limit: Limit,
    nowMs: number,
  ): { openedMs: number; used: number } | undefined => {
    const window = windows.get(limit.perMs);
    return window && nowMs < window.openedMs + limit.perMs ? window : undefined;
  };
  return {
    computeWaitMs: (limit, nowMs) => {
      const window = findOpenWindow(limit, nowMs);
      if (!window) return limit.calls === 0 ? limit.perMs : 0;
      return window.used < limit.calls ? 0 : window.openedMs + limit.perMs - nowMs;
    },
    recordCall: (limits, nowMs) => {
      for (const limit of limits) {
        const window = findOpenWindow(limit, nowMs);
        if (window) window.used += 1;
        else windows.set(limit.perMs, { openedMs: nowMs, used: 1 });
      }
    },
  };
}

/** Holds `calls` tokens and gains them evenly over `perMs`. */
function createTokenBuckets(): Counter {
  const buckets = new Map<number, { tokens: number; atMs: number }>();
  const countTokens = ({ calls, perMs }: Limit, nowMs: number): number => {
    const bucket = buckets.get(perMs) ?? { tokens: calls, atMs: nowMs };
    return Math.min(calls, bucket.tokens + ((nowMs - bucket.atMs) * calls) / perMs);
  };
  return {
    computeWaitMs: (limit, nowMs) => {
      const missing = 1 - countTokens(limit, nowMs);
      // Tolerance: a rounding error must not refuse an available token.
      if (missing < 1e-9) return 0;
      return limit.calls === 0 ? limit.perMs : Math.ceil((missing * limit.perMs) / limit.calls);
    },
    recordCall: (limits, nowMs) => {
      for (const limit of limits) {
        buckets.set(limit.perMs, {
          tokens: Math.max(0, countTokens(limit, nowMs) - 1),
          atMs: nowMs,
        });
      }
    },
  };
}

/** Returns the limits of an API's behaviors. */
export const toLimits = (calls: {
  readonly perMinute: number | null;
  readonly perHour: number | null;
}): Limit[] =>
  [
    { calls: calls.perMinute, perMs: 60_000 },
    { calls: calls.perHour, perMs: 3_600_000 },
  ].flatMap(({ calls, perMs }) => (calls === null ? [] : [{ calls, perMs }]));
