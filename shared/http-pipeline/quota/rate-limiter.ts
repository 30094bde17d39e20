/** Hands out send instants of a quota, and enters what answers meant. Pure: a book in, a book out. */
import { breakerFreeAt, closedBreaker, failed } from "./breaker.ts";
import { rateAt, type CallLimit, type QuotaBook } from "./quota-state.ts";
import type { QuotaReport } from "./quota.ts";
import { secondMs } from "../../runtime/time.ts";
import { learn, runTimeFreeAt, spend, type RunTimeBudget } from "./run-time.ts";

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
export interface Now {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** `wait`: no instant is handed out yet; ask again at `againAtMs`, which is within the asker's patience. */
export type Granted =
  | { readonly kind: "instant"; readonly atMs: number; readonly probe: boolean }
  | { readonly kind: "wait"; readonly againAtMs: number }
  | {
      readonly kind: "later";
      readonly retryAfterMs: number;
      readonly reason: "quota" | "paused" | "breaker";
    };

/** Those who ask, in order. */
export interface Asking {
  /** Names the probe, should this be one. */
  readonly probeId: string;
  /** The latest instant each accepts. */
  readonly until: readonly number[];
  /** How many instants of the future may be handed out. */
  readonly mayReserve: number;
}

/** Answers every asker, in order, and enters the instants it hands out. */
export function grant(book: QuotaBook, asking: Asking, now: Now, rules: QuotaRules) {
  const oldestMs = now.earliestMs - longestWindowMs(rules) - rules.marginMs;
  const granted = book.granted.filter((atMs) => atMs > oldestMs);
  const factor = rateAt(book, now.earliestMs);
  const gate = opening(book, now, rules);
  const answers: Granted[] = [];
  const granting = (): boolean => gate.probe && answers.some((answer) => answer.kind === "instant");
  let { mayReserve } = asking;

  for (const untilMs of asking.until) {
    const atMs = nextInstant(granted, rules, factor, gate.atMs);
    if (gate.probing || granting()) {
      const againAtMs = gate.atMs + probePollMs;
      answers.push(
        againAtMs > untilMs
          ? { kind: "later", retryAfterMs: probeLaterMs, reason: "breaker" }
          : { kind: "wait", againAtMs },
      );
    } else if (gate.atMs > untilMs || atMs > untilMs) {
      const reason = gate.atMs > untilMs ? gate.reason : "quota";
      answers.push({ kind: "later", retryAfterMs: wholeMs(atMs - now.earliestMs), reason });
    } else if (gate.closed) {
      answers.push({ kind: "wait", againAtMs: gate.atMs });
    } else if (atMs > now.latestMs && mayReserve <= 0) {
      answers.push({ kind: "wait", againAtMs: atMs });
    } else {
      if (atMs > now.latestMs) mayReserve -= 1;
      granted.push(atMs);
      answers.push({ kind: "instant", atMs, probe: gate.probe });
    }
  }
  const probe = { id: asking.probeId, untilMs: now.latestMs + rules.probeMs };
  const breaker = granting() ? { ...book.breaker, probe } : book.breaker;
  return { book: { ...book, granted, breaker }, answers };
}

/** How soon somebody who waits for another's probe looks again, and when one without patience comes back. */
const probePollMs = secondMs;
const probeLaterMs = 5 * secondMs;

const wholeMs = (ms: number): number => Math.max(1, Math.ceil(ms));

/** The longest window of the limits: for so long the past matters. */
export const longestWindowMs = ({ limits }: QuotaRules): number =>
  Math.max(...limits.map((limit) => limit.perMs));

/** From when on pause, breaker and run time let calls start; `closed` while that is not yet and an instant cannot be booked ahead. */
function opening(book: QuotaBook, now: Now, rules: QuotaRules) {
  const nowMs = now.earliestMs;
  const breaker = breakerFreeAt(book.breaker, nowMs);
  if (breaker.atMs > nowMs) return { ...breaker, closed: true, reason: "breaker" as const };
  const runTimeMs = runTimeFreeAt(book.runTime, rules.budgets, rules.share, nowMs);
  const atMs = Math.max(nowMs, book.pausedUntilMs, runTimeMs);
  const reason =
    book.pausedUntilMs >= runTimeMs && book.pausedUntilMs > nowMs
      ? ("paused" as const)
      : ("quota" as const);
  return { ...breaker, atMs, closed: false, reason };
}

/** The first instant that keeps every limit. Instants only grow, so that the log stays in order. */
function nextInstant(
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
      const slowed = perMs === shortestMs ? factor : 1;
      const allowed = Math.max(1, Math.floor(calls * rules.share * slowed));
      return (granted.at(-allowed) ?? -Infinity) + perMs + rules.marginMs;
    }),
  );
  return Math.ceil(firstMs);
}

/** Gives back instants that were surely not used; a probe among them is somebody else's to make. */
export function giveBack(
  book: QuotaBook,
  unused: readonly { readonly atMs: number; readonly probeId: string | undefined }[],
): QuotaBook {
  const granted = [...book.granted];
  let { breaker } = book;
  for (const { atMs, probeId } of unused) {
    const place = granted.lastIndexOf(atMs);
    if (place !== -1) granted.splice(place, 1);
    if (probeId !== undefined && breaker.probe?.id === probeId)
      breaker = { ...breaker, probe: undefined };
  }
  return { ...book, granted, breaker };
}

const least = 0.1;

/** Enters what one answer meant for everybody. */
export function enter(
  book: QuotaBook,
  report: QuotaReport,
  now: Now,
  rules: QuotaRules,
): QuotaBook {
  switch (report.kind) {
    case "ok": {
      const runTime =
        report.runTimeMs === undefined || rules.budgets.length === 0
          ? book.runTime
          : spend(book.runTime, report.runTimeMs, now.earliestMs, rules.budgets);
      return { ...book, runTime, breaker: closedBreaker };
    }
    case "failed":
      return { ...book, breaker: failed(book.breaker, now.latestMs) };
    case "throttled":
      return throttled(book, report, now, rules);
    default:
      return report satisfies never;
  }
}

/** The service answers, so the breaker closes. Refusals of calls sent before the pause began lower the rate no further. */
function throttled(
  book: QuotaBook,
  report: Extract<QuotaReport, { kind: "throttled" }>,
  now: Now,
  rules: QuotaRules,
): QuotaBook {
  const pausedUntilMs = Math.max(book.pausedUntilMs, Math.ceil(now.latestMs + report.retryAfterMs));
  const paused = { ...book, pausedUntilMs, breaker: closedBreaker };
  if (report.cause === "run-time")
    return { ...paused, runTime: learn(book.runTime, now.earliestMs, rules.budgets) };
  const again = now.earliestMs < book.pausedUntilMs;
  const factor = again ? book.rate.factor : Math.max(least, rateAt(book, now.earliestMs) / 2);
  return { ...paused, rate: { factor, sinceMs: pausedUntilMs } };
}
