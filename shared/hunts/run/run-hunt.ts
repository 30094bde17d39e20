/**
 * Runs one hunt within the run's budget: finds the log end, recounts unsettled windows, appends
 * windows, announces and writes the cached head. The run may end after any step, and another
 * instance may run the same hunt: only the committed exports count.
 */
import type { HuntHead } from "../../contracts/hunt-state.ts";
import type { HuntRun } from "../../contracts/hunt-run.ts";
import { parseInstant, ticksFromMs, type Span, type Ticks } from "../../runtime/time.ts";
import { etagOf, writeRecord } from "../../storage/typed-record.ts";
import { findLogEnd, followLog, type LogTail } from "../log/find-log-end.ts";
import type { LogEnd } from "../log/log-end.ts";
import { statePaths } from "../log/paths.ts";
import { readHead } from "../log/state.ts";
import { claimVersion } from "../log/versions.ts";
import type { ExportRecord, HuntContext } from "../ports.ts";
import { createPace, type StoredPace } from "../query/slicing.ts";
import { announceLateExports, announceRun } from "./announce.ts";
import { countSuppressedRows } from "./count-suppressed.ts";
import { createHead } from "./head.ts";
import { findNewestLateExports, recountLateRows, type RecountResult } from "./recount-late-rows.ts";
import { createRunContext, type RunContext } from "./run-context.ts";
import { followSchema, type SchemaState } from "./schema-changes.ts";
import { appendSnapshot } from "./snapshots.ts";
import { appendWindows, type AppendResult, type AppendTask, type RunResult } from "./windows.ts";

export interface RunSummary {
  /** `replacedByOtherVersion`: another deployment has just replaced this hunt's query. */
  readonly result: RunResult | { readonly kind: "replacedByOtherVersion"; readonly waitMs: number };
  /** Exports past the cached head, of this run and of other instances. */
  readonly records: readonly ExportRecord[];
  readonly callCount: number;
  readonly version: number;
  /** The log end; absent for a backfill. */
  readonly logEnd?: Pick<LogEnd, "version" | "from"> | undefined;
  /** Late rows that could not be exported. */
  readonly unclear?: { readonly reason: string; readonly span: Span } | undefined;
}

/** Advances the hunt's own log to now. */
export async function runHunt(context: HuntContext, message: HuntRun): Promise<RunSummary> {
  const { deps, hunt } = context;
  if (hunt.invalidParameters !== undefined)
    return refuseRun({ kind: "refused", cause: "query", message: hunt.invalidParameters });
  const storedHead = await readHead(deps, hunt.name);
  const cachedHead = storedHead.kind === "found" ? storedHead.value : undefined;
  const initialTail = await findLogEnd(context, cachedHead);
  await deps.failpoint("E1 head read");
  const claim = await claimVersion(context, initialTail);
  if (claim.kind === "replacedByOtherVersion")
    return { result: claim, records: [], callCount: 0, version: initialTail.logEnd.version };

  const { tail } = claim;
  const currentHead = cachedHead?.version === tail.logEnd.version ? cachedHead : undefined;
  const run = createRunContext(context, currentHead?.form);
  const progress = await advanceLog(run, tail, currentHead, message);

  const records = [...tail.records, ...progress.records];
  const { logEnd, late } = progress;
  const notified = await announceRun(run, cachedHead, { ...tail, logEnd, records });
  const learned = {
    notified,
    ...(await announceLate(run, currentHead, late, logEnd)),
    ...(await followSchema(run, pickSchema(currentHead), records)),
    suppressed: (await countSuppressedRows(run, progress.records)) ?? currentHead?.suppressed,
    form: run.querier.acceptedForm,
  };
  const newestPath = records.at(-1)?.path ?? cachedHead?.head;
  const head = createHead(progress, newestPath, learned);
  await writeRecord(deps.records, statePaths.head(hunt.name), head, etagOf(storedHead));
  await deps.failpoint("E13 head cache written");
  return {
    result: progress.result,
    records,
    callCount: run.querier.callCount,
    version: logEnd.version,
    logEnd,
    unclear: progress.unclear,
  };
}

