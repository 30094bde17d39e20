/**
 * Appends windows to a log until a goal. Each window starts where the last one ends; it is read
 * whole, proven complete and committed once. If another instance committed first, the run continues
 * from that record.
 */
import { safeReadMs } from "../../contracts/hunting-retention.ts";
import { formatInstant, hourMs, ticksFromMs, type Span, type Ticks } from "../../runtime/time.ts";
import { commitExport, commitMarker, type CommitResult } from "../log/commit.ts";
import type { FollowedLog } from "../log/follow-log.ts";
import { advanceLogEnd, nextPath, type LogEnd } from "../log/log-end.ts";
import type { ExportRecord } from "../ports.ts";
import type { RunStop } from "../query/hunt-querier.ts";
import {
  applyHalving,
  applyHistogram,
  applyTruncation,
  applyWindow,
  disableHistograms,
  maxHalvings,
  planNextStep,
  type Pace,
  type Step,
} from "../query/slicing.ts";
import { readShards, readSpan, type ReadResult } from "./read-span.ts";
import type { RunContext } from "./run-context.ts";

/** A window without rows is committed only when it is this long: at most four a day. */
const emptyWindowMs = 6 * hourMs;

/** Why no further window was appended. */
export type RunResult =
  /** The log has reached its goal. */
  | { readonly kind: "done" }
  | { readonly kind: "degraded"; readonly reason: string; readonly span: Span }
  | RunStop;

export interface AppendResult {
  readonly logEnd: LogEnd;
  /** Every record past the first log end, own and adopted, oldest first. */
  readonly records: readonly ExportRecord[];
  readonly pace: Pace;
  /** Up to here no row was found past the log end. */
  readonly emptyTo: Ticks | undefined;
  readonly result: RunResult;
}

/** What to append to, and up to which instant. */
export interface AppendTask {
  readonly run: RunContext;
  readonly logEnd: LogEnd;
  readonly pace: Pace;
  /** Rows younger than this are not read: `serverNow - lag` as the run began. */
  readonly goal: Ticks;
  readonly emptyTo: Ticks | undefined;
  /** Follows records that other instances have committed after this log end. */
  readonly followLog: (logEnd: LogEnd) => Promise<FollowedLog>;
  /** True for a log that ends at the goal: its last window is committed with or without rows. */
  readonly isBounded?: boolean;
}

interface AppendState {
  logEnd: LogEnd;
  pace: Pace;
  emptyTo: Ticks | undefined;
  readonly records: ExportRecord[];
}

/** Appends windows until the goal or until the run must stop. */
export async function appendWindows(task: AppendTask): Promise<AppendResult> {
  const version = task.logEnd.version;
  const state: AppendState = {
    logEnd: task.logEnd,
    pace: task.pace,
    emptyTo: findResumePoint(task),
    records: [],
  };
  let result: RunResult | undefined;
  while (result === undefined) {
    // Another instance may have closed the version meanwhile.
    const isOver = state.logEnd.version !== version || hasReachedGoal(state, task.goal);
    result = isOver ? { kind: "done" } : await appendNextWindow(task, state);
  }
  const isUnmoved = state.records.length === 0 && state.emptyTo === undefined;
  return { ...state, emptyTo: isUnmoved ? task.emptyTo : state.emptyTo, result };
}

/**
 * Returns where to resume past an empty span; undefined to read the empty span again together with
 * what follows, so that its late rows are in the next window. It resumes past the span when nothing
 * follows or one call cannot read both: else a run that did not get far would send the next one
 * back to its start. The recount watches the rest.
 */
function findResumePoint({ run, logEnd, goal, emptyTo, pace }: AppendTask): Ticks | undefined {
  if (emptyTo === undefined || emptyTo <= logEnd.from) return undefined;
  const { widestMs } = run.hunt;
  const spanTicks = goal - logEnd.from;
  const canReadAtOnce =
    (widestMs === undefined || spanTicks <= ticksFromMs(widestMs)) &&
    spanTicks <= (pace.widthTicks ?? spanTicks);
  return emptyTo < goal && canReadAtOnce ? undefined : emptyTo;
}

const hasReachedGoal = ({ logEnd, emptyTo }: AppendState, goal: Ticks): boolean =>
  logEnd.from >= goal || (emptyTo !== undefined && emptyTo >= goal);

async function appendNextWindow(
  task: AppendTask,
  state: AppendState,
): Promise<RunResult | undefined> {
  const { logEnd } = state;
  const oldest = task.goal - ticksFromMs(safeReadMs);
  if (logEnd.from < oldest) return adoptRecords(task, state, await commitGap(task, logEnd, oldest));
  const readFrom = state.emptyTo ?? logEnd.from;
  const step = planNextStep(state.pace, { ...boundsOf(task, readFrom), to: task.goal });
  await task.run.deps.failpoint("E2 window planned");
  if (step.kind === "histogram") return askHistogram(task, state, step);
  const span = { from: readFrom, to: step.to };
  const read: WindowRead = { span, isSharded: shouldShard(state.pace, step, span) };
  return handleReadResult(task, state, read, await readNextWindow(task, state, read));
}

async function commitGap({ run }: AppendTask, logEnd: LogEnd, to: Ticks): Promise<CommitResult> {
  const span = { from: logEnd.from, to };
  run.deps.logEvent("hunt.degraded", {
    hunt: run.hunt.name,
    window: `${formatInstant(span.from)}/${formatInstant(span.to)}`,
    cause: "older than the service keeps",
  });
  return commitMarker(run, logEnd, { span, complete: "gap" });
}

