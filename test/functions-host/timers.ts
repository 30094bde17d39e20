/** Timer triggers: one run at a time, one host at a time, one catch-up for all slots that were missed. */
import { minuteMs, systemClock, type Clock } from "../../shared/runtime/time.ts";
import type { Calls } from "./calls.ts";
import { openBlobs, resolveConnection } from "./connections.ts";
import type { Door, TimerTrigger } from "./indexing.ts";
import { describe, type Log } from "./lines.ts";
import type { Listener } from "./queues.ts";
import type { Env } from "./substitute.ts";
import { openStatus, openTurn, type StatusStore, type Turn } from "./timer-blobs.ts";
import { timerInput, type TimerStatus } from "./timer-input.ts";
import { afterRun, standing } from "./timer-record.ts";

export interface TimersOptions {
  readonly doors: readonly Door[];
  readonly calls: Calls;
  readonly log: Log;
  readonly env: Env;
  readonly hostId: string;
  readonly leaseSeconds?: number;
}

const defaultLeaseSeconds = 60;

/** Starts every timer among `doors`; their records and leases lie in the `AzureWebJobsStorage` account. */
export async function startTimers(options: TimersOptions): Promise<Listener[]> {
  const { doors, calls, log, env, hostId, leaseSeconds = defaultLeaseSeconds } = options;
  const timers = doors.flatMap((door) =>
    door.trigger.kind === "timer" ? [{ door, trigger: door.trigger }] : [],
  );
  if (timers.length === 0) return [];
  const blobs = await openBlobs(resolveConnection(undefined, env));
  return timers.map(({ door, trigger }) => {
    const status = openStatus(blobs, hostId, door.name);
    const turn = openTurn(blobs, hostId, door.name, leaseSeconds);
    return startTimer({ door, trigger, calls, log, status, turn, clock: systemClock });
  });
}

export interface TimerOptions {
  readonly door: Door;
  readonly trigger: TimerTrigger;
  readonly calls: Calls;
  readonly log: Log;
  readonly status: StatusStore;
  readonly turn: Turn;
  readonly clock: Clock;
}

interface Timer extends TimerOptions {
  readonly say: (level: "information" | "warning" | "error", message: string) => void;
}

/** Starts one timer; `stop` resolves when the run in work, if any, has ended. */
export function startTimer(options: TimerOptions): Listener {
  const category = `Host.Triggers.Timer.${options.door.name}`;
  const timer: Timer = {
    ...options,
    say: (level, message) => options.log({ level, category, message }),
  };
  const stopping = new AbortController();
  const ticking = takeTurns(timer, stopping.signal);
  return {
    stop: async () => {
      stopping.abort(new Error("the host stops"));
      await ticking;
    },
  };
}

/** As long as another host holds the lease this one asks again once a minute. Never rejects. */
async function takeTurns(timer: Timer, stop: AbortSignal): Promise<void> {
  for (let told = false; !stop.aborted;) {
    const taken = await attempt(timer, "the lease could not be taken", timer.turn.take);
    if (taken === true) {
      await keepTime(timer, stop);
      told = false;
      continue;
    }
    if (taken === false && !told)
      timer.say("information", "another host has this timer; asking again every minute");
    told ||= taken === false;
    await rest(timer, minuteMs, stop);
  }
}

/** Ticks until the host stops or the lease is lost. */
async function keepTime(timer: Timer, stop: AbortSignal): Promise<void> {
  const lost = new AbortController();
  const over = AbortSignal.any([stop, lost.signal]);
  const renewing = setInterval(() => {
    timer.turn.renew().catch((error: unknown) => {
      timer.say("warning", `the lease is lost: ${describe(error)}`);
      lost.abort(new Error("the lease is lost"));
    });
  }, timer.turn.leaseMs / 2);
  try {
    await tick(timer, over);
  } finally {
    clearInterval(renewing);
    if (!lost.signal.aborted)
      await attempt(timer, "the lease could not be given back", timer.turn.release);
  }
}

async function tick(timer: Timer, over: AbortSignal): Promise<void> {
  const { trigger, clock } = timer;
  const opening = await begin(timer);
  let status = opening.status;
  let lastMs = 0;
  const fire = async (how: { isPastDue: boolean; isStartup: boolean }): Promise<void> => {
    const startedMs = clock.now();
    const after = await run(timer, { ...how, status, startedMs });
    lastMs = after?.lastMs ?? startedMs;
    if (!trigger.useMonitor || !after) return;
    status = after;
    await attempt(timer, "the status could not be written", () => timer.status.write(after));
  };
  if (opening.isPastDue) await fire({ isPastDue: true, isStartup: false });
  else if (trigger.runOnStartup) await fire({ isPastDue: false, isStartup: true });
  for (;;) {
    const nextMs = trigger.schedule.next(Math.max(clock.now(), lastMs));
    if (nextMs === undefined) timer.say("warning", `the schedule ${trigger.declared} never fires`);
    if (!(await rest(timer, (nextMs ?? Infinity) - clock.now(), over))) return;
    await fire({ isPastDue: false, isStartup: false });
  }
}

async function begin(
  timer: Timer,
): Promise<{ status: TimerStatus | undefined; isPastDue: boolean }> {
  const { trigger, clock } = timer;
  if (!trigger.useMonitor) return { status: undefined, isPastDue: false };
  const recorded = await attempt(timer, "the status could not be read", timer.status.read);
  const found = standing(clock.now(), trigger.schedule, recorded);
  if (!found) return { status: undefined, isPastDue: false };
  if (found.isNew)
    await attempt(timer, "the status could not be written", () => timer.status.write(found.status));
  return found;
}

interface Run {
  readonly status: TimerStatus | undefined;
  readonly startedMs: number;
  readonly isPastDue: boolean;
  readonly isStartup: boolean;
}

/** A failed run advances the schedule like any other; its error is in the call's own log line. */
async function run(
  timer: Timer,
  { status, startedMs, isPastDue, isStartup }: Run,
): Promise<TimerStatus | undefined> {
  const reason = `Timer fired at ${new Date(startedMs).toISOString()}`;
  const input = { json: timerInput(status, isPastDue) };
  await timer.calls.run(timer.door, { input, metadata: {}, reason }).catch(() => undefined);
  return afterRun(startedMs, timer.trigger.schedule, status, isStartup);
}

/** Storage trouble must not stop a timer: it is told, and the timer goes on without. */
async function attempt<T>(
  timer: Timer,
  trouble: string,
  act: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    timer.say("warning", `${trouble}: ${describe(error)}`);
    return undefined;
  }
}

/** Waits; false when it is over before. */
const rest = (timer: Timer, ms: number, over: AbortSignal): Promise<boolean> =>
  timer.clock.sleep(ms, over).then(
    () => !over.aborted,
    () => false,
  );
