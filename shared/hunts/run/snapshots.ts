/** Appends one snapshot: the hunt's full result at one instant, as the log's next record. */
import { ticksFromMs, type Ticks } from "../../runtime/time.ts";
import { commit } from "../log/commit.ts";
import { readShards, readSpan } from "./read-span.ts";
import { applyHalving, maxHalvings } from "../query/slicing.ts";
import { advanceLogEnd, nextPath } from "../log/log-end.ts";
import type { AppendResult, RunResult, AppendTask } from "./windows.ts";

/**
 * A snapshot's record runs from the last snapshot's instant to this one's, so that the log stays unbroken; what it holds
 * is the whole result as of its `to`. Where another runner's snapshot has come first, that one is taken.
 *
 * @param due - a snapshot of this instant or a later one will do
 */
export async function appendSnapshot(task: AppendTask, due: Ticks): Promise<AppendResult> {
  const { run, logEnd, pace, goal } = task;
  const unchanged = { logEnd, records: [], pace, emptyTo: undefined };
  if (logEnd.from >= goal || (logEnd.last?.metadata.complete === "yes" && logEnd.from >= due))
    return { ...unchanged, result: { kind: "done" } };

  const span = { from: goal - ticksFromMs(run.hunt.lookBackMs), to: goal, clock: goal };
  await run.deps.failpoint("E2 window planned");
  const fullResult = await readSpan(run, span, nextPath(logEnd), logEnd.format);
  const isCutOff = fullResult.kind === "truncated" || fullResult.kind === "too-big";
  const rowCap =
    fullResult.kind === "truncated"
      ? Math.min(pace.rowCap, Math.max(1, fullResult.rows))
      : pace.rowCap;
  const readResult = isCutOff
    ? await readShards(run, span, nextPath(logEnd), logEnd.format, rowCap)
    : fullResult;

  if (readResult.kind !== "complete") return { ...unchanged, ...explainFailure(task, readResult) };
  const outcome = await commit(
    run.deps,
    run.hunt,
    logEnd,
    { from: logEnd.from, to: goal },
    readResult.staged,
  );
  if (outcome.kind === "lost") {
    const rest = await task.followLog(logEnd);
    return { ...unchanged, logEnd: rest.logEnd, records: rest.records, result: { kind: "done" } };
  }
  const settledPace = { ...pace, halvings: 0 };
  return {
    ...unchanged,
    logEnd: advanceLogEnd(logEnd, outcome.record),
    records: [outcome.record],
    pace: settledPace,
    result: { kind: "done" },
  };
}

/** A snapshot cannot be made narrower: a query that is too heavy is tried as often as a window is halved, then set aside. */
function explainFailure(
  { logEnd, goal, pace }: AppendTask,
  readResult: Exclude<Awaited<ReturnType<typeof readSpan>>, { kind: "complete" }>,
): Pick<AppendResult, "result" | "pace"> {
  const span = { from: logEnd.from, to: goal };
  const toDegraded = (reason: string): RunResult => ({ kind: "degraded", reason, span });
  switch (readResult.kind) {
    case "too-heavy":
      return pace.halvings >= maxHalvings
        ? {
            pace,
            result: toDegraded(
              `${readResult.cause} ${maxHalvings + 1} times; narrow the query or its lookBack`,
            ),
          }
        : {
            pace: applyHalving(pace, span, "too-heavy"),
            result: { kind: "failed", message: readResult.cause },
          };
    case "too-big":
    case "truncated":
      return { pace, result: toDegraded("the result is above the service's limit") };
    case "degraded":
      return { pace, result: toDegraded(readResult.reason) };
    case "later":
    case "refused":
    case "failed":
      return { pace, result: readResult };
  }
}
