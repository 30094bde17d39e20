/**
 * Handles one message of the queue `hunt-runs`: runs the hunt, stores its status, and enqueues what
 * remains.
 */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntRun } from "../../contracts/hunt-run.ts";
import type { HuntStatus } from "../../contracts/hunt-state.ts";
import {
  dayMs,
  formatInstant,
  hourMs,
  minuteMs,
  msFromTicks,
  parseInstant,
  secondMs,
  ticksFromMs,
  type Span,
} from "../../runtime/time.ts";
import type { TypedRecord } from "../../storage/typed-record.ts";
import type { HuntContext, HuntDeps, HuntingReply } from "../ports.ts";
import { runBackfill } from "./backfill.ts";
import { endHuntJob } from "./hunt-jobs.ts";
import { acquireHuntLease } from "./lease.ts";
import { runHunt, type RunSummary } from "./run-hunt.ts";
import { clearWaiting, enqueueRun, isOtherWaiting } from "./run-queue.ts";
import {
  findPauseEnd,
  readStatus,
  toStatusChange,
  writeStatus,
  type StatusChange,
} from "./status.ts";

/** How a message was handled, for the log. */
export type MessageOutcome =
  | "done"
  | "continues"
  | "paused"
  | "leased"
  | "degraded"
  | "refused"
  | "failing";

/** A job's run that has already waited runs beside the leaseholder: that costs quota, not rows. */
const shouldIgnoreLease = ({ job, waits = 0 }: HuntRun): boolean => job !== undefined && waits > 0;

/** Most runs take seconds: a message that meets a leased hunt comes back this soon. */
const leaseRetryMs = 10 * secondMs;

/**
 * Returns the delay after a number of failures in a row: 60 s, doubling up to 15 minutes. An
 * unknown refusal is not known to pass soon: its delay doubles up to an hour.
 */
export const computeBackOffMs = (failures: number, isUnknownRefusal = false): number =>
  Math.min(isUnknownRefusal ? hourMs : 15 * minuteMs, 30 * secondMs * 2 ** Math.min(failures, 10));

/** An unknown refusal that lasts this long fires the alert of `hunt.degraded` and fails the job. */
const maxUnknownRefusalMs = dayMs;

/**
 * After this many failures in a row (more than a day) the error is thrown: the platform moves the
 * message to poison.
 */
const maxFailures = 120;

/**
 * Handles a message. A failure of a service is retried with a new message and not thrown, so that
 * an outage leaves no poison messages.
 *
 * @throws Error when the message of the next attempt cannot be sent
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
  deps.logEvent("hunt.run", {
    hunt: hunt.name,
    reason: message.reason,
    outcome,
    windows: summary?.records.length,
    rows: summary?.records.reduce((sum, { metadata }) => sum + metadata.rows, 0),
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

/**
 * Sends the next attempt without reading storage, which may be what fails; so it records no waiting
 * run.
 */
async function enqueueRetry(deps: HuntDeps, message: HuntRun, failures: number): Promise<void> {
  const nextMessage: HuntRun = { ...message, reason: "continue", failures };
  const delaySeconds = computeBackOffMs(failures) / secondMs;
  await deps.queues.send("hunt-runs", nextMessage, { delaySeconds });
  await deps.failpoint("E15 continuation enqueued");
}

async function attemptRun(
  deps: HuntDeps,
  hunt: CompiledHunt,
  message: HuntRun,
): Promise<MessageReport> {
  const serverNow = ticksFromMs(await deps.exports.serverNowMs());
  const context: HuntContext = { deps, hunt, serverNow };
  const status = await readStatus(deps, hunt.name);
  const currentStatus = status.kind === "found" ? status.value : undefined;
  if (findPauseEnd(currentStatus, hunt, message.reason, serverNow) !== undefined) {
    await clearWaiting(deps, hunt.name);
    const reason = currentStatus?.reason ?? "The hunt is paused.";
    await endHuntJob(context, message, { outcome: "failed", reason });
    return { outcome: "paused", summary: undefined };
  }
  const acquired = await acquireHuntLease(context, shouldIgnoreLease(message));
  if (acquired.kind === "busy") {
    // The leaseholder may crash, so the message stays; if it does not, this message finds its work
    // done.
    const waits = (message.waits ?? 0) + 1;
    const delayMs = Math.min(acquired.waitMs + secondMs, leaseRetryMs);
    await enqueueContinuation(context, { ...message, waits }, delayMs, message.failures);
    return { outcome: "leased", summary: undefined };
  }
  try {
    await clearWaiting(deps, hunt.name);
    const summary = await executeRun(context, message);
    const statusChange = findStatusChange(summary, message);
    if (statusChange) await writeStatus(context, status, statusChange);
    const failingSince = findFailingSince(context, currentStatus);
    const isFailure = summary.result.kind === "failed";
    const concluded = isFailure ? { failingSince, ...message } : message;
    return { outcome: await concludeRun(context, concluded, summary), summary };
  } catch (error) {
    await recordFailure(context, status, error);
    throw error;
  } finally {
    await acquired.lease.release().catch(() => undefined);
  }
}

