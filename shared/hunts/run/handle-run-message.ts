/** Carries out one message of the queue `hunt-runs`: who may run, what came of it, and what goes on by message. */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntRun } from "../../contracts/hunt-run.ts";
import {
  formatInstant,
  minuteMs,
  parseInstant,
  secondMs,
  ticksFromMs,
  type Span,
  type Ticks,
} from "../../runtime/time.ts";
import { runBackfill } from "./backfill.ts";
import { acquireHuntLease } from "./lease.ts";
import { endHuntJob } from "./hunt-jobs.ts";
import type { HuntDeps } from "../ports.ts";
import { runHunt, type RunSummary } from "./run-hunt.ts";
import { clearWaiting, enqueueRun, isOtherWaiting } from "./run-queue.ts";
import {
  toStatusChange,
  findPauseEnd,
  readStatus,
  writeStatus,
  type StatusChange,
} from "./status.ts";

/** What a run has come to, for the log. */
export type MessageOutcome =
  | "done"
  | "continues"
  | "held"
  | "taken"
  | "degraded"
  | "refused"
  | "failing";

/** Somebody waits for this run, and has waited for the one before: it goes on beside it, which costs quota, not rows. */
const shouldIgnoreLease = ({ job, waits = 0 }: HuntRun): boolean => job !== undefined && waits > 0;

/** Most runs take seconds: whoever finds a hunt taken looks again this soon, also when its runner has died. */
const leaseRetryMs = 10 * secondMs;

/** How long to wait before the next try, after so many failures in a row: 30 s, doubling to 15 min. */
export const computeBackOffMs = (failures: number): number =>
  Math.min(15 * minuteMs, 30 * secondMs * 2 ** Math.min(failures, 10));

/** A failure that has lasted this many tries, more than a day, is the platform's to judge: the message goes to poison. */
const maxFailures = 120;

/**
 * Runs a hunt as ordered. Trouble of the outside is noted and tried again by message, never thrown, so that an outage
 * poisons nothing.
 *
 * @throws whatever keeps even the message of the next try from being sent
 */
export async function handleRunMessage(
  deps: HuntDeps,
  hunt: CompiledHunt,
  message: HuntRun,
): Promise<MessageOutcome> {
  const startMs = deps.nowMs();
  const report = await attemptRun(deps, hunt, message).catch(
    async (error: unknown): Promise<MessageReport> => {
      const failures = (message.failures ?? 0) + 1;
      if (failures > maxFailures) throw error;
      await enqueueRetry(deps, message, failures);
      return { outcome: "failing", summary: undefined };
    },
  );
  const { outcome, summary } = report;
  const rows = summary?.records.reduce((sum, { metadata }) => sum + metadata.rows, 0);
  deps.logEvent("hunt.run", {
    hunt: hunt.name,
    reason: message.reason,
    outcome,
    windows: summary?.records.length,
    rows,
    calls: summary?.callCount,
    version: summary?.version,
    attempts: message.failures,
    durationMs: deps.nowMs() - startMs,
  });
  await deps.failpoint("E16 before message delete");
  return outcome;
}

interface MessageReport {
  readonly outcome: MessageOutcome;
  readonly summary: RunSummary | undefined;
}

/** Without the storage clock, which may be what fails: the note of a waiting run is left out. */
async function enqueueRetry(deps: HuntDeps, message: HuntRun, failures: number): Promise<void> {
  const nextMessage: HuntRun = { ...message, reason: "continue", failures };
  await deps.queues.send("hunt-runs", nextMessage, {
    delaySeconds: computeBackOffMs(failures) / secondMs,
  });
  await deps.failpoint("E15 continuation enqueued");
}

