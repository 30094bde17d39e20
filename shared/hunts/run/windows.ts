/**
 * Appends windows to a log, from its tip to a goal. Each window begins where the last one ends; it is read whole, proven
 * complete and committed once. Whoever finds another's record in the place of his own adopts it and goes on from there.
 */
import {
  dayMs,
  formatInstant,
  hourMs,
  ticksFromMs,
  type Span,
  type Ticks,
} from "../../runtime/time.ts";
import type { RunStop } from "../query/hunt-querier.ts";
import { commit, commitMarker, type CommitResult } from "../log/commit.ts";
import type { ExportRecord } from "../ports.ts";
import { readShards, readSpan, type RunContext, type ReadResult } from "./read-span.ts";
import {
  applyHalving,
  applyHistogram,
  applyTruncation,
  applyWindow,
  maxHalvings,
  planNextStep,
  disableHistograms,
  type Pace,
  type Step,
} from "../query/slicing.ts";
import { advanceLogEnd, nextPath, type LogEnd } from "../log/log-end.ts";

/** The service keeps 30 days; what is nearly as old may go while it is read. */
const safeReadMs = 29 * dayMs;

/** A window without rows is committed only when it is this long: at most four a day. */
const emptyWindowMs = 6 * hourMs;

/** Why no further window was appended. */
export type RunResult =
  /** All there was to read. */
  | { readonly kind: "done" }
  | { readonly kind: "degraded"; readonly reason: string; readonly span: Span }
  | RunStop;

/** What appending has led to. */
export interface AppendResult {
  readonly logEnd: LogEnd;
  /** Every record past the first tip, own and adopted, oldest first. */
  readonly records: readonly ExportRecord[];
  readonly pace: Pace;
  /** How far past the tip no row was found. */
  readonly emptyTo: Ticks | undefined;
  readonly result: RunResult;
}

/** What to append to, and how far. */
export interface AppendTask {
  readonly run: RunContext;
  readonly logEnd: LogEnd;
  readonly pace: Pace;
  /** Rows younger than this are not read: `serverNow - lag` as the run began. */
  readonly goal: Ticks;
  readonly emptyTo: Ticks | undefined;
  /** Past the records that others have put after this tip. */
  readonly followLog: (
    logEnd: LogEnd,
  ) => Promise<{ readonly logEnd: LogEnd; readonly records: readonly ExportRecord[] }>;
  /** True for a log of its own that ends at the goal: its last window is committed with or without rows. */
  readonly isBounded?: boolean;
}

interface AppendState {
  logEnd: LogEnd;
  pace: Pace;
  emptyTo: Ticks | undefined;
  readonly records: ExportRecord[];
}

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
    // A version that somebody closed meanwhile is not ours to append to.
    const isOver = state.logEnd.version !== version || hasReachedGoal(state, task.goal);
    result = isOver ? { kind: "done" } : await appendNextWindow(task, state);
  }
  const isUnmoved = state.records.length === 0 && state.emptyTo === undefined;
  return { ...state, emptyTo: isUnmoved ? task.emptyTo : state.emptyTo, result };
}

/**
 * A span without rows is read again together with what follows, so that what came late is in the next window. Only where
 * nothing follows, or one call will not take both, does reading go on where emptiness was proven: a run that did not get
 * far must not send the next one back to its start. The recount watches the rest.
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
  const isSharded = shouldShard(state.pace, step, span);
  const readResult = await readNextWindow(task, state, isSharded, span);
  return handleReadResult(task, state, span, isSharded, readResult);
}

async function commitGap({ run }: AppendTask, logEnd: LogEnd, to: Ticks): Promise<CommitResult> {
  const { deps: ports, hunt } = run;
  const [from, until] = [formatInstant(logEnd.from), formatInstant(to)];
  ports.logEvent("hunt.degraded", {
    hunt: hunt.name,
    window: `${from}/${until}`,
    cause: "older than the service keeps",
  });
  return commitMarker(ports, hunt, logEnd, { from: logEnd.from, to }, { complete: "gap" });
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

function readNextWindow(
  task: AppendTask,
  { logEnd, pace }: AppendState,
  isSharded: boolean,
  span: Span,
): Promise<ReadResult> {
  const querySpan = { ...span, clock: span.to };
  return isSharded
    ? readShards(task.run, querySpan, nextPath(logEnd), logEnd.format, pace.rowCap)
    : readSpan(task.run, querySpan, nextPath(logEnd), logEnd.format);
}

/** One tick that was seen not to fit, or is expected not to. */
const shouldShard = (pace: Pace, step: Step, span: Span): boolean =>
  step.kind === "shards" || (span.to - span.from === 1n && pace.ceilingTicks === 1n);

/** Turns a reading into a record, another plan, or the end of this run. */
async function handleReadResult(
  task: AppendTask,
  state: AppendState,
  span: Span,
  isSharded: boolean,
  readResult: ReadResult,
): Promise<RunResult | undefined> {
  const { caps } = task.run;
  switch (readResult.kind) {
    case "complete": {
      // A result in shards says nothing of how wide a window in one call may be.
      state.pace = isSharded
        ? { ...state.pace, ceilingTicks: undefined, halvings: 0, histogramCount: 0 }
        : applyWindow(
            state.pace,
            span,
            { rows: readResult.staged.rows, bytes: readResult.bytes },
            caps,
          );
      return commitReadResult(task, state, span, readResult.staged);
    }
    case "truncated": {
      await logHalved(task, span, "row limit", readResult.rows);
      const isOneTick = span.to - span.from === 1n;
      state.pace = isOneTick
        ? { ...state.pace, ceilingTicks: 1n }
        : applyTruncation(state.pace, span, readResult, caps);
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

/** Commits a complete reading; one without rows only when it is long, or has to be out of the way. */
async function commitReadResult(
  task: AppendTask,
  state: AppendState,
  span: Span,
  staged: Extract<ReadResult, { kind: "complete" }>["staged"],
): Promise<RunResult | undefined> {
  const { logEnd } = state;
  const window = { from: logEnd.from, to: span.to };
  const isLong = window.to - window.from >= ticksFromMs(emptyWindowMs);
  if (staged.rows === 0 && !isLong && !task.isBounded) {
    state.emptyTo = span.to;
    await staged.abandon();
    return undefined;
  }
  return adoptRecords(
    task,
    state,
    await commit(task.run.deps, task.run.hunt, logEnd, window, staged),
  );
}

/** Goes on from what is there now: the own record, or those of others. */
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
      throw new Error(`${nextPath(state.logEnd)} was refused, yet nothing is there`);
    state.records.push(...records);
    state.logEnd = logEnd;
  }
  if (state.emptyTo !== undefined && state.emptyTo <= state.logEnd.from) state.emptyTo = undefined;
  return undefined;
}
