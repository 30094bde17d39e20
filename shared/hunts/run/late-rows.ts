/**
 * Late rows: rows that arrived after their window had been exported. Each run counts the unsettled span again; where it
 * has grown, the windows that grew are read again and what is new in them, as a multiset of whole rows, is committed as
 * the next record of the log `late/`. Windows themselves never change.
 *
 * Two runners that find the same late rows try for the same sequence number, so one of them loses, looks again with the
 * winner's rows among the known ones, and finds nothing new.
 */
import { formatInstant, ticksFromMs, type Span, type Ticks } from "../../runtime/time.ts";
import type { RunStop } from "../query/hunt-querier.ts";
import { commit } from "../log/commit.ts";
import { statisticsColumn } from "../log/enrich-rows.ts";
import {
  maxIdentities,
  createMultiset,
  computeRowIdentity,
  type Multiset,
} from "../log/row-identity.ts";
import { computeChainHash, spanOf } from "../log/metadata.ts";
import { dayPrefix, locateLateLog, latePrefix } from "../log/paths.ts";
import type { ExportRecord, HuntingReply, RowSink } from "../ports.ts";
import type { QuerySpan } from "../query/query-text.ts";
import type { RunContext } from "./read-span.ts";
import { isSuspicious, computeShardCount } from "../query/slicing.ts";
import { createStaging, type Staging } from "../log/staging.ts";
import { advanceLogEnd, nextPath, type LogEnd } from "../log/log-end.ts";

/** What a recount has led to. */
export interface RecountResult {
  /** Every late export from `lateFrom` on, in order, those committed now included. */
  readonly records: readonly ExportRecord[];
  /** The first late export that may still matter to the next recount. */
  readonly lateFrom: number;
  readonly result: { readonly kind: "done" } | RunStop | UnclearRows;
}

/** Late rows are there and cannot be told apart; the log goes on without them. */
export interface UnclearRows {
  readonly kind: "unclear";
  readonly reason: string;
  readonly span: Span;
}

/** What to recount: the tip's version, back to its oldest window that is not settled. */
export interface RecountTask {
  readonly run: RunContext;
  readonly logEnd: LogEnd;
  /** Windows that end after this are watched. */
  readonly settledTo: Ticks;
  /** The first late export that may matter, when known. */
  readonly lateFrom: number | undefined;
}

/** One window under watch: its own rows and the late ones already exported for it. */
interface WatchedWindow {
  readonly window: ExportRecord;
  readonly span: Span;
  readonly late: readonly ExportRecord[];
}

export async function recountLateRows(task: RecountTask): Promise<RecountResult> {
  const { run, logEnd } = task;
  const lateRecords = await readLateExports(task);
  let lateLogEnd = createLateLogEnd(run.hunt.name, logEnd, lateRecords);
  const watchedWindows = await findWatchedWindows(task, lateRecords);
  const lateFrom = findFirstRelevantSeq(watchedWindows, lateLogEnd);
  const records = [...lateRecords];
  const exportGrownWindows = async (): Promise<RecountResult["result"]> => {
    for await (const growth of findGrownWindows(run, watchedWindows)) {
      if (growth.kind !== "grown") return growth;
      const outcome = await exportLateRows(run, lateLogEnd, growth);
      if (outcome.kind !== "done") return outcome;
      records.push(...outcome.records);
      lateLogEnd = outcome.logEnd;
      await run.deps.failpoint("R1 recount half done");
    }
    return { kind: "done" };
  };
  return { result: await exportGrownWindows(), records, lateFrom };
}

const isUnsettled = (span: Span, settledTo: Ticks): boolean => span.to > settledTo;

/** Late exports from `lateFrom` on by probing; all of them by listing when it is not known. */
async function readLateExports({ run, logEnd, lateFrom }: RecountTask): Promise<ExportRecord[]> {
  const records: ExportRecord[] = [];
  if (lateFrom === undefined) {
    for await (const record of run.deps.exports.list(latePrefix(run.hunt.name, logEnd.version)))
      records.push(record);
    return records;
  }
  const location = locateLateLog(run.hunt.name, logEnd.version, logEnd.format);
  // One before the first that matters carries the chain on.
  const firstSeq = Math.max(0, lateFrom - 1);
  for (let seq = firstSeq; ; seq += 1) {
    const record = await run.deps.exports.find(location.pathOf(seq, 0n));
    if (!record) return records;
    records.push(record);
  }
}

function createLateLogEnd(
  hunt: string,
  logEnd: LogEnd,
  lateRecords: readonly ExportRecord[],
): LogEnd {
  const location = locateLateLog(hunt, logEnd.version, logEnd.format);
  const last = lateRecords.at(-1);
  return last
    ? {
        ...logEnd,
        location,
        seq: last.metadata.seq + 1,
        prev: computeChainHash(last.metadata),
        last,
      }
    : { ...logEnd, location, seq: 0, prev: "", last: undefined };
}