async function attemptRun(
  deps: HuntDeps,
  hunt: CompiledHunt,
  message: HuntRun,
): Promise<MessageReport> {
  const serverNow = ticksFromMs(await deps.exports.serverNowMs());
  const status = await readStatus(deps, hunt.name);
  if (findPauseEnd(status.value, hunt, message.reason, serverNow) !== undefined) {
    await clearWaiting(deps, hunt.name);
    await endHuntJob(
      deps,
      message,
      { outcome: "failed", reason: status.value?.reason ?? "held" },
      serverNow,
    );
    return { outcome: "held", summary: undefined };
  }
  const lease = await acquireHuntLease(deps, hunt.name, serverNow, shouldIgnoreLease(message));
  if (lease.kind === "taken") {
    // The other runner may die: this order must not vanish with it. Where it does not, the order will find its work done.
    const waits = (message.waits ?? 0) + 1;
    await enqueueContinuation(
      deps,
      { ...message, waits },
      serverNow,
      Math.min(lease.waitMs, leaseRetryMs),
      message.failures,
    );
    return { outcome: "taken", summary: undefined };
  }
  try {
    await clearWaiting(deps, hunt.name);
    const summary = await executeRun(deps, hunt, message, serverNow);
    const statusChange = findStatusChange(summary);
    if (statusChange) await writeStatus(deps, hunt, status, statusChange, serverNow);
    return { outcome: await concludeRun(deps, hunt, message, summary, serverNow), summary };
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : "unknown failure";
    await writeStatus(deps, hunt, status, { state: "failing", reason }, serverNow).catch(
      () => undefined,
    );
    throw error;
  } finally {
    await lease.release().catch(() => undefined);
  }
}

async function executeRun(
  deps: HuntDeps,
  hunt: CompiledHunt,
  message: HuntRun,
  serverNow: Ticks,
): Promise<RunSummary> {
  const span = parseBackfillSpan(message);
  if (!span) return runHunt(deps, hunt, message, serverNow);
  return { ...(await runBackfill(deps, hunt, span)), version: 0 };
}

function parseBackfillSpan({ backfill }: HuntRun): Span | undefined {
  const from = backfill && parseInstant(backfill.from);
  const to = backfill && parseInstant(backfill.to);
  return from === undefined || to === undefined ? undefined : { from, to };
}

/** What the run says of the hunt; `undefined` when it says nothing new. */
function findStatusChange({ result, unclear }: RunSummary): StatusChange | undefined {
  switch (result.kind) {
    case "done":
      return unclear
        ? { state: "degraded", reason: unclear.reason, span: unclear.span, shouldPause: false }
        : { state: "ok", reason: "" };
    case "degraded":
      return { state: "degraded", reason: result.reason, span: result.span };
    case "refused":
      return toStatusChange(result);
    case "failed":
      return { state: "failing", reason: result.message };
    case "later":
    case "theirs":
      return undefined;
  }
}

/** Sends what goes on by message, or tells the job how it ended. */
async function concludeRun(
  deps: HuntDeps,
  hunt: CompiledHunt,
  message: HuntRun,
  { result, records, logEnd }: RunSummary,
  serverNow: Ticks,
): Promise<MessageOutcome> {
  switch (result.kind) {
    case "done":
      await endHuntJob(deps, message, { outcome: "succeeded", records, logEnd }, serverNow);
      return "done";
    case "later":
      await enqueueContinuation(deps, message, serverNow, result.retryAfterMs, message.failures);
      return "continues";
    case "theirs":
      await enqueueContinuation(deps, message, serverNow, result.waitMs, message.failures);
      return "continues";
    case "failed": {
      const failures = (message.failures ?? 0) + 1;
      await enqueueContinuation(deps, message, serverNow, computeBackOffMs(failures), failures);
      return "failing";
    }
    case "degraded":
      logDegraded(deps, hunt, result.reason, result.span);
      await endHuntJob(deps, message, { outcome: "failed", reason: result.reason }, serverNow);
      return "degraded";
    case "refused":
      logDegraded(deps, hunt, `${result.cause} refused`, undefined);
      await endHuntJob(deps, message, { outcome: "failed", reason: result.message }, serverNow);
      return "refused";
  }
}

function logDegraded(
  deps: HuntDeps,
  hunt: CompiledHunt,
  cause: string,
  span: Span | undefined,
): void {
  const window = span && `${formatInstant(span.from)}/${formatInstant(span.to)}`;
  deps.logEvent("hunt.degraded", { hunt: hunt.name, cause, window });
}

async function enqueueContinuation(
  deps: HuntDeps,
  message: HuntRun,
  serverNow: Ticks,
  delayMs: number,
  failures: number | undefined,
): Promise<void> {
  // Orders that nobody waits for merge into one, or every pause would leave one more on the queue.
  if (message.job === undefined && (await isOtherWaiting(deps, message, serverNow))) return;
  const nextMessage: HuntRun = {
    ...message,
    reason: "continue",
    ...(failures === undefined ? {} : { failures }),
  };
  await enqueueRun(deps, nextMessage, serverNow, delayMs);
  await deps.failpoint("E15 continuation enqueued");
}
