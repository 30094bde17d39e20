/**
 * One run of one hunt, within its budget: find the tip, recount what is unsettled, append windows, announce, leave the
 * cache. Whatever does not fit goes on by message. Any step may be the last one this process takes, and any other runner
 * may be at the same hunt: the only thing that counts is which exports are there.
 */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import type { HuntHead } from "../../contracts/hunt-state.ts";
import type { HuntRun } from "../../contracts/hunt-run.ts";
import {
  formatInstant,
  parseInstant,
  ticksFromMs,
  type Span,
  type Ticks,
} from "../../runtime/time.ts";
import { announceExport, announceNewExports, createNotifiedPosition } from "./announce.ts";
import { createHuntQuerier } from "../query/hunt-querier.ts";
import { startBudget } from "../query/budget.ts";
import { recountLateRows, type RecountResult } from "./late-rows.ts";
import { spanOf } from "../log/metadata.ts";
import { statePaths, versionOf } from "../log/paths.ts";
import type { ExportRecord, HuntDeps } from "../ports.ts";
import type { RunContext } from "./read-span.ts";
import { roundRows, createPace, type StoredPace, type Pace } from "../query/slicing.ts";
import { appendSnapshot } from "./snapshots.ts";
import { readHead, writeRecord } from "../log/state.ts";
import { findLogEnd, followLog, type LogTail, type LogEnd } from "../log/log-end.ts";
import { createStartProposer, claimVersion } from "../log/versions.ts";
import { appendWindows, type RunResult, type AppendTask } from "./windows.ts";

/** What a run has led to. */
export interface RunSummary {
  /** `theirs`: another deployment's query was put in place only now. */
  readonly result: RunResult | { readonly kind: "theirs"; readonly waitMs: number };
  /** Exports that are new since the cached head, whoever wrote them. */
  readonly records: readonly ExportRecord[];
  readonly callCount: number;
  readonly version: number;
  /** Where the log goes on; absent for a backfill. */
  readonly logEnd?: Pick<LogEnd, "version" | "from"> | undefined;
  /** Late rows that could not be exported. */
  readonly unclear?: { readonly reason: string; readonly span: Span } | undefined;
}

/** The desk of a run: one asker, one budget. */
export function createRunContext(
  deps: HuntDeps,
  hunt: CompiledHunt,
  form?: HuntHead["form"],
): RunContext {
  const querier = createHuntQuerier(deps, hunt, startBudget(deps.nowMs), form);
  return { deps, hunt, querier, caps: { roundRows, ...deps.hunting.caps } };
}

/** Runs the hunt's own log on to now. */
export async function runHunt(
  deps: HuntDeps,
  hunt: CompiledHunt,
  message: HuntRun,
  serverNow: Ticks,
): Promise<RunSummary> {
  const proposeStart = createStartProposer(hunt, serverNow);
  const { value: cachedHead, etag } = await readHead(deps, hunt.name);
  const initialTail = await findLogEnd(deps, hunt, cachedHead, proposeStart);
  await deps.failpoint("E1 head read");
  const claim = await claimVersion(deps, hunt, initialTail, proposeStart, serverNow);
  if (claim.kind === "theirs")
    return { result: claim, records: [], callCount: 0, version: initialTail.logEnd.version };

  const { tail } = claim;
  const currentHead =
    cachedHead && cachedHead.version === tail.logEnd.version ? cachedHead : undefined;
  const run = createRunContext(deps, hunt, currentHead?.form);
  const lag = ticksFromMs(hunt.lagMs);
  const times = {
    goal: serverNow - lag,
    due: (parseInstant(message.scheduledFor) ?? serverNow) - lag,
  };
  const progress = await advanceLog(run, tail.logEnd, currentHead, times, (logEnd) =>
    followLog(deps, hunt, logEnd, proposeStart),
  );

  const records = [...tail.records, ...progress.records];
  const notified = await announceResults(
    run,
    cachedHead,
    { ...tail, logEnd: progress.logEnd },
    records,
  );
  const lateNotified = await announceLateExports(run, currentHead, progress.late, progress.logEnd);
  const announced = {
    notified,
    lateNotified,
    lateFrom: progress.late?.lateFrom ?? currentHead?.lateFrom,
  };
  const head = createHead(
    progress,
    records.at(-1)?.path ?? cachedHead?.head,
    announced,
    run.querier.acceptedForm(),
  );
  await writeRecord(deps, statePaths.head(hunt.name), head, etag);
  await deps.failpoint("E13 head cache written");
  const { result, unclear } = progress;
  return {
    result,
    records,
    callCount: run.querier.countCalls(),
    version: progress.logEnd.version,
    logEnd: progress.logEnd,
    unclear,
  };
}

interface LogProgress {
  readonly logEnd: LogEnd;
  readonly records: readonly ExportRecord[];
  readonly pace: Pace;
  readonly emptyTo: Ticks | undefined;
  readonly late: RecountResult | undefined;
  readonly result: RunResult;
  readonly unclear?: { readonly reason: string; readonly span: Span } | undefined;
}

