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
import { announce, announceNew, unknownNotified } from "./announce.ts";
import { openAsker } from "../query/hunt-querier.ts";
import { startBudget } from "../query/budget.ts";
import { recount, type Recounted } from "./late-rows.ts";
import { spanOf } from "../log/metadata.ts";
import { statePaths, versionOf } from "../log/paths.ts";
import type { FoundExport, HuntPorts } from "../ports.ts";
import type { Desk } from "./read-span.ts";
import { roundRows, startPace, type KeptPace, type Pace } from "../query/slicing.ts";
import { appendSnapshot } from "./snapshots.ts";
import { readHead, writeKept } from "../log/state.ts";
import { findTip, walk, type FoundTip, type Tip } from "../log/log-end.ts";
import { birthMaker, ownTip } from "../log/versions.ts";
import { appendWindows, type Ending, type Task } from "./windows.ts";

/** What a run has led to. */
export interface Ran {
  /** `theirs`: another deployment's query was put in place only now. */
  readonly ending: Ending | { readonly kind: "theirs"; readonly waitMs: number };
  /** Exports that are new since the cached head, whoever wrote them. */
  readonly records: readonly FoundExport[];
  readonly calls: number;
  readonly version: number;
  /** Where the log goes on; absent for a backfill. */
  readonly tip?: Pick<Tip, "version" | "from"> | undefined;
  /** Late rows that could not be exported. */
  readonly unclear?: { readonly reason: string; readonly span: Span } | undefined;
}

/** The desk of a run: one asker, one budget. */
export function openDesk(ports: HuntPorts, hunt: CompiledHunt, form?: HuntHead["form"]): Desk {
  const asker = openAsker(ports, hunt, startBudget(ports.nowMs), form);
  return { ports, hunt, asker, caps: { roundRows, ...ports.hunting.caps } };
}

/** Runs the hunt's own log on to now. */
export async function runLog(
  ports: HuntPorts,
  hunt: CompiledHunt,
  order: HuntRun,
  serverNow: Ticks,
): Promise<Ran> {
  const birthOf = birthMaker(hunt, serverNow);
  const { value: cache, etag } = await readHead(ports, hunt.name);
  const start = await findTip(ports, hunt, cache, birthOf);
  await ports.reach("E1 head read");
  const owned = await ownTip(ports, hunt, start, birthOf, serverNow);
  if (owned.kind === "theirs")
    return { ending: owned, records: [], calls: 0, version: start.tip.version };

  const { found } = owned;
  const kept = cache && cache.version === found.tip.version ? cache : undefined;
  const desk = openDesk(ports, hunt, kept?.form);
  const lag = ticksFromMs(hunt.lagMs);
  const times = {
    goal: serverNow - lag,
    due: (parseInstant(order.scheduledFor) ?? serverNow) - lag,
  };
  const worked = await work(desk, found.tip, kept, times, (tip) => walk(ports, hunt, tip, birthOf));

  const records = [...found.passed, ...worked.records];
  const notified = await tellResults(desk, cache, { ...found, tip: worked.tip }, records);
  const lateNotified = await tellLate(desk, kept, worked.late, worked.tip);
  const told = { notified, lateNotified, lateFrom: worked.late?.lateFrom ?? kept?.lateFrom };
  const head = newHead(worked, records.at(-1)?.path ?? cache?.head, told, desk.asker.form());
  await writeKept(ports, statePaths.head(hunt.name), head, etag);
  await ports.reach("E13 head cache written");
  const { ending, unclear } = worked;
  return {
    ending,
    records,
    calls: desk.asker.calls(),
    version: worked.tip.version,
    tip: worked.tip,
    unclear,
  };
}

interface Worked {
  readonly tip: Tip;
  readonly records: readonly FoundExport[];
  readonly pace: Pace;
  readonly emptyTo: Ticks | undefined;
  readonly late: Recounted | undefined;
  readonly ending: Ending;
  readonly unclear?: { readonly reason: string; readonly span: Span } | undefined;
}

interface Times {
  /** Rows younger than this are not read. */
  readonly goal: Ticks;
  /** A log that reaches this far has done what the run was asked for. */
  readonly due: Ticks;
}

