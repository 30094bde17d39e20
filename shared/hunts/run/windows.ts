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
import type { Stop } from "../query/hunt-querier.ts";
import { commit, commitBare, type Committed } from "../log/commit.ts";
import type { FoundExport } from "../ports.ts";
import { readShards, readSpan, type Desk, type Reading } from "./read-span.ts";
import {
  afterHalving,
  afterHistogram,
  afterTruncated,
  afterWindow,
  mostHalvings,
  nextStep,
  withoutHistograms,
  type Pace,
  type Step,
} from "../query/slicing.ts";
import { after, nextPath, type Tip } from "../log/log-end.ts";

/** The service keeps 30 days; what is nearly as old may go while it is read. */
const keptMs = 29 * dayMs;

/** A window without rows is committed only when it is this long: at most four a day. */
const emptyMs = 6 * hourMs;

/** Why no further window was appended. */
export type Ending =
  /** All there was to read. */
  | { readonly kind: "done" }
  | { readonly kind: "degraded"; readonly reason: string; readonly span: Span }
  | Stop;

/** What appending has led to. */
export interface Appended {
  readonly tip: Tip;
  /** Every record past the first tip, own and adopted, oldest first. */
  readonly records: readonly FoundExport[];
  readonly pace: Pace;
  /** How far past the tip no row was found. */
  readonly emptyTo: Ticks | undefined;
  readonly ending: Ending;
}

/** What to append to, and how far. */
export interface Task {
  readonly desk: Desk;
  readonly tip: Tip;
  readonly pace: Pace;
  /** Rows younger than this are not read: `serverNow - lag` as the run began. */
  readonly goal: Ticks;
  readonly emptyTo: Ticks | undefined;
  /** Past the records that others have put after this tip. */
  readonly walk: (
    tip: Tip,
  ) => Promise<{ readonly tip: Tip; readonly passed: readonly FoundExport[] }>;
  /** True for a log of its own that ends at the goal: its last window is committed with or without rows. */
  readonly ends?: boolean;
}

interface Position {
  tip: Tip;
  pace: Pace;
  emptyTo: Ticks | undefined;
  readonly records: FoundExport[];
}

export async function appendWindows(task: Task): Promise<Appended> {
  const version = task.tip.version;
  const position: Position = {
    tip: task.tip,
    pace: task.pace,
    emptyTo: keptEmptyTo(task),
    records: [],
  };
  let ending: Ending | undefined;
  while (ending === undefined) {
    // A version that somebody closed meanwhile is not ours to append to.
    const over = position.tip.version !== version || reached(position, task.goal);
    ending = over ? { kind: "done" } : await appendOne(task, position);
  }
  const unmoved = position.records.length === 0 && position.emptyTo === undefined;
  return { ...position, emptyTo: unmoved ? task.emptyTo : position.emptyTo, ending };
}

/**
 * A span without rows is read again together with what follows, so that what came late is in the next window. Only where
 * nothing follows, or one call will not take both, does reading go on where emptiness was proven: a run that did not get
 * far must not send the next one back to its start. The recount watches the rest.
 */
function keptEmptyTo({ desk, tip, goal, emptyTo, pace }: Task): Ticks | undefined {
  if (emptyTo === undefined || emptyTo <= tip.from) return undefined;
  const { widestMs } = desk.hunt;
  const both = goal - tip.from;
  const fits =
    (widestMs === undefined || both <= ticksFromMs(widestMs)) && both <= (pace.widthTicks ?? both);
  return emptyTo < goal && fits ? undefined : emptyTo;
}

const reached = ({ tip, emptyTo }: Position, goal: Ticks): boolean =>
  tip.from >= goal || (emptyTo !== undefined && emptyTo >= goal);

async function appendOne(task: Task, position: Position): Promise<Ending | undefined> {
  const { tip } = position;
  const oldest = task.goal - ticksFromMs(keptMs);
  if (tip.from < oldest) return adopt(task, position, await commitGap(task, tip, oldest));
  const readFrom = position.emptyTo ?? tip.from;
  const step = nextStep(position.pace, { ...boundsOf(task, readFrom), to: task.goal });
  await task.desk.ports.reach("E2 window planned");
  if (step.kind === "histogram") return askHistogram(task, position, step);
  const span = { from: readFrom, to: step.to };
  const sharded = isSharded(position.pace, step, span);
  const reading = await read(task, position, sharded, span);
  return take(task, position, span, sharded, reading);
}

async function commitGap({ desk }: Task, tip: Tip, to: Ticks): Promise<Committed> {
  const { ports, hunt } = desk;
  const [from, until] = [formatInstant(tip.from), formatInstant(to)];
  ports.log("hunt.degraded", {
    hunt: hunt.name,
    window: `${from}/${until}`,
    cause: "older than the service keeps",
  });
  return commitBare(ports, hunt, tip, { from: tip.from, to }, { complete: "gap" });
}