/** Records an unexpected error as the hunt's status; storage may be what fails. */
async function recordFailure(
  context: HuntContext,
  status: TypedRecord<HuntStatus>,
  error: unknown,
): Promise<void> {
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : "unknown failure";
  await writeStatus(context, status, { state: "failing", reason }).catch(() => undefined);
}

/** Returns since when runs of this query have failed; now when the last one did not. */
const findFailingSince = (
  { hunt, serverNow }: HuntContext,
  status: HuntStatus | undefined,
): string =>
  status?.state === "failing" && status.queryHash === hunt.queryHash
    ? status.since
    : formatInstant(serverNow);

async function executeRun(context: HuntContext, message: HuntRun): Promise<RunSummary> {
  const span = parseBackfillSpan(message);
  if (!span || context.hunt.invalidParameters !== undefined) return runHunt(context, message);
  return { ...(await runBackfill(context, span)), version: 0 };
}

function parseBackfillSpan({ backfill }: HuntRun): Span | undefined {
  const from = backfill && parseInstant(backfill.from);
  const to = backfill && parseInstant(backfill.to);
  return from === undefined || to === undefined ? undefined : { from, to };
}

/** Returns the status that a run leads to; undefined when the old one remains. */
function findStatusChange(
  { result, unclear }: RunSummary,
  { failures = 0 }: HuntRun,
): StatusChange | undefined {
  switch (result.kind) {
    case "done":
      return unclear
        ? { state: "degraded", reason: unclear.reason, span: unclear.span, pauseMs: 0 }
        : { state: "ok", reason: "" };
    case "degraded":
      return { state: "degraded", reason: result.reason, span: result.span };
    case "refused":
      return toStatusChange(result);
    case "failed": {
      const pauseMs = result.isUnknownRefusal ? computeBackOffMs(failures + 1, true) : 0;
      return { state: "failing", reason: result.message, pauseMs };
    }
    case "later":
    case "replacedByOtherVersion":
      return undefined;
  }
}

/** Enqueues the remaining work, or ends the job. */
async function concludeRun(
  context: HuntContext,
  message: HuntRun,
  { result, records, logEnd }: RunSummary,
): Promise<MessageOutcome> {
  switch (result.kind) {
    case "done":
      await endHuntJob(context, message, { outcome: "succeeded", records, logEnd });
      return "done";
    case "later":
      await enqueueContinuation(context, message, result.retryAfterMs, message.failures);
      return "continues";
    case "replacedByOtherVersion":
      await enqueueContinuation(context, message, result.waitMs, message.failures);
      return "continues";
    case "failed":
      return concludeFailure(context, message, result);
    case "degraded":
      logDegraded(context, result.reason, result.span);
      await endHuntJob(context, message, { outcome: "failed", reason: result.reason });
      return "degraded";
    case "refused":
      logDegraded(context, `${result.cause} refused`, undefined);
      await endHuntJob(context, message, { outcome: "failed", reason: result.message });
      return "refused";
  }
}

async function concludeFailure(
  context: HuntContext,
  message: HuntRun,
  { message: reason, isUnknownRefusal }: Extract<HuntingReply, { kind: "failed" }>,
): Promise<MessageOutcome> {
  const failures = (message.failures ?? 0) + 1;
  const since = parseInstant(message.failingSince ?? "") ?? context.serverNow;
  const failedMs = msFromTicks(context.serverNow - since);
  if (isUnknownRefusal && failedMs >= maxUnknownRefusalMs) {
    logDegraded(context, `refused for 24 hours: ${reason}`, undefined);
    await endHuntJob(context, message, { outcome: "failed", reason });
    if (message.job !== undefined) return "failing";
  }
  const delayMs = computeBackOffMs(failures, isUnknownRefusal);
  await enqueueContinuation(context, message, delayMs, failures);
  return "failing";
}

function logDegraded({ deps, hunt }: HuntContext, cause: string, span: Span | undefined): void {
  const window = span && `${formatInstant(span.from)}/${formatInstant(span.to)}`;
  deps.logEvent("hunt.degraded", { hunt: hunt.name, cause, window });
}

async function enqueueContinuation(
  { deps, serverNow }: HuntContext,
  message: HuntRun,
  delayMs: number,
  failures: number | undefined,
): Promise<void> {
  // Messages without a job merge into one; else every pause would leave one more on the queue.
  if (message.job === undefined && (await isOtherWaiting(deps, message, serverNow))) return;
  const nextMessage: HuntRun = {
    ...message,
    reason: "continue",
    ...(failures === undefined ? {} : { failures }),
  };
  await enqueueRun(deps, nextMessage, serverNow, delayMs);
  await deps.failpoint("E15 continuation enqueued");
}