/** Recount, then windows; neither where another run has made up for this one. */
async function work(
  desk: Desk,
  tip: Tip,
  kept: HuntHead | undefined,
  { goal, due }: Times,
  onwards: Task["walk"],
): Promise<Worked> {
  const emptyTo = kept?.emptyTo === undefined ? undefined : parseInstant(kept.emptyTo);
  const pace = startPace(desk.caps, keptPace(kept));
  const idle = { tip, records: [], pace, emptyTo, late: undefined };
  if ((tip.last ?? emptyTo) !== undefined && coveredTo(tip, emptyTo) >= due)
    return { ...idle, ending: { kind: "done" } };

  const snapshot = desk.hunt.mode === "snapshot";
  const settledTo = goal - ticksFromMs(desk.hunt.settleMs);
  const late = snapshot
    ? undefined
    : await recount({ desk, tip, settledTo, lateFrom: kept?.lateFrom });
  if (late && late.ending.kind !== "done" && late.ending.kind !== "unclear")
    return { ...idle, late, ending: late.ending };

  const task: Task = { desk, tip, pace, goal, emptyTo, walk: onwards };
  const appended = await (snapshot ? appendSnapshot(task, due) : appendWindows(task));
  return { ...appended, late, unclear: late?.ending.kind === "unclear" ? late.ending : undefined };
}

const coveredTo = (tip: Tip, emptyTo: Ticks | undefined): Ticks =>
  emptyTo !== undefined && emptyTo > tip.from ? emptyTo : tip.from;

function keptPace(kept: HuntHead | undefined): KeptPace {
  const ticks = (text: string | undefined): Ticks | undefined =>
    text === undefined ? undefined : BigInt(text);
  return {
    widthTicks: ticks(kept?.widthTicks),
    heavyTicks: ticks(kept?.heavyTicks),
    halvings: kept?.halvings ?? 0,
  };
}

function tellResults(
  { ports, hunt }: Desk,
  cache: HuntHead | undefined,
  found: FoundTip,
  records: readonly FoundExport[],
): Promise<HuntHead["notified"]> {
  const notified = cache?.notified ?? unknownNotified(found.tip);
  const complete =
    reachesBack(records, found.tip) || (found.fromCache && isAt(notified, cache?.head));
  return announceNew(ports, hunt, notified, records, complete, found.tip);
}

/** True when the records reach back to the log's very first one, or the log has none. */
const reachesBack = (records: readonly FoundExport[], tip: Tip): boolean =>
  records[0] === undefined
    ? tip.last === undefined && tip.version === 1
    : versionOf(records[0].path) === 1 && records[0].metadata.seq === 0;

/** True when everything up to the cached head was announced. */
const isAt = (notified: HuntHead["notified"], head: string | undefined): boolean =>
  head === undefined
    ? notified.seq === -1
    : versionOf(head) === notified.version &&
      head.includes(`/${String(notified.seq).padStart(12, "0")}.`);

/** Announces late exports; after a lost cache only those of the last days, as `unknownNotified` does. */
async function tellLate(
  { ports, hunt }: Desk,
  kept: HuntHead | undefined,
  late: Recounted | undefined,
  tip: Tip,
): Promise<number | undefined> {
  let notified = kept?.lateNotified;
  const oldest = parseInstant(unknownNotified(tip).from) ?? 0n;
  for (const found of late?.records ?? []) {
    const { seq } = found.metadata;
    if (seq > (notified ?? -1) && spanOf(found.metadata).to > oldest)
      await announce(ports, hunt, "late", found);
    notified = Math.max(notified ?? -1, seq);
  }
  return notified;
}

interface Told extends Pick<HuntHead, "notified"> {
  readonly lateNotified: number | undefined;
  readonly lateFrom: number | undefined;
}

function newHead(
  { tip, pace, emptyTo }: Worked,
  newestPath: string | undefined,
  { notified, lateNotified, lateFrom }: Told,
  form: HuntHead["form"],
): HuntHead {
  const head = tip.last?.path ?? newestPath;
  return {
    ...(head === undefined ? {} : { head }),
    to: formatInstant(tip.from),
    version: tip.version,
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
