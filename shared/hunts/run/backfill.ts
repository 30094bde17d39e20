/**
 * Backfills: exports a past time range again into a log of its own, whose file names begin with the
 * range. The log starts at the requested `from` and ends when a window reaches the requested `to`.
 */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { safeReadMs } from "../../contracts/hunting-retention.ts";
import {
  formatInstant,
  listDaysBetween,
  ticksFromMs,
  type Span,
  type Ticks,
} from "../../runtime/time.ts";
import { followRecords } from "../log/follow-log.ts";
import { advanceLogEnd, type LogEnd } from "../log/log-end.ts";
import { backfillDayPrefix, locateBackfillLog, placeOf, type VersionPlace } from "../log/paths.ts";
import { findVersionOfQuery } from "../log/state.ts";
import type { ExportRecord, HuntContext } from "../ports.ts";
import { createPace } from "../query/slicing.ts";
import { createRunContext } from "./run-context.ts";
import { appendWindows, type RunResult } from "./windows.ts";

/** Records of a backfill, oldest first, and why it stopped. */
export interface BackfillResult {
  readonly records: readonly ExportRecord[];
  readonly callCount: number;
  readonly result: RunResult;
}

/** Continues a backfill from its newest record. */
export async function runBackfill(context: HuntContext, span: Span): Promise<BackfillResult> {
  const { deps, hunt } = context;
  const place = { ...placeOf(context), version: await findVersionOfQuery(context) };
  const records: ExportRecord[] = [];
  for (const day of listDaysBetween(span.from, span.to))
    for await (const record of deps.exports.list(backfillDayPrefix(place, span, day)))
      records.push(record);
  if (records.some(({ metadata }) => metadata.queryhash !== hunt.queryHash))
    return {
      records,
      callCount: 0,
      result: { kind: "refused", cause: "query", message: describeQueryChange(span) },
    };
  const run = createRunContext(context);
  const logEnd = records.reduce<LogEnd>(
    (previous, record) => advanceLogEnd(previous, record),
    createEmptyLogEnd(place, hunt, span),
  );
  const appendResult = await appendWindows({
    run,
    logEnd,
    pace: createPace(run.caps),
    goal: span.to,
    emptyTo: undefined,
    isBounded: true,
    followLog: (from) => followRecords(deps.exports, from, advanceLogEnd),
  });
  return {
    records: [...records, ...appendResult.records],
    callCount: run.querier.callCount,
    result: appendResult.result,
  };
}

const describeQueryChange = ({ from, to }: Span): string =>
  `Another query has backfilled the range ${formatInstant(from)} to ${formatInstant(to)}. ` +
  "Choose another range.";

function createEmptyLogEnd(place: VersionPlace, hunt: CompiledHunt, span: Span): LogEnd {
  const location = locateBackfillLog(place, span, hunt.format);
  const { format, queryHash } = hunt;
  const { from } = span;
  return { location, format, queryHash, version: 0, seq: 0, from, prev: "", last: undefined };
}

/** A member of the request, and what it must be. */
export interface BackfillFault {
  readonly path: "/from" | "/to";
  readonly message: string;
}

/** Returns why a range cannot be backfilled; undefined when it can. */
export function findBackfillFault(
  hunt: CompiledHunt,
  span: Span,
  serverNow: Ticks,
): BackfillFault | undefined {
  if (hunt.mode === "snapshot")
    return { path: "/from", message: "must be omitted: only window hunts can be backfilled" };
  if (span.from >= span.to) return { path: "/from", message: "must be before `to`" };
  if (span.from < serverNow - ticksFromMs(safeReadMs))
    return { path: "/from", message: "must be within the last 29 days" };
  const newest = serverNow - ticksFromMs(hunt.lagMs);
  if (span.to > newest)
    return { path: "/to", message: `must be at or before ${formatInstant(newest)}` };
  return undefined;
}