/** The windows of this version that are still watched, oldest first, each with its late exports. */
async function findWatchedWindows(
  { run, logEnd, settledTo }: RecountTask,
  lateRecords: readonly ExportRecord[],
): Promise<WatchedWindow[]> {
  if (!logEnd.last) return [];
  const windows: ExportRecord[] = [];
  for (let day = dayOf(logEnd.last); ; day -= dayTicks) {
    const dayRecords: ExportRecord[] = [];
    for await (const record of run.deps.exports.list(dayPrefix(run.hunt.name, logEnd.version, day)))
      dayRecords.push(record);
    windows.unshift(...dayRecords);
    const [first] = dayRecords;
    // A day without a record lies inside a window that began before it; the search ends at the version's first record.
    if (first && (first.metadata.seq === 0 || !isUnsettled(spanOf(first.metadata), settledTo)))
      break;
    if (day + dayTicks * maxDays < dayOf(logEnd.last)) break;
  }
  return windows
    .filter(
      ({ metadata }) => metadata.complete === "yes" && isUnsettled(spanOf(metadata), settledTo),
    )
    .map((window) => ({
      window,
      span: spanOf(window.metadata),
      late: lateRecords.filter((record) => isFromWindow(record, window)),
    }));
}

const dayTicks = ticksFromMs(86_400_000);

/** The service keeps 30 days, so no window that can still grow begins earlier. */
const maxDays = 31n;

const dayOf = (record: ExportRecord): Ticks => (spanOf(record.metadata).from / dayTicks) * dayTicks;

const isFromWindow = (late: ExportRecord, window: ExportRecord): boolean =>
  late.metadata.from === window.metadata.from && late.metadata.to === window.metadata.to;

const findFirstRelevantSeq = (
  watchedWindows: readonly WatchedWindow[],
  lateLogEnd: LogEnd,
): number =>
  Math.min(
    lateLogEnd.seq,
    ...watchedWindows.flatMap(({ late }) => late.map(({ metadata }) => metadata.seq)),
  );

const countLoggedRows = (watchedWindow: WatchedWindow): number =>
  [watchedWindow.window, ...watchedWindow.late].reduce(
    (sum, { metadata }) => sum + metadata.rows,
    0,
  );

type GrowthResult =
  | { readonly kind: "grown"; readonly watchedWindow: WatchedWindow; readonly count: number }
  | RunStop;

/**
 * The windows that hold more rows than the log. One count over all of them, as a rule; only where it differs is the
 * span halved until the windows that grew are found.
 */
async function* findGrownWindows(
  run: RunContext,
  watchedWindows: readonly WatchedWindow[],
): AsyncGenerator<GrowthResult> {
  for (const group of groupWindows(watchedWindows, run.hunt.widestMs))
    yield* searchGroup(run, group);
}

async function* searchGroup(
  run: RunContext,
  group: readonly WatchedWindow[],
): AsyncGenerator<GrowthResult> {
  const countResult = await countGroup(run, group);
  if (countResult.kind === "too-big" || countResult.kind === "too-heavy") {
    // A count that the service gives up on is made smaller; that of one window is left for the next run.
    if (group.length > 1) yield* searchHalves(run, group);
    return;
  }
  if (countResult.kind !== "count") return void (yield countResult);
  const loggedRows = group.reduce((sum, watchedWindow) => sum + countLoggedRows(watchedWindow), 0);
  if (countResult.count <= loggedRows) return;
  const [only] = group;
  if (only && group.length === 1)
    yield { kind: "grown", watchedWindow: only, count: countResult.count };
  else yield* searchHalves(run, group);
}

async function* searchHalves(
  run: RunContext,
  group: readonly WatchedWindow[],
): AsyncGenerator<GrowthResult> {
  const middle = group.length >> 1;
  yield* searchGroup(run, group.slice(0, middle));
  yield* searchGroup(run, group.slice(middle));
}

/** A window wider than the hunt's own predicates, grown while it was empty, is counted in pieces from its end. */
const countGroup = (
  run: RunContext,
  group: readonly WatchedWindow[],
): ReturnType<RunContext["querier"]["countRows"]> =>
  countPieces(run, splitSpan(spanOfGroup(group), run.hunt.widestMs));

async function countPieces(
  run: RunContext,
  pieces: readonly QuerySpan[],
): ReturnType<RunContext["querier"]["countRows"]> {
  let sum = 0;
  for (const piece of pieces) {
    const countResult = await run.querier.countRows(piece);
    if (countResult.kind !== "count") return countResult;
    sum += countResult.count;
  }
  return { kind: "count", count: sum };
}