interface RunTimes {
  /** Rows younger than this are not read. */
  readonly goal: Ticks;
  /** A log that reaches this far has done what the run was asked for. */
  readonly due: Ticks;
}

/** Recount, then windows; neither where another run has made up for this one. */
async function advanceLog(
  run: RunContext,
  logEnd: LogEnd,
  currentHead: HuntHead | undefined,
  { goal, due }: RunTimes,
  followFrom: AppendTask["followLog"],
): Promise<LogProgress> {
  const emptyTo =
    currentHead?.emptyTo === undefined ? undefined : parseInstant(currentHead.emptyTo);
  const pace = createPace(run.caps, toStoredPace(currentHead));
  const unchanged = { logEnd, records: [], pace, emptyTo, late: undefined };
  if ((logEnd.last ?? emptyTo) !== undefined && coveredTo(logEnd, emptyTo) >= due)
    return { ...unchanged, result: { kind: "done" } };

  const isSnapshot = run.hunt.mode === "snapshot";
  const settledTo = goal - ticksFromMs(run.hunt.settleMs);
  const late = isSnapshot
    ? undefined
    : await recountLateRows({ run, logEnd, settledTo, lateFrom: currentHead?.lateFrom });
  if (late && late.result.kind !== "done" && late.result.kind !== "unclear")
    return { ...unchanged, late, result: late.result };

  const task: AppendTask = { run, logEnd, pace, goal, emptyTo, followLog: followFrom };
  const appendResult = await (isSnapshot ? appendSnapshot(task, due) : appendWindows(task));
  return {
    ...appendResult,
    late,
    unclear: late?.result.kind === "unclear" ? late.result : undefined,
  };
}

const coveredTo = (logEnd: LogEnd, emptyTo: Ticks | undefined): Ticks =>
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

function announceResults(
  { deps, hunt }: RunContext,
  cachedHead: HuntHead | undefined,
  tail: LogTail,
  records: readonly ExportRecord[],
): Promise<HuntHead["notified"]> {
  const notified = cachedHead?.notified ?? createNotifiedPosition(tail.logEnd);
  const isComplete =
    isFromLogStart(records, tail.logEnd) ||
    (tail.isFromCache && isAnnouncedUpTo(notified, cachedHead?.head));
  return announceNewExports(deps, hunt, notified, records, isComplete, tail.logEnd);
}

/** True when the records reach back to the log's very first one, or the log has none. */
const isFromLogStart = (records: readonly ExportRecord[], logEnd: LogEnd): boolean =>
  records[0] === undefined
    ? logEnd.last === undefined && logEnd.version === 1
    : versionOf(records[0].path) === 1 && records[0].metadata.seq === 0;

/** True when everything up to the cached head was announced. */
const isAnnouncedUpTo = (notified: HuntHead["notified"], head: string | undefined): boolean =>
  head === undefined
    ? notified.seq === -1
    : versionOf(head) === notified.version &&
      head.includes(`/${String(notified.seq).padStart(12, "0")}.`);

/** Announces late exports; after a lost cache only those of the last days, as `createNotifiedPosition` does. */
async function announceLateExports(
  { deps, hunt }: RunContext,
  currentHead: HuntHead | undefined,
  late: RecountResult | undefined,
  logEnd: LogEnd,
): Promise<number | undefined> {
  let notified = currentHead?.lateNotified;
  const oldest = parseInstant(createNotifiedPosition(logEnd).from) ?? 0n;
  for (const record of late?.records ?? []) {
    const { seq } = record.metadata;
    if (seq > (notified ?? -1) && spanOf(record.metadata).to > oldest)
      await announceExport(deps, hunt, "late", record);
    notified = Math.max(notified ?? -1, seq);
  }
  return notified;
}

interface AnnouncedState extends Pick<HuntHead, "notified"> {
  readonly lateNotified: number | undefined;
  readonly lateFrom: number | undefined;
}

function createHead(
  { logEnd, pace, emptyTo }: LogProgress,
  newestPath: string | undefined,
  { notified, lateNotified, lateFrom }: AnnouncedState,
  form: HuntHead["form"],
): HuntHead {
  const head = logEnd.last?.path ?? newestPath;
  return {
    ...(head === undefined ? {} : { head }),
    to: formatInstant(logEnd.from),
    version: logEnd.version,
    ...(emptyTo === undefined ? {} : { emptyTo: formatInstant(emptyTo) }),
    notified,
    ...(lateFrom === undefined ? {} : { lateFrom }),
    ...(lateNotified === undefined ? {} : { lateNotified }),
    ...(pace.widthTicks === undefined ? {} : { widthTicks: String(pace.widthTicks) }),
    ...(pace.heavyTicks === undefined ? {} : { heavyTicks: String(pace.heavyTicks) }),
    ...(pace.halvings > 0 ? { halvings: pace.halvings } : {}),
    ...(form === undefined ? {} : { form }),
  };
}