const refuseRun = (result: RunResult): RunSummary => ({
  result,
  records: [],
  callCount: 0,
  version: 0,
});

const pickSchema = ({ schemaHash, schemaChange }: Partial<HuntHead> = {}): SchemaState => ({
  schemaHash,
  schemaChange,
});

async function announceLate(
  run: RunContext,
  currentHead: HuntHead | undefined,
  late: RecountResult | undefined,
  logEnd: LogEnd,
): Promise<{ lateNotified: HuntHead["lateNotified"] }> {
  const lateNotified = currentHead?.lateNotified;
  if (!late) return { lateNotified };
  await announceLateExports(run, lateNotified, late.records, logEnd);
  return { lateNotified: findNewestLateExports(late, logEnd) };
}

interface LogProgress extends AppendResult {
  readonly late: RecountResult | undefined;
  readonly unclear?: RunSummary["unclear"];
}

/**
 * Recounts and appends; does neither when the log already reaches what the run was scheduled for.
 */
async function advanceLog(
  run: RunContext,
  { logEnd }: LogTail,
  currentHead: HuntHead | undefined,
  message: HuntRun,
): Promise<LogProgress> {
  const { hunt, serverNow } = run;
  const lag = ticksFromMs(hunt.lagMs);
  const [goal, due] = [serverNow - lag, (parseInstant(message.scheduledFor) ?? serverNow) - lag];
  const emptyTo = parseOptional(currentHead?.emptyTo);
  const pace = createPace(run.caps, toStoredPace(currentHead));
  const unchanged = { logEnd, records: [], pace, emptyTo, late: undefined };
  if ((logEnd.last ?? emptyTo) !== undefined && findCoveredTo(logEnd, emptyTo) >= due)
    return { ...unchanged, result: { kind: "done" } };

  const task: AppendTask = {
    run,
    logEnd,
    pace,
    goal,
    emptyTo,
    followLog: (from) => followLog(run, from),
  };
  if (hunt.mode === "snapshot") return { ...(await appendSnapshot(task, due)), late: undefined };
  return recountAndAppend(task, currentHead?.lateNotified, unchanged);
}

async function recountAndAppend(
  task: AppendTask,
  lateNotified: HuntHead["lateNotified"],
  unchanged: Omit<AppendResult, "result">,
): Promise<LogProgress> {
  const { run, logEnd, goal } = task;
  // Counted from where the last run came to: rows that arrived during an outage are found after it.
  const coveredTo = findCoveredTo(logEnd, task.emptyTo);
  const settledTo = (coveredTo < goal ? coveredTo : goal) - ticksFromMs(run.hunt.settleMs);
  const late = await recountLateRows({ run, logEnd, settledTo, lateNotified });
  const { result } = late;
  if (result.kind !== "done" && result.kind !== "unclear") return { ...unchanged, late, result };
  const unclear = result.kind === "unclear" ? result : undefined;
  return { ...(await appendWindows(task)), late, unclear };
}

const parseOptional = (text: string | undefined): Ticks | undefined =>
  text === undefined ? undefined : parseInstant(text);

const findCoveredTo = (logEnd: LogEnd, emptyTo: Ticks | undefined): Ticks =>
  emptyTo !== undefined && emptyTo > logEnd.from ? emptyTo : logEnd.from;

function toStoredPace(currentHead: HuntHead | undefined): StoredPace {
  const parseTicks = (text: string | undefined): Ticks | undefined =>
    text === undefined ? undefined : BigInt(text);
  return {
    widthTicks: parseTicks(currentHead?.widthTicks),
    heavyTicks: parseTicks(currentHead?.heavyTicks),
    halvings: currentHead?.halvings ?? 0,
  };
}