const boundsOf = (
  task: AppendTask,
  from: Ticks,
): { from: Ticks; widestTicks: Ticks | undefined; canHistogram: boolean } => ({
  from,
  widestTicks:
    task.run.hunt.widestMs === undefined ? undefined : ticksFromMs(task.run.hunt.widestMs),
  canHistogram: task.run.hunt.query.histogramSuffix !== undefined,
});

async function askHistogram(
  { run }: AppendTask,
  state: AppendState,
  { span, step }: Extract<Step, { kind: "histogram" }>,
): Promise<RunResult | undefined> {
  const answer = await run.querier.readHistogram({ ...span, clock: span.to }, step);
  if (answer.kind === "later") return answer;
  state.pace =
    answer.kind === "bins"
      ? applyHistogram(state.pace, span, answer.bins)
      : disableHistograms(state.pace);
  return undefined;
}

/** How a window is read. */
interface WindowRead {
  readonly span: Span;
  readonly isSharded: boolean;
}

function readNextWindow(
  task: AppendTask,
  { logEnd, pace }: AppendState,
  { span, isSharded }: WindowRead,
): Promise<ReadResult> {
  const { format } = logEnd;
  const target = { span: { ...span, clock: span.to }, path: nextPath(logEnd), format };
  return isSharded ? readShards(task.run, target, pace.rowCap) : readSpan(task.run, target);
}

/** Returns true for one tick whose rows do not fit into one call, as seen or as estimated. */
const shouldShard = (pace: Pace, step: Step, span: Span): boolean =>
  step.kind === "shards" || (span.to - span.from === 1n && pace.ceilingTicks === 1n);

/** Turns a result into a record, a changed pace or the end of the run. */
async function handleReadResult(
  task: AppendTask,
  state: AppendState,
  read: WindowRead,
  readResult: ReadResult,
): Promise<RunResult | undefined> {
  const { span } = read;
  switch (readResult.kind) {
    case "complete":
      state.pace = adaptPace(task, state, read, readResult);
      return commitReadResult(task, state, span, readResult.staged);
    case "truncated": {
      await logHalved(task, span, "row limit", readResult.rows);
      const isOneTick = span.to - span.from === 1n;
      state.pace = isOneTick
        ? { ...state.pace, ceilingTicks: 1n }
        : applyTruncation(state.pace, span, readResult, task.run.caps);
      return undefined;
    }
    case "too-big":
    case "too-heavy": {
      if (readResult.kind === "too-heavy" && state.pace.halvings >= maxHalvings)
        return {
          kind: "degraded",
          reason: `${readResult.cause} after ${maxHalvings} halvings`,
          span,
        };
      await logHalved(task, span, readResult.kind);
      state.pace = applyHalving(state.pace, span, readResult.kind);
      return undefined;
    }
    case "degraded":
      return { ...readResult, span };
    case "later":
    case "refused":
    case "failed":
      return readResult;
  }
}

function adaptPace(
  { run }: AppendTask,
  { pace }: AppendState,
  { span, isSharded }: WindowRead,
  { staged, bytes }: CompleteRead,
): Pace {
  // A sharded result does not show how wide a window in one call may be.
  return isSharded
    ? { ...pace, ceilingTicks: undefined, halvings: 0, histogramCount: 0 }
    : applyWindow(pace, span, { rows: staged.rows, bytes }, run.caps);
}

type CompleteRead = Extract<ReadResult, { kind: "complete" }>;

async function logHalved(
  { run }: AppendTask,
  span: Span,
  cause: string,
  cap?: number,
): Promise<void> {
  const window = `${formatInstant(span.from)}/${formatInstant(span.to)}`;
  run.deps.logEvent("hunt.halved", { hunt: run.hunt.name, window, cause, cap });
  await run.deps.failpoint("E8 window halved");
}

/**
 * Commits a complete result; one without rows only when its window is long or the log is bounded.
 */
async function commitReadResult(
  task: AppendTask,
  state: AppendState,
  span: Span,
  staged: CompleteRead["staged"],
): Promise<RunResult | undefined> {
  const { logEnd } = state;
  const window = { from: logEnd.from, to: span.to };
  const isLong = window.to - window.from >= ticksFromMs(emptyWindowMs);
  if (staged.rows === 0 && !isLong && !task.isBounded) {
    state.emptyTo = span.to;
    await staged.abandon();
    return undefined;
  }
  return adoptRecords(task, state, await commitExport(task.run, logEnd, staged, { span: window }));
}

/** Continues from this run's record, or from the records that other instances committed. */
async function adoptRecords(
  task: AppendTask,
  state: AppendState,
  outcome: CommitResult,
): Promise<undefined> {
  if (outcome.kind === "committed") {
    state.records.push(outcome.record);
    state.logEnd = advanceLogEnd(state.logEnd, outcome.record);
  } else {
    const { logEnd, records } = await task.followLog(state.logEnd);
    if (records.length === 0)
      throw new Error(`${nextPath(state.logEnd)} is taken, but no export is there.`);
    state.records.push(...records);
    state.logEnd = logEnd;
  }
  if (state.emptyTo !== undefined && state.emptyTo <= state.logEnd.from) state.emptyTo = undefined;
  return undefined;
}
