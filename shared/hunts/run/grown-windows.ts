/** Finds the windows that hold more rows than the log. */
import { ticksFromMs, type Span } from "../../runtime/time.ts";
import type { CountResult, RunStop } from "../query/hunt-querier.ts";
import type { QuerySpan } from "../query/query-text.ts";
import type { RunContext } from "./run-context.ts";
import type { WatchedWindow } from "./watched-windows.ts";

/** A window with `count` rows, more than the log has for it. */
export interface GrownWindow {
  readonly kind: "grown";
  readonly watchedWindow: WatchedWindow;
  readonly count: number;
}

/**
 * Yields the grown windows, or why the search stopped. One count over all windows is enough in most
 * runs; where it exceeds the log, the span is halved until the grown windows are found.
 */
export async function* findGrownWindows(
  run: RunContext,
  watchedWindows: readonly WatchedWindow[],
): AsyncGenerator<GrownWindow | RunStop> {
  for (const group of groupWindows(watchedWindows, run.hunt.widestMs))
    yield* searchGroup(run, group);
}

async function* searchGroup(
  run: RunContext,
  group: readonly WatchedWindow[],
): AsyncGenerator<GrownWindow | RunStop> {
  const countResult = await countPieces(run, splitSpan(spanOfGroup(group), run.hunt.widestMs));
  if (countResult.kind === "too-big" || countResult.kind === "too-heavy") {
    // A count that the service aborts is halved; that of one window is left to the next run.
    if (group.length > 1) yield* searchHalves(run, group);
    return;
  }
  if (countResult.kind !== "count") return void (yield countResult);
  const { count } = countResult;
  const loggedRows = group.reduce((sum, watchedWindow) => sum + countLoggedRows(watchedWindow), 0);
  if (count <= loggedRows) return;
  const [only] = group;
  if (only && group.length === 1) yield { kind: "grown", watchedWindow: only, count };
  else yield* searchHalves(run, group);
}

async function* searchHalves(
  run: RunContext,
  group: readonly WatchedWindow[],
): AsyncGenerator<GrownWindow | RunStop> {
  const middle = group.length >> 1;
  yield* searchGroup(run, group.slice(0, middle));
  yield* searchGroup(run, group.slice(middle));
}

const countLoggedRows = ({ window, late }: WatchedWindow): number =>
  [window, ...late].reduce((sum, { metadata }) => sum + metadata.rows, 0);

/** Counts each piece and returns the sum. */
export async function countPieces(
  run: RunContext,
  pieces: readonly QuerySpan[],
): Promise<CountResult> {
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

/** Groups adjacent windows; no group is wider than the hunt's own time predicates allow. */
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

/**
 * Splits a span into pieces in which the hunt's own time predicates hold, oldest first, each with
 * its own clock. A window can be wider than they allow when it was empty for long.
 */
export function splitSpan(span: Span, widestMs: number | undefined): QuerySpan[] {
  const pieces: QuerySpan[] = [];
  const width = widestMs === undefined ? span.to - span.from : ticksFromMs(widestMs);
  for (let { to } = span; to > span.from; to -= width)
    pieces.unshift({ from: to - width > span.from ? to - width : span.from, to, clock: to });
  return pieces;
}