const boundsOf = (
  task: Task,
  from: Ticks,
): { from: Ticks; widestTicks: Ticks | undefined; canHistogram: boolean } => ({
  from,
  widestTicks:
    task.desk.hunt.widestMs === undefined ? undefined : ticksFromMs(task.desk.hunt.widestMs),
  canHistogram: task.desk.hunt.query.histogramSuffix !== undefined,
});

async function askHistogram(
  { desk }: Task,
  position: Position,
  { span, step }: Extract<Step, { kind: "histogram" }>,
): Promise<Ending | undefined> {
  const answer = await desk.asker.histogram({ ...span, clock: span.to }, step);
  if (answer.kind === "later") return answer;
  position.pace =
    answer.kind === "bins"
      ? afterHistogram(position.pace, span, answer.bins)
      : withoutHistograms(position.pace);
  return undefined;
}

function read(task: Task, { tip, pace }: Position, sharded: boolean, span: Span): Promise<Reading> {
  const asked = { ...span, clock: span.to };
  return sharded
    ? readShards(task.desk, asked, nextPath(tip), tip.format, pace.rowCap)
    : readSpan(task.desk, asked, nextPath(tip), tip.format);
}

/** One tick that was seen not to fit, or is expected not to. */
const isSharded = (pace: Pace, step: Step, span: Span): boolean =>
  step.kind === "shards" || (span.to - span.from === 1n && pace.ceilingTicks === 1n);

/** Turns a reading into a record, another plan, or the end of this run. */
async function take(
  task: Task,
  position: Position,
  span: Span,
  sharded: boolean,
  reading: Reading,
): Promise<Ending | undefined> {
  const { caps } = task.desk;
  switch (reading.kind) {
    case "complete": {
      // A result in shards says nothing of how wide a window in one call may be.
      position.pace = sharded
        ? { ...position.pace, ceilingTicks: undefined, halvings: 0, looks: 0 }
        : afterWindow(
            position.pace,
            span,
            { rows: reading.staged.rows, bytes: reading.bytes },
            caps,
          );
      return keep(task, position, span, reading.staged);
    }
    case "truncated": {
      await tellHalved(task, span, "row limit", reading.rows);
      const oneTick = span.to - span.from === 1n;
      position.pace = oneTick
        ? { ...position.pace, ceilingTicks: 1n }
        : afterTruncated(position.pace, span, reading, caps);
      return undefined;
    }
    case "too-big":
    case "too-heavy": {
      if (reading.kind === "too-heavy" && position.pace.halvings >= mostHalvings)
        return {
          kind: "degraded",
          reason: `${reading.cause} after ${mostHalvings} halvings`,
          span,
        };
      await tellHalved(task, span, reading.kind);
      position.pace = afterHalving(position.pace, span, reading.kind);
      return undefined;
    }
    case "degraded":
      return { ...reading, span };
    case "later":
    case "refused":
    case "failed":
      return reading;
  }
}

async function tellHalved({ desk }: Task, span: Span, cause: string, cap?: number): Promise<void> {
  const window = `${formatInstant(span.from)}/${formatInstant(span.to)}`;
  desk.ports.log("hunt.halved", { hunt: desk.hunt.name, window, cause, cap });
  await desk.ports.reach("E8 window halved");
}

/** Commits a complete reading; one without rows only when it is long, or has to be out of the way. */
async function keep(
  task: Task,
  position: Position,
  span: Span,
  staged: Extract<Reading, { kind: "complete" }>["staged"],
): Promise<Ending | undefined> {
  const { tip } = position;
  const window = { from: tip.from, to: span.to };
  const long = window.to - window.from >= ticksFromMs(emptyMs);
  if (staged.rows === 0 && !long && !task.ends) {
    position.emptyTo = span.to;
    await staged.abandon();
    return undefined;
  }
  return adopt(task, position, await commit(task.desk.ports, task.desk.hunt, tip, window, staged));
}

/** Goes on from what is there now: the own record, or those of others. */
async function adopt(task: Task, position: Position, outcome: Committed): Promise<undefined> {
  if (outcome.kind === "committed") {
    position.records.push(outcome.found);
    position.tip = after(position.tip, outcome.found);
  } else {
    const { tip, passed } = await task.walk(position.tip);
    if (passed.length === 0)
      throw new Error(`${nextPath(position.tip)} was refused, yet nothing is there`);
    position.records.push(...passed);
    position.tip = tip;
  }
  if (position.emptyTo !== undefined && position.emptyTo <= position.tip.from)
    position.emptyTo = undefined;
  return undefined;
}
