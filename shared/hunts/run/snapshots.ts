/** Appends one snapshot: the hunt's full result at one instant, as the log's next record. */
import { ticksFromMs, type Ticks } from "../../runtime/time.ts";
import { commit } from "../log/commit.ts";
import { readShards, readSpan } from "./read-span.ts";
import { afterHalving, mostHalvings } from "../query/slicing.ts";
import { after, nextPath } from "../log/log-end.ts";
import type { Appended, Ending, Task } from "./windows.ts";

/**
 * A snapshot's record runs from the last snapshot's instant to this one's, so that the log stays unbroken; what it holds
 * is the whole result as of its `to`. Where another runner's snapshot has come first, that one is taken.
 *
 * @param due - a snapshot of this instant or a later one will do
 */
export async function appendSnapshot(task: Task, due: Ticks): Promise<Appended> {
  const { desk, tip, pace, goal } = task;
  const stay = { tip, records: [], pace, emptyTo: undefined };
  if (tip.from >= goal || (tip.last?.metadata.complete === "yes" && tip.from >= due))
    return { ...stay, ending: { kind: "done" } };

  const span = { from: goal - ticksFromMs(desk.hunt.lookBackMs), to: goal, clock: goal };
  await desk.ports.reach("E2 window planned");
  const whole = await readSpan(desk, span, nextPath(tip), tip.format);
  const cutOff = whole.kind === "truncated" || whole.kind === "too-big";
  const cap =
    whole.kind === "truncated" ? Math.min(pace.rowCap, Math.max(1, whole.rows)) : pace.rowCap;
  const reading = cutOff ? await readShards(desk, span, nextPath(tip), tip.format, cap) : whole;

  if (reading.kind !== "complete") return { ...stay, ...refusal(task, reading) };
  const outcome = await commit(
    desk.ports,
    desk.hunt,
    tip,
    { from: tip.from, to: goal },
    reading.staged,
  );
  if (outcome.kind === "lost") {
    const walked = await task.walk(tip);
    return { ...stay, tip: walked.tip, records: walked.passed, ending: { kind: "done" } };
  }
  const calm = { ...pace, halvings: 0 };
  return {
    ...stay,
    tip: after(tip, outcome.found),
    records: [outcome.found],
    pace: calm,
    ending: { kind: "done" },
  };
}

/** A snapshot cannot be made narrower: a query that is too heavy is tried as often as a window is halved, then set aside. */
function refusal(
  { tip, goal, pace }: Task,
  reading: Exclude<Awaited<ReturnType<typeof readSpan>>, { kind: "complete" }>,
): Pick<Appended, "ending" | "pace"> {
  const span = { from: tip.from, to: goal };
  const degraded = (reason: string): Ending => ({ kind: "degraded", reason, span });
  switch (reading.kind) {
    case "too-heavy":
      return pace.halvings >= mostHalvings
        ? {
            pace,
            ending: degraded(
              `${reading.cause} ${mostHalvings + 1} times; narrow the query or its lookBack`,
            ),
          }
        : {
            pace: afterHalving(pace, span, "too-heavy"),
            ending: { kind: "failed", message: reading.cause },
          };
    case "too-big":
    case "truncated":
      return { pace, ending: degraded("the result is above the service's limit") };
    case "degraded":
      return { pace, ending: degraded(reading.reason) };
    case "later":
    case "refused":
    case "failed":
      return { pace, ending: reading };
  }
}
