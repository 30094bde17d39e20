/**
 * The content of a quota's blob: granted instants, pause, rate, breaker and run time. Instants are
 * server time, ms.
 */
import * as z from "zod/mini";
import { minuteMs } from "../../runtime/time.ts";
import { closedBreaker, type Breaker } from "./breaker.ts";
import type { RunTime } from "./run-time.ts";

/** At most `calls` calls start within any window of `perMs`. */
export interface CallLimit {
  readonly calls: number;
  readonly perMs: number;
}

export interface QuotaState {
  /** Changes when the state was rebuilt after a loss: earlier grants are void. */
  readonly generation: string;
  /** Granted send instants, ascending, as far back as the longest limit. */
  readonly granted: readonly number[];
  /** No call may start before this instant. */
  readonly pausedUntilMs: number;
  /**
   * Share of the limits in use since a 429; grows by a tenth with each clean minute after
   * `sinceMs`.
   */
  readonly rate: { readonly factor: number; readonly sinceMs: number };
  readonly breaker: Breaker;
  readonly runTime: RunTime;
}

const instant = z.number();
const wireSchema = z.object({
  version: z.literal(1),
  generation: z.string(),
  // The first instant, then the differences: a third of the bytes.
  granted: z.array(z.int().check(z.gte(0))),
  pausedUntilMs: instant,
  rate: z.object({ factor: z.number().check(z.gt(0), z.lte(1)), sinceMs: instant }),
  breaker: z.object({
    failures: z.int(),
    openUntilMs: instant,
    openForMs: z.number(),
    probe: z.optional(z.object({ id: z.string(), untilMs: instant })),
  }),
  runTime: z.object({
    spent: z.array(z.tuple([instant, z.number()])),
    learned: z.optional(z.object({ runTimeMs: z.number(), sinceMs: instant })),
  }),
});

export const createQuotaState = (generation: string, pausedUntilMs = 0): QuotaState => ({
  generation,
  granted: [],
  pausedUntilMs,
  rate: { factor: 1, sinceMs: 0 },
  breaker: closedBreaker,
  runTime: { spent: [] },
});

/** Returns the state as JSON for the blob. */
export function serializeQuotaState(state: QuotaState): object {
  const granted = state.granted.map((atMs, index) => atMs - (state.granted[index - 1] ?? 0));
  return { version: 1, ...state, granted };
}

/**
 * @returns `undefined` for an invalid value: the state is then rebuilt, never taken for an empty
 *   one
 */
export function parseQuotaState(value: unknown): QuotaState | undefined {
  const parsed = z.safeParse(wireSchema, value);
  if (!parsed.success) return undefined;
  const { version: _, ...state } = parsed.data;
  let atMs = 0;
  return { ...state, granted: state.granted.map((delta) => (atMs += delta)) };
}

const recoveryPerMinute = 0.1;

/** Returns the share of the limits that may be used now, above 0 and at most 1. */
export function computeRateFactor({ rate }: QuotaState, nowMs: number): number {
  const cleanMinutes = Math.max(0, Math.floor((nowMs - rate.sinceMs) / minuteMs));
  return Math.min(1, rate.factor + recoveryPerMinute * cleanMinutes);
}