const spanOfGroup = (group: readonly WatchedWindow[]): Span => ({
  from: group[0]?.span.from ?? 0n,
  to: group.at(-1)?.span.to ?? 0n,
});

/** Consecutive windows, no group wider than the hunt's own predicates leave whole. */
function groupWindows(
  watchedWindows: readonly WatchedWindow[],
  widestMs: number | undefined,
): WatchedWindow[][] {
  const groups: WatchedWindow[][] = [];
  for (const watchedWindow of watchedWindows) {
    const group = groups.at(-1);
    const isAdjacent = group && group.at(-1)?.span.to === watchedWindow.span.from;
    const isNarrowEnough =
      widestMs === undefined ||
      watchedWindow.span.to - (group?.[0]?.span.from ?? 0n) <= ticksFromMs(widestMs);
    if (isAdjacent && isNarrowEnough) group.push(watchedWindow);
    else groups.push([watchedWindow]);
  }
  return groups;
}

/** The parts of a span in which the hunt's own predicates hold, oldest first; each with its own clock. */
function splitSpan(span: Span, widestMs: number | undefined): QuerySpan[] {
  const pieces: QuerySpan[] = [];
  const width = widestMs === undefined ? span.to - span.from : ticksFromMs(widestMs);
  for (let { to } = span; to > span.from; to -= width)
    pieces.unshift({ from: to - width > span.from ? to - width : span.from, to, clock: to });
  return pieces;
}

type LateExportResult =
  | { readonly kind: "done"; readonly logEnd: LogEnd; readonly records: ExportRecord[] }
  | RunStop
  | UnclearRows;

/** How often a window is read in smaller parts, or again because another runner was faster. */
const maxAttempts = 6;

/** Commits what is new in a window as the next late export. */
async function exportLateRows(
  run: RunContext,
  start: LogEnd,
  grown: Extract<GrowthResult, { kind: "grown" }>,
): Promise<LateExportResult> {
  const { window, span } = grown.watchedWindow;
  const late = [...grown.watchedWindow.late];
  const records: ExportRecord[] = [];
  let logEnd = start;
  let splitLevel = 0;
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const newRows = await readNewRows(
      run,
      logEnd,
      { window, span, late, count: grown.count },
      splitLevel,
    );
    if (newRows.kind === "smaller") {
      splitLevel += 1;
      continue;
    }
    if (newRows.kind !== "staged") return newRows;
    if (newRows.staged.rows === 0) {
      await newRows.staged.abandon();
      return { kind: "done", logEnd, records };
    }
    const outcome = await commit(run.deps, run.hunt, logEnd, span, newRows.staged);
    if (outcome.kind === "committed") {
      const fields = {
        seq: logEnd.seq,
        rows: newRows.staged.rows,
        expected: window.metadata.rows,
        found: grown.count,
      };
      run.deps.logEvent("hunt.late", {
        hunt: run.hunt.name,
        window: `${formatInstant(span.from)}/${formatInstant(span.to)}`,
        ...fields,
      });
      return {
        kind: "done",
        logEnd: advanceLateLogEnd(logEnd, outcome.record),
        records: [...records, outcome.record],
      };
    }
    for (
      let next = await run.deps.exports.find(nextPath(logEnd));
      next;
      next = await run.deps.exports.find(nextPath(logEnd))
    ) {
      records.push(next);
      if (isFromWindow(next, window)) late.push(next);
      logEnd = advanceLateLogEnd(logEnd, next);
    }
  }
  return { kind: "unclear", reason: "late rows that cannot be read completely", span };
}

const advanceLateLogEnd = (logEnd: LogEnd, record: ExportRecord): LogEnd => ({
  ...advanceLogEnd(logEnd, record),
  from: logEnd.from,
});

interface LateReadTarget {
  readonly window: ExportRecord;
  readonly span: Span;
  readonly late: readonly ExportRecord[];
  readonly count: number;
}

type NewRowsResult =
  | { readonly kind: "staged"; readonly staged: Awaited<ReturnType<Staging["finish"]>> }
  | { readonly kind: "smaller" }
  | RunStop
  | UnclearRows;

