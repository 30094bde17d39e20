/**
 * Timer triggers: one run at a time, one host at a time, one catch-up for all slots that were
 * missed.
 */
import { nextRunMs } from "../../shared/runtime/ncrontab.ts";
import { minuteMs, systemClock, type Clock } from "../../shared/runtime/time.ts";
import type { Calls } from "./calls.ts";
import { createBlobService, resolveConnection } from "./connections.ts";
import type { RegisteredFunction, TimerTrigger } from "./index-functions.ts";
import { describeError, type Log } from "./log.ts";
import type { Listener } from "./queues.ts";
import type { Env } from "./substitute-settings.ts";
import {
  createStatusStore,
  createTimerLease,
  type StatusStore,
  type TimerLease,
} from "./timer-blobs.ts";
import { toTimerInput, type TimerStatus } from "./timer-input.ts";
import { computeNextStatus, evaluateRecord } from "./timer-record.ts";

export interface TimersOptions {
  readonly functions: readonly RegisteredFunction[];
  readonly calls: Calls;
  readonly log: Log;
  readonly env: Env;
  readonly hostId: string;
  readonly leaseSeconds?: number;
}

const defaultLeaseSeconds = 60;

/**
 * Starts every timer among `functions`; their records and leases lie in the `AzureWebJobsStorage`
 * account.
 */
export async function startTimers(options: TimersOptions): Promise<Listener[]> {
  const { functions, calls, log, env, hostId, leaseSeconds = defaultLeaseSeconds } = options;
  const timers = functions.flatMap((func) =>
    func.trigger.kind === "timer" ? [{ func, trigger: func.trigger }] : [],
  );
  if (timers.length === 0) return [];
  const blobs = await createBlobService(resolveConnection(undefined, env));
  return timers.map(({ func, trigger }) => {
    const status = createStatusStore(blobs, hostId, func.name);
    const lease = createTimerLease(blobs, hostId, func.name, leaseSeconds);
    return startTimer({ func, trigger, calls, log, status, lease, clock: systemClock });
  });
}

export interface TimerOptions {
  readonly func: RegisteredFunction;
  readonly trigger: TimerTrigger;
  readonly calls: Calls;
  readonly log: Log;
  readonly status: StatusStore;
  readonly lease: TimerLease;
  readonly clock: Clock;
}

interface Timer extends TimerOptions {
  readonly writeLog: (level: "information" | "warning" | "error", message: string) => void;
}

/** Starts one timer; `stop` resolves when the run in work, if any, has ended. */
export function startTimer(options: TimerOptions): Listener {
  const category = `Host.Triggers.Timer.${options.func.name}`;
  const timer: Timer = {
    ...options,
    writeLog: (level, message) => options.log({ level, category, message }),
  };
  const stopping = new AbortController();
  const ticking = waitForLease(timer, stopping.signal);
  return {
    stop: async () => {
      stopping.abort(new Error("the host stops"));
      await ticking;
    },
  };
}

/** As long as another host holds the lease this one asks again once a minute. Never rejects. */
async function waitForLease(timer: Timer, stop: AbortSignal): Promise<void> {
  for (let isReported = false; !stop.aborted;) {
    const isAcquired = await tryOrWarn(timer, "the lease could not be taken", timer.lease.acquire);
    if (isAcquired === true) {
      await tickWhileLeased(timer, stop);
      isReported = false;
      continue;
    }
    if (isAcquired === false && !isReported)
      timer.writeLog("information", "another host has this timer; asking again every minute");
    isReported ||= isAcquired === false;
    await sleepUnlessOver(timer, minuteMs, stop);
  }
}

/** Ticks until the host stops or the lease is lost. */
async function tickWhileLeased(timer: Timer, stop: AbortSignal): Promise<void> {
  const leaseLoss = new AbortController();
  const over = AbortSignal.any([stop, leaseLoss.signal]);
  const renewing = setInterval(() => {
    timer.lease.renew().catch((error: unknown) => {
      timer.writeLog("warning", `the lease is lost: ${describeError(error)}`);
      leaseLoss.abort(new Error("the lease is lost"));
    });
  }, timer.lease.leaseMs / 2);
  try {
    await runTicks(timer, over);
  } finally {
    clearInterval(renewing);
    if (!leaseLoss.signal.aborted)
      await tryOrWarn(timer, "the lease could not be given back", timer.lease.release);
  }
}

async function runTicks(timer: Timer, over: AbortSignal): Promise<void> {
  const { trigger, clock } = timer;
  const initial = await readInitialStatus(timer);
  let status = initial.status;
  let lastMs = 0;
  const fireTimer = async (options: { isPastDue: boolean; isStartup: boolean }): Promise<void> => {
    const startedMs = clock.now();
    const after = await runTimer(timer, { ...options, status, startedMs });
    lastMs = after?.lastMs ?? startedMs;
    if (!trigger.useMonitor || !after) return;
    status = after;
    await tryOrWarn(timer, "the status could not be written", () => timer.status.write(after));
  };
  if (initial.isPastDue) await fireTimer({ isPastDue: true, isStartup: false });
  else if (trigger.runOnStartup) await fireTimer({ isPastDue: false, isStartup: true });
  for (;;) {
    const nextMs = nextRunMs(trigger.schedule, Math.max(clock.now(), lastMs));
    if (nextMs === undefined)
      timer.writeLog("warning", `the schedule ${trigger.declared} never fires`);
    if (!(await sleepUnlessOver(timer, (nextMs ?? Infinity) - clock.now(), over))) return;
    await fireTimer({ isPastDue: false, isStartup: false });
  }
}

async function readInitialStatus(
  timer: Timer,
): Promise<{ status: TimerStatus | undefined; isPastDue: boolean }> {
  const { trigger, clock } = timer;
  if (!trigger.useMonitor) return { status: undefined, isPastDue: false };
  const recorded = await tryOrWarn(timer, "the status could not be read", timer.status.read);
  const state = evaluateRecord(clock.now(), trigger.schedule, recorded);
  if (!state) return { status: undefined, isPastDue: false };
  if (state.isNew)
    await tryOrWarn(timer, "the status could not be written", () =>
      timer.status.write(state.status),
    );
  return state;
}

interface TimerRun {
  readonly status: TimerStatus | undefined;
  readonly startedMs: number;
  readonly isPastDue: boolean;
  readonly isStartup: boolean;
}

/** A failed run advances the schedule like any other; its error is in the call's own log line. */
async function runTimer(
  timer: Timer,
  { status, startedMs, isPastDue, isStartup }: TimerRun,
): Promise<TimerStatus | undefined> {
  const reason = `Timer fired at ${new Date(startedMs).toISOString()}`;
  const input = { json: toTimerInput(status, isPastDue) };
  await timer.calls.run(timer.func, { input, metadata: {}, reason }).catch(() => undefined);
  return computeNextStatus(startedMs, timer.trigger.schedule, status, isStartup);
}

/** Logs a failure of storage; the timer continues without its record. */
async function tryOrWarn<T>(
  timer: Timer,
  warning: string,
  action: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    timer.writeLog("warning", `${warning}: ${describeError(error)}`);
    return undefined;
  }
}

/** Waits; false when it is over before. */
const sleepUnlessOver = (timer: Timer, ms: number, over: AbortSignal): Promise<boolean> =>
  timer.clock.sleep(ms, over).then(
    () => !over.aborted,
    () => false,
  );
