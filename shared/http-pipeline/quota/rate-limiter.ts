/** Hands out send instants of a quota, and enters what answers meant. Pure: a book in, a book out. */
import { computeBreakerGate, closedBreaker, recordFailure } from "./breaker.ts";
import { computeRateFactor, type CallLimit, type QuotaState } from "./quota-state.ts";
import type { QuotaReport } from "./quota.ts";
import { secondMs } from "../../runtime/time.ts";
import { learnBudget, findRunTimeFreeMs, addRunTime, type RunTimeBudget } from "./run-time.ts";

/** What an API allows, and how it is kept. */
export interface QuotaRules {
  readonly limits: readonly CallLimit[];
  /** Share of limits and budgets that Huntline takes, over 0 to 1. */
  readonly share: number;
  /** Distance kept from a window's edge: use of a permit, clocks, and the way to the service. */
  readonly marginMs: number;
  readonly budgets: readonly RunTimeBudget[];
  /** How long a probe of an open breaker may take before another instance may try. */
  readonly probeMs: number;
}

/** True server time lies between the two. */
export interface ServerTimeRange {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** `wait`: no instant is handed out yet; ask again at `againAtMs`, which is within the asker's patience. */
export type GrantResult =
  | { readonly kind: "instant"; readonly atMs: number; readonly isProbe: boolean }
  | { readonly kind: "wait"; readonly againAtMs: number }
  | {
      readonly kind: "later";
      readonly retryAfterMs: number;
      readonly reason: "quota" | "paused" | "breaker";
    };

/** Those who ask, in order. */
export interface GrantRequest {
  /** Names the probe, should this be one. */
  readonly probeId: string;
  /** The latest instant each accepts. */
  readonly deadlinesMs: readonly number[];
  /** How many instants of the future may be handed out. */
  readonly maxReservations: number;
}

/** Answers every asker, in order, and enters the instants it hands out. */
export function grantInstants(
  state: QuotaState,
  request: GrantRequest,
  now: ServerTimeRange,
  rules: QuotaRules,
) {
  const oldestMs = now.earliestMs - getMaxWindowMs(rules) - rules.marginMs;
  const granted = state.granted.filter((atMs) => atMs > oldestMs);
  const factor = computeRateFactor(state, now.earliestMs);
  const gate = computeGate(state, now, rules);
  const answers: GrantResult[] = [];
  const isProbeGranted = (): boolean =>
    gate.isProbe && answers.some((answer) => answer.kind === "instant");
  let { maxReservations } = request;

  for (const untilMs of request.deadlinesMs) {
    const atMs = findNextInstant(granted, rules, factor, gate.atMs);
    if (gate.isProbing || isProbeGranted()) {
      const againAtMs = gate.atMs + probePollMs;
      answers.push(
        againAtMs > untilMs
          ? { kind: "later", retryAfterMs: probeRetryMs, reason: "breaker" }
          : { kind: "wait", againAtMs },
      );
    } else if (gate.atMs > untilMs || atMs > untilMs) {
      const reason = gate.atMs > untilMs ? gate.reason : "quota";
      answers.push({ kind: "later", retryAfterMs: roundUpMs(atMs - now.earliestMs), reason });
    } else if (gate.isClosed) {
      answers.push({ kind: "wait", againAtMs: gate.atMs });
    } else if (atMs > now.latestMs && maxReservations <= 0) {
      answers.push({ kind: "wait", againAtMs: atMs });
    } else {
      if (atMs > now.latestMs) maxReservations -= 1;
      granted.push(atMs);
      answers.push({ kind: "instant", atMs, isProbe: gate.isProbe });
    }
  }
  const probe = { id: request.probeId, untilMs: now.latestMs + rules.probeMs };
  const breaker = isProbeGranted() ? { ...state.breaker, probe } : state.breaker;
  return { state: { ...state, granted, breaker }, answers };
}

/** How soon somebody who waits for another's probe looks again, and when one without patience comes back. */
const probePollMs = secondMs;
const probeRetryMs = 5 * secondMs;

const roundUpMs = (ms: number): number => Math.max(1, Math.ceil(ms));

/** The longest window of the limits: for so long the past matters. */
export const getMaxWindowMs = ({ limits }: QuotaRules): number =>
  Math.max(...limits.map((limit) => limit.perMs));

/** From when on pause, breaker and run time let calls start; `isClosed` while that is not yet and an instant cannot be booked ahead. */
function computeGate(state: QuotaState, now: ServerTimeRange, rules: QuotaRules) {
  const nowMs = now.earliestMs;
  const breaker = computeBreakerGate(state.breaker, nowMs);
  if (breaker.atMs > nowMs) return { ...breaker, isClosed: true, reason: "breaker" as const };
  const runTimeMs = findRunTimeFreeMs(state.runTime, rules.budgets, rules.share, nowMs);
  const atMs = Math.max(nowMs, state.pausedUntilMs, runTimeMs);
  const reason =
    state.pausedUntilMs >= runTimeMs && state.pausedUntilMs > nowMs
      ? ("paused" as const)
      : ("quota" as const);
  return { ...breaker, atMs, isClosed: false, reason };
}

/** The first instant that keeps every limit. Instants only grow, so that the log stays in order. */
function findNextInstant(
  granted: readonly number[],
  rules: QuotaRules,
  factor: number,
  fromMs: number,
): number {
  const shortestMs = Math.min(...rules.limits.map((limit) => limit.perMs));
  const firstMs = Math.max(
    fromMs,
    granted.at(-1) ?? 0,
    ...rules.limits.map(({ calls, perMs }) => {
      // A refusal slows the shortest limit; the longer ones follow by themselves.
      const limitFactor = perMs === shortestMs ? factor : 1;
      const allowedCalls = Math.max(1, Math.floor(calls * rules.share * limitFactor));
      return (granted.at(-allowedCalls) ?? -Infinity) + perMs + rules.marginMs;
    }),
  );
  return Math.ceil(firstMs);
}

/** Gives back instants that were surely not used; a probe among them is somebody else's to make. */
export function returnInstants(
  state: QuotaState,
  unusedInstants: readonly { readonly atMs: number; readonly probeId: string | undefined }[],
): QuotaState {
  const granted = [...state.granted];
  let { breaker } = state;
  for (const { atMs, probeId } of unusedInstants) {
    const index = granted.lastIndexOf(atMs);
    if (index !== -1) granted.splice(index, 1);
    if (probeId !== undefined && breaker.probe?.id === probeId)
      breaker = { ...breaker, probe: undefined };
  }
  return { ...state, granted, breaker };
}

const minRateFactor = 0.1;

/** Enters what one answer meant for everybody. */
export function applyReport(
  state: QuotaState,
  report: QuotaReport,
  now: ServerTimeRange,
  rules: QuotaRules,
): QuotaState {
  switch (report.kind) {
    case "ok": {
      const runTime =
        report.runTimeMs === undefined || rules.budgets.length === 0
          ? state.runTime
          : addRunTime(state.runTime, report.runTimeMs, now.earliestMs, rules.budgets);
      return { ...state, runTime, breaker: closedBreaker };
    }
    case "failed":
      return { ...state, breaker: recordFailure(state.breaker, now.latestMs) };
    case "throttled":
      return applyThrottling(state, report, now, rules);
    default:
      return report satisfies never;
  }
}

/** The service answers, so the breaker closes. Refusals of calls sent before the pause began lower the rate no further. */
function applyThrottling(
  state: QuotaState,
  report: Extract<QuotaReport, { kind: "throttled" }>,
  now: ServerTimeRange,
  rules: QuotaRules,
): QuotaState {
  const pausedUntilMs = Math.max(
    state.pausedUntilMs,
    Math.ceil(now.latestMs + report.retryAfterMs),
  );
  const pausedState = { ...state, pausedUntilMs, breaker: closedBreaker };
  if (report.cause === "run-time")
    return { ...pausedState, runTime: learnBudget(state.runTime, now.earliestMs, rules.budgets) };
  const isAlreadyPaused = now.earliestMs < state.pausedUntilMs;
  const factor = isAlreadyPaused
    ? state.rate.factor
    : Math.max(minRateFactor, computeRateFactor(state, now.earliestMs) / 2);
  return { ...pausedState, rate: { factor, sinceMs: pausedUntilMs } };
}