/** Reads a window again and keeps only what the log does not have. */
async function readNewRows(
  run: RunContext,
  logEnd: LogEnd,
  target: LateReadTarget,
  splitLevel: number,
): Promise<NewRowsResult> {
  const { span } = target;
  if (target.count > maxIdentities)
    return {
      kind: "unclear",
      reason: `${target.count} rows in one window are too many to compare`,
      span,
    };
  const identities = await readIdentities(run, logEnd, target);
  await run.deps.failpoint("E9 known rows loaded");
  const loggedCount = identities.size();
  const staging = createStaging(run.deps, run.hunt, nextPath(logEnd), logEnd.format);
  let isStaged = false;
  try {
    const outcome = await readParts(
      run,
      target,
      splitLevel,
      createNewRowsSink(run, identities, logEnd, staging.sink),
    );
    if (outcome !== "read") return outcome;
    if (identities.size() * 2 > loggedCount && loggedCount > 0)
      return {
        kind: "unclear",
        reason: "most rows of a window read differently now than when they were exported",
        span,
      };
    isStaged = true;
    return { kind: "staged", staged: await staging.finish() };
  } finally {
    if (!isStaged) await staging.abandon();
  }
}

/** A page of rows, read back from an export. */
const pageRows = 20_000;

async function readIdentities(
  { deps, hunt }: RunContext,
  logEnd: LogEnd,
  target: LateReadTarget,
): Promise<Multiset> {
  const excludedColumn = hunt.enrich === undefined ? undefined : statisticsColumn;
  const loggedRecords = [target.window, ...target.late];
  const identities = createMultiset(
    loggedRecords.reduce((sum, { metadata }) => sum + metadata.rows, 0),
  );
  for (const { path, metadata } of loggedRecords) {
    for (let skip = 0; skip < metadata.rows; skip += pageRows) {
      for (const row of await deps.exports.readRows(path, logEnd.format, skip, pageRows))
        identities.add(computeRowIdentity(row, logEnd.format, excludedColumn));
    }
  }
  return identities;
}

/** A sink that passes on only rows that are not among the known ones, each known one once. */
function createNewRowsSink(
  { hunt }: RunContext,
  identities: Multiset,
  logEnd: LogEnd,
  sink: RowSink,
): RowSink {
  const excludedColumn = hunt.enrich === undefined ? undefined : statisticsColumn;
  return {
    ...(sink.columns && { columns: sink.columns }),
    writeRows: async (lines) => {
      const rows = Buffer.from(lines).toString("utf8").split("\n").slice(0, -1);
      const newRows = rows.filter(
        (row) => !identities.removeOne(computeRowIdentity(row, logEnd.format, excludedColumn)),
      );
      if (newRows.length > 0)
        await sink.writeRows(Buffer.from(`${newRows.join("\n")}\n`, "utf8"), newRows.length);
    },
  };
}

/**
 * Reads all of a window: in one call, then in shards, then, where a result has none, in spans; each time that more is
 * asked for, in more of them. Where a part may have been cut off, a count of the whole decides.
 */
async function readParts(
  run: RunContext,
  target: LateReadTarget,
  splitLevel: number,
  sink: RowSink,
): Promise<"read" | NewRowsResult> {
  const pieces = splitSpan(target.span, run.hunt.widestMs);
  let rows = 0;
  let hasSuspiciousPart = false;
  for (const piece of pieces) {
    for (const readPart of createPartReaders(run, piece, target.count, splitLevel, sink)) {
      const reply = await readPart();
      if (reply.kind === "too-big" || reply.kind === "too-heavy") return { kind: "smaller" };
      if (reply.kind !== "answer") return reply;
      rows += reply.rows;
      hasSuspiciousPart ||= isSuspicious(reply, run.caps);
    }
  }
  await run.deps.failpoint("E6 body parsed");
  const countResult = hasSuspiciousPart
    ? await countPieces(run, pieces)
    : { kind: "count" as const, count: rows };
  if (countResult.kind === "too-big" || countResult.kind === "too-heavy")
    return { kind: "smaller" };
  if (countResult.kind !== "count") return countResult;
  return countResult.count === rows ? "read" : { kind: "smaller" };
}

type PartReader = () => Promise<HuntingReply>;

function createPartReaders(
  { querier, caps, hunt }: RunContext,
  piece: QuerySpan,
  count: number,
  splitLevel: number,
  sink: RowSink,
): PartReader[] {
  if (splitLevel === 0) return [() => querier.readRows(piece, sink)];
  if (hunt.query.shardSuffix) {
    const shards = computeShardCount(count, caps.rows, splitLevel - 1);
    return Array.from({ length: shards }, (_, shard) => async () => {
      const reply = await querier.readShard(piece, { shard, shards }, sink);
      if (!reply) throw new Error("a hunt that lost its shards");
      return reply;
    });
  }
  const partCount = 4 ** splitLevel;
  const edgeAt = (index: number): Ticks =>
    piece.from + ((piece.to - piece.from) * BigInt(index)) / BigInt(partCount);
  return Array.from(
    { length: partCount },
    (_, index) => () =>
      querier.readRows({ ...piece, from: edgeAt(index), to: edgeAt(index + 1) }, sink),
  );
}
