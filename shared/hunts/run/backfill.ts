/**
 * A backfill: a span of the past, exported once more into a log of its own, `{hunt}/backfill/{from}-{to}/`. The same
 * protocol as the hunt's own log; it begins at the asked `from` and ends when a window reaches the asked `to`.
 */
import type { CompiledHunt } from "../../contracts/compiled-hunt.ts";
import { formatInstant, ticksFromMs, type Span } from "../../runtime/time.ts";
import { locateBackfillLog, backfillPrefix } from "../log/paths.ts";
import type { ExportRecord, HuntDeps } from "../ports.ts";
import { createRunContext } from "./run-hunt.ts";
import { createPace } from "../query/slicing.ts";
import { advanceLogEnd, nextPath, type LogEnd } from "../log/log-end.ts";
import { appendWindows, type RunResult } from "./windows.ts";

/** Records of a backfill, oldest first, and why it stopped. */
export interface BackfillResult {
  readonly records: readonly ExportRecord[];
  readonly callCount: number;
  readonly result: RunResult;
}

export async function runBackfill(
  deps: HuntDeps,
  hunt: CompiledHunt,
  span: Span,
): Promise<BackfillResult> {
  const records: ExportRecord[] = [];
  for await (const record of deps.exports.list(backfillPrefix(hunt.name, span.from, span.to)))
    records.push(record);
  if (records.some(({ metadata }) => metadata.queryhash !== hunt.queryHash))
    return {
      records,
      callCount: 0,
      result: { kind: "refused", cause: "query", message: describeQueryChange(span) },
    };
  const run = createRunContext(deps, hunt);
  const logEnd = records.reduce<LogEnd>(
    (previous, record) => advanceLogEnd(previous, record),
    createEmptyLogEnd(hunt, span),
  );
  const task = {
    run,
    logEnd,
    pace: createPace(run.caps),
    goal: span.to,
    emptyTo: undefined,
    isBounded: true,
  };
  const appendResult = await appendWindows({
    ...task,
    followLog: (from) => followBackfill(deps, from),
  });
  return {
    records: [...records, ...appendResult.records],
    callCount: run.querier.countCalls(),
    result: appendResult.result,
  };
}

const describeQueryChange = (span: Span): string =>
  `${formatInstant(span.from)} to ${formatInstant(span.to)} was backfilled with another query; ask for a span that differs`;

function createEmptyLogEnd(hunt: CompiledHunt, span: Span): LogEnd {
  const location = locateBackfillLog(hunt.name, span.from, span.to, hunt.format);
  const { format, queryHash } = hunt;
  return {
    location,
    format,
    queryHash,
    version: 0,
    seq: 0,
    from: span.from,
    prev: "",
    last: undefined,
  };
}

async function followBackfill(
  { exports }: HuntDeps,
  start: LogEnd,
): Promise<{ logEnd: LogEnd; records: ExportRecord[] }> {
  const records: ExportRecord[] = [];
  let logEnd = start;
  for (
    let next = await exports.find(nextPath(logEnd));
    next;
    next = await exports.find(nextPath(logEnd))
  ) {
    records.push(next);
    logEnd = advanceLogEnd(logEnd, next);
  }
  return { logEnd, records };
}

/** Why a span cannot be backfilled, in words for the one who asked; `undefined` when it can. */
export function findBackfillFault(
  hunt: CompiledHunt,
  span: Span,
  serverNow: bigint,
): string | undefined {
  if (hunt.mode === "snapshot")
    return "this hunt is a snapshot; only hunts that run in windows can be backfilled";
  if (span.from >= span.to) return "`from` must be before `to`";
  if (span.to > serverNow - ticksFromMs(hunt.lagMs))
    return "`to` must be in the past by more than the hunt's lag";
  if (span.from < serverNow - ticksFromMs(29 * 86_400_000))
    return "`from` must be within the last 29 days";
  return undefined;
}
