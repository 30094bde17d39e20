/** Appends one snapshot: the hunt's full result at one instant as the log's next record. */
import { ticksFromMs, type Ticks } from "../../runtime/time.ts";
import { commitExport } from "../log/commit.ts";
import { readShards, readSpan } from "./read-span.ts";
import { applyHalving, maxHalvings } from "../query/slicing.ts";
import { advanceLogEnd, nextPath } from "../log/log-end.ts";
import type { AppendResult, RunResult, AppendTask } from "./windows.ts";

/**
 * Appends a record from the last snapshot's instant to this one's, so that the log has no gap. It
 * holds the whole result as of its `to`. If another instance committed first, its snapshot is
 * taken.
 *
 * @param due - a snapshot of this instant or a later one is recent enough
 */
export async function appendSnapshot(task: AppendTask, due: Ticks): Promise<AppendResult> {
  const { run, logEnd, pace, goal } = task;
  const unchanged = { logEnd, records: [], pace, emptyTo: undefined };
  if (logEnd.from >= goal || (logEnd.last?.metadata.complete === "yes" && logEnd.from >= due))
    return { ...unchanged, result: { kind: "done" } };

  const span = { from: goal - ticksFromMs(run.hunt.lookBackMs), to: goal, clock: goal };
  await run.deps.failpoint("E2 window planned");
  const target = { span, path: nextPath(logEnd), format: logEnd.format };
  const fullResult = await readSpan(run, target);
  const isCutOff = fullResult.kind === "truncated" || fullResult.kind === "too-big";
  const rowCap =
    fullResult.kind === "truncated"
      ? Math.min(pace.rowCap, Math.max(1, fullResult.rows))
      : pace.rowCap;
  const readResult = isCutOff ? await readShards(run, target, rowCap) : fullResult;

  if (readResult.kind !== "complete") return { ...unchanged, ...explainFailure(task, readResult) };
  const outcome = await commitExport(run, logEnd, readResult.staged, {
    span: { from: logEnd.from, to: goal },
  });
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

/**
 * A snapshot has no narrower window: a too heavy query is retried as often as a window is halved,
 * then paused.
 */
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
      return { pace, result: toDegraded("The result exceeds the service's limit.") };
    case "degraded":
      return { pace, result: toDegraded(readResult.reason) };
    case "later":
    case "refused":
    case "failed":
      return { pace, result: readResult };
  }
}
