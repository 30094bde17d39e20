/**
 * Grants send instants of a quota and applies reports of responses. Pure: a state in, a state out.
 */
import {
  computeBreakerGate,
  closedBreaker,
  createPauseProbe,
  isPauseProbe,
  recordFailure,
} from "./breaker.ts";
import { computeRateFactor, type CallLimit, type QuotaState } from "./quota-state.ts";
import type { QuotaReport } from "./quota.ts";
import { secondMs } from "../../runtime/time.ts";
import { learnBudget, findRunTimeFreeMs, addRunTime, type RunTimeBudget } from "./run-time.ts";

/** What an API allows, and the margins that keep it. */
export interface QuotaRules {
  readonly limits: readonly CallLimit[];
  /** Share of limits and budgets that Huntline uses, above 0 and at most 1. */
  readonly share: number;
  /**
   * Distance kept from a window's edge: use of a permit, clocks, and the network path to the
   * service.
   */
  readonly marginMs: number;
  readonly budgets: readonly RunTimeBudget[];
  /** How long a probe of an open breaker may take before another instance may try. */
  readonly probeMs: number;
}

/** True server time is between the two. */
export interface ServerTimeRange {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/**
 * `wait`: no instant is granted yet; ask again at `againAtMs`, which is before the caller's
 * deadline.
 */
export type GrantResult =
  | { readonly kind: "instant"; readonly atMs: number; readonly isProbe: boolean }
  | { readonly kind: "wait"; readonly againAtMs: number }
  | {
      readonly kind: "later";
      readonly retryAfterMs: number;
      readonly reason: "quota" | "paused" | "breaker";
    };

/** The pending requests, in order. */
export interface GrantRequest {
  /** Names the probe when a grant is one. */
  readonly probeId: string;
  /** The latest instant that each request accepts. */
  readonly deadlinesMs: readonly number[];
  /** How many instants of the future may be granted. */
  readonly maxReservations: number;
}

/** Decides every request, in order, and records the instants that it grants. */
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
  let isProbeGranted = false;
  let { maxReservations } = request;

  for (const untilMs of request.deadlinesMs) {
    const isBehindProbe = gate.isProbing || isProbeGranted;
    const atMs = findNextInstant(granted, rules, factor, gate.atMs);
    const answer = isBehindProbe
      ? waitForProbe(gate, untilMs)
      : decideGrant({ gate, atMs, untilMs, maxReservations }, now);
    answers.push(answer);
    if (answer.kind !== "instant") continue;
    if (atMs > now.latestMs) maxReservations -= 1;
    granted.push(atMs);
    isProbeGranted = gate.isProbe;
  }
  const probe = { id: request.probeId, untilMs: now.latestMs + rules.probeMs };
  const breaker = isProbeGranted ? { ...state.breaker, probe } : state.breaker;
  return { state: { ...state, granted, breaker }, answers };
}

function waitForProbe(gate: Gate, untilMs: number): GrantResult {
  const againAtMs = gate.atMs + probePollMs;
  return againAtMs > untilMs
    ? { kind: "later", retryAfterMs: probeRetryMs, reason: "breaker" }
    : { kind: "wait", againAtMs };
}

function decideGrant(
  { gate, atMs, untilMs, maxReservations }: GrantOptions,
  now: ServerTimeRange,
): GrantResult {
  if (gate.atMs > untilMs || atMs > untilMs) {
    const reason = gate.atMs > untilMs ? gate.reason : "quota";
    return { kind: "later", retryAfterMs: roundUpMs(atMs - now.earliestMs), reason };
  }
  if (gate.isClosed) return { kind: "wait", againAtMs: gate.atMs };
  if (atMs > now.latestMs && maxReservations <= 0) return { kind: "wait", againAtMs: atMs };
  return { kind: "instant", atMs, isProbe: gate.isProbe };
}

interface GrantOptions {
  readonly gate: Gate;
  /** The first instant that keeps every limit. */
  readonly atMs: number;
  readonly untilMs: number;
  readonly maxReservations: number;
}

type Gate = ReturnType<typeof computeGate>;

/**
 * How soon a waiting caller checks another call's probe, and when one that cannot wait asks again.
 */
const probePollMs = secondMs;
const probeRetryMs = 5 * secondMs;

const roundUpMs = (ms: number): number => Math.max(1, Math.ceil(ms));

/** Returns the longest window of the limits: how far back grants count. */
export const getMaxWindowMs = ({ limits }: QuotaRules): number =>
  Math.max(...limits.map((limit) => limit.perMs));

/**
 * When pause, breaker and run time let calls start. `isClosed`: not yet, and no instant can be
 * reserved ahead.
 */
function computeGate(state: QuotaState, now: ServerTimeRange, rules: QuotaRules) {
  const nowMs = now.earliestMs;
  const breaker = computeBreakerGate(state.breaker, nowMs);
  if (breaker.atMs > nowMs) {
    const reason = isPauseProbe(state.breaker) ? ("paused" as const) : ("breaker" as const);
    return { ...breaker, isClosed: true, reason };
  }
  const runTimeMs = findRunTimeFreeMs(state.runTime, rules.budgets, rules.share, nowMs);
  const atMs = Math.max(nowMs, state.pausedUntilMs, runTimeMs);
  const reason =
    state.pausedUntilMs >= runTimeMs && state.pausedUntilMs > nowMs
      ? ("paused" as const)
      : ("quota" as const);
  return { ...breaker, atMs, isClosed: false, reason };
}

/**
 * Returns the first instant that keeps every limit. Instants only grow, so the log stays in order.
 */
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
      // A 429 slows the shortest limit; the longer ones follow.
      const limitFactor = perMs === shortestMs ? factor : 1;
      const allowedCalls = Math.max(1, Math.floor(calls * rules.share * limitFactor));
      return (granted.at(-allowedCalls) ?? -Infinity) + perMs + rules.marginMs;
    }),
  );
  return Math.ceil(firstMs);
}

/**
 * Removes instants that were certainly not used. A probe among them becomes free for another call.
 */
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

/** Applies what one response means for all instances. */
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
      // A success of a call sent before the pause does not replace the probe after it.
      const isEarly = isPauseProbe(state.breaker) && now.latestMs < state.breaker.openUntilMs;
      return { ...state, runTime, breaker: isEarly ? state.breaker : closedBreaker };
    }
    case "failed":
      return { ...state, breaker: recordFailure(state.breaker, now.latestMs) };
    case "throttled":
      return applyThrottling(state, report, now, rules);
    default:
      return report satisfies never;
  }
}

/**
 * The service responds, so the breaker closes. A 429 for a call sent before the pause began lowers
 * the rate no further.
 */
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
  const breaker =
    report.isCapped === true
      ? createPauseProbe(pausedUntilMs, report.retryAfterMs)
      : isPauseProbe(state.breaker) && now.latestMs < state.breaker.openUntilMs
        ? state.breaker
        : closedBreaker;
  const pausedState = { ...state, pausedUntilMs, breaker };
  if (report.cause === "run-time")
    return { ...pausedState, runTime: learnBudget(state.runTime, now.earliestMs, rules.budgets) };
  const isAlreadyPaused = now.earliestMs < state.pausedUntilMs;
  const factor = isAlreadyPaused
    ? state.rate.factor
    : Math.max(minRateFactor, computeRateFactor(state, now.earliestMs) / 2);
  return { ...pausedState, rate: { factor, sinceMs: pausedUntilMs } };
}
