/**
 * Late rows: rows that arrived after their window had been exported. Each run counts the unsettled span again; where it
 * has grown, the windows that grew are read again and what is new in them, as a multiset of whole rows, is committed as
 * the next record of the log `late/`. Windows themselves never change.
 *
 * Two runners that find the same late rows try for the same sequence number, so one of them loses, looks again with the
 * winner's rows among the known ones, and finds nothing new.
 */
import { formatInstant, ticksFromMs, type Span, type Ticks } from "../../runtime/time.ts";
import type { Stop } from "../query/hunt-querier.ts";
import { commit } from "../log/commit.ts";
import { statisticsColumn } from "../log/enrich-rows.ts";
import { mostIdentities, multiset, rowIdentity, type Multiset } from "../log/row-identity.ts";
import { chainHash, spanOf } from "../log/metadata.ts";
import { dayPrefix, lateLog, latePrefix } from "../log/paths.ts";
import type { FoundExport, HuntingReply, RowSink } from "../ports.ts";
import type { QuerySpan } from "../query/query-text.ts";
import type { Desk } from "./read-span.ts";
import { isSuspicious, shardCount } from "../query/slicing.ts";
import { openStaging, type Staging } from "../log/staging.ts";
import { after, nextPath, type Tip } from "../log/log-end.ts";

/** What a recount has led to. */
export interface Recounted {
  /** Every late export from `lateFrom` on, in order, those committed now included. */
  readonly records: readonly FoundExport[];
  /** The first late export that may still matter to the next recount. */
  readonly lateFrom: number;
  readonly ending: { readonly kind: "done" } | Stop | Unclear;
}

/** Late rows are there and cannot be told apart; the log goes on without them. */
export interface Unclear {
  readonly kind: "unclear";
  readonly reason: string;
  readonly span: Span;
}

/** What to recount: the tip's version, back to its oldest window that is not settled. */
export interface RecountTask {
  readonly desk: Desk;
  readonly tip: Tip;
  /** Windows that end after this are watched. */
  readonly settledTo: Ticks;
  /** The first late export that may matter, when known. */
  readonly lateFrom: number | undefined;
}

/** One window under watch: its own rows and the late ones already exported for it. */
interface Watched {
  readonly window: FoundExport;
  readonly span: Span;
  readonly late: readonly FoundExport[];
}

export async function recount(task: RecountTask): Promise<Recounted> {
  const { desk, tip } = task;
  const known = await lateExports(task);
  let lateTip = lateTipAfter(desk.hunt.name, tip, known);
  const watched = await unsettled(task, known);
  const lateFrom = firstThatMatters(watched, lateTip);
  const records = [...known];
  const ending = async (): Promise<Recounted["ending"]> => {
    for await (const grown of grownWindows(desk, watched)) {
      if (grown.kind !== "grown") return grown;
      const outcome = await exportLate(desk, lateTip, grown);
      if (outcome.kind !== "done") return outcome;
      records.push(...outcome.records);
      lateTip = outcome.tip;
      await desk.ports.reach("R1 recount half done");
    }
    return { kind: "done" };
  };
  return { ending: await ending(), records, lateFrom };
}

const isReady = (span: Span, settledTo: Ticks): boolean => span.to > settledTo;

/** Late exports from `lateFrom` on by probing; all of them by listing when it is not known. */
async function lateExports({ desk, tip, lateFrom }: RecountTask): Promise<FoundExport[]> {
  const found: FoundExport[] = [];
  if (lateFrom === undefined) {
    for await (const one of desk.ports.exports.list(latePrefix(desk.hunt.name, tip.version)))
      found.push(one);
    return found;
  }
  const place = lateLog(desk.hunt.name, tip.version, tip.format);
  // One before the first that matters carries the chain on.
  const first = Math.max(0, lateFrom - 1);
  for (let seq = first; ; seq += 1) {
    const one = await desk.ports.exports.find(place.pathOf(seq, 0n));
    if (!one) return found;
    found.push(one);
  }
}

function lateTipAfter(hunt: string, tip: Tip, known: readonly FoundExport[]): Tip {
  const place = lateLog(hunt, tip.version, tip.format);
  const last = known.at(-1);
  return last
    ? { ...tip, place, seq: last.metadata.seq + 1, prev: chainHash(last.metadata), last }
    : { ...tip, place, seq: 0, prev: "", last: undefined };
}

/** The windows of this version that are still watched, oldest first, each with its late exports. */
async function unsettled(
  { desk, tip, settledTo }: RecountTask,
  known: readonly FoundExport[],
): Promise<Watched[]> {
  if (!tip.last) return [];
  const windows: FoundExport[] = [];
  for (let day = dayOf(tip.last); ; day -= dayTicks) {
    const onDay: FoundExport[] = [];
    for await (const one of desk.ports.exports.list(dayPrefix(desk.hunt.name, tip.version, day)))
      onDay.push(one);
    windows.unshift(...onDay);
    const [first] = onDay;
    // A day without a record lies inside a window that began before it; the search ends at the version's first record.
    if (first && (first.metadata.seq === 0 || !isReady(spanOf(first.metadata), settledTo))) break;
    if (day + dayTicks * mostDays < dayOf(tip.last)) break;
  }
  return windows
    .filter(({ metadata }) => metadata.complete === "yes" && isReady(spanOf(metadata), settledTo))
    .map((window) => ({
      window,
      span: spanOf(window.metadata),
      late: known.filter((one) => isOf(one, window)),
    }));
}

const dayTicks = ticksFromMs(86_400_000);

/** The service keeps 30 days, so no window that can still grow begins earlier. */
const mostDays = 31n;

const dayOf = (found: FoundExport): Ticks => (spanOf(found.metadata).from / dayTicks) * dayTicks;

const isOf = (late: FoundExport, window: FoundExport): boolean =>
  late.metadata.from === window.metadata.from && late.metadata.to === window.metadata.to;

const firstThatMatters = (watched: readonly Watched[], lateTip: Tip): number =>
  Math.min(lateTip.seq, ...watched.flatMap(({ late }) => late.map(({ metadata }) => metadata.seq)));

const loggedRows = (watched: Watched): number =>
  [watched.window, ...watched.late].reduce((sum, { metadata }) => sum + metadata.rows, 0);

type Grown = { readonly kind: "grown"; readonly watched: Watched; readonly count: number } | Stop;

/**
 * The windows that hold more rows than the log. One count over all of them, as a rule; only where it differs is the
 * span halved until the windows that grew are found.
 */
async function* grownWindows(desk: Desk, watched: readonly Watched[]): AsyncGenerator<Grown> {
  for (const group of groupsWithin(watched, desk.hunt.widestMs)) yield* search(desk, group);
}

async function* search(desk: Desk, group: readonly Watched[]): AsyncGenerator<Grown> {
  const counted = await countOver(desk, group);
  if (counted.kind === "too-big" || counted.kind === "too-heavy") {
    // A count that the service gives up on is made smaller; that of one window is left for the next run.
    if (group.length > 1) yield* searchHalves(desk, group);
    return;
  }
  if (counted.kind !== "count") return void (yield counted);
  const logged = group.reduce((sum, one) => sum + loggedRows(one), 0);
  if (counted.count <= logged) return;
  const [only] = group;
  if (only && group.length === 1) yield { kind: "grown", watched: only, count: counted.count };
  else yield* searchHalves(desk, group);
}

async function* searchHalves(desk: Desk, group: readonly Watched[]): AsyncGenerator<Grown> {
  const middle = group.length >> 1;
  yield* search(desk, group.slice(0, middle));
  yield* search(desk, group.slice(middle));
}

/** A window wider than the hunt's own predicates, grown while it was empty, is counted in pieces from its end. */
const countOver = (desk: Desk, group: readonly Watched[]): ReturnType<Desk["asker"]["count"]> =>
  countPieces(desk, piecesOf(spanOfAll(group), desk.hunt.widestMs));

async function countPieces(
  desk: Desk,
  pieces: readonly QuerySpan[],
): ReturnType<Desk["asker"]["count"]> {
  let sum = 0;
  for (const piece of pieces) {
    const counted = await desk.asker.count(piece);
    if (counted.kind !== "count") return counted;
    sum += counted.count;
  }
  return { kind: "count", count: sum };
}

const spanOfAll = (group: readonly Watched[]): Span => ({
  from: group[0]?.span.from ?? 0n,
  to: group.at(-1)?.span.to ?? 0n,
});

/** Consecutive windows, no group wider than the hunt's own predicates leave whole. */
function groupsWithin(watched: readonly Watched[], widestMs: number | undefined): Watched[][] {
  const groups: Watched[][] = [];
  for (const one of watched) {
    const group = groups.at(-1);
    const joins = group && group.at(-1)?.span.to === one.span.from;
    const fits =
      widestMs === undefined ||
      one.span.to - (group?.[0]?.span.from ?? 0n) <= ticksFromMs(widestMs);
    if (joins && fits) group.push(one);
    else groups.push([one]);
  }
  return groups;
}

/** The parts of a span in which the hunt's own predicates hold, oldest first; each with its own clock. */
function piecesOf(span: Span, widestMs: number | undefined): QuerySpan[] {
  const pieces: QuerySpan[] = [];
  const width = widestMs === undefined ? span.to - span.from : ticksFromMs(widestMs);
  for (let { to } = span; to > span.from; to -= width)
    pieces.unshift({ from: to - width > span.from ? to - width : span.from, to, clock: to });
  return pieces;
}

type Exported =
  | { readonly kind: "done"; readonly tip: Tip; readonly records: FoundExport[] }
  | Stop
  | Unclear;

/** How often a window is read in smaller parts, or again because another runner was faster. */
const mostLooks = 6;

/** Commits what is new in a window as the next late export. */
async function exportLate(
  desk: Desk,
  start: Tip,
  grown: Extract<Grown, { kind: "grown" }>,
): Promise<Exported> {
  const { window, span } = grown.watched;
  const late = [...grown.watched.late];
  const records: FoundExport[] = [];
  let tip = start;
  let smaller = 0;
  for (let look = 0; look < mostLooks; look += 1) {
    const found = await readNew(desk, tip, { window, span, late, count: grown.count }, smaller);
    if (found.kind === "smaller") {
      smaller += 1;
      continue;
    }
    if (found.kind !== "staged") return found;
    if (found.staged.rows === 0) {
      await found.staged.abandon();
      return { kind: "done", tip, records };
    }
    const outcome = await commit(desk.ports, desk.hunt, tip, span, found.staged);
    if (outcome.kind === "committed") {
      const fields = {
        seq: tip.seq,
        rows: found.staged.rows,
        expected: window.metadata.rows,
        found: grown.count,
      };
      desk.ports.log("hunt.late", {
        hunt: desk.hunt.name,
        window: `${formatInstant(span.from)}/${formatInstant(span.to)}`,
        ...fields,
      });
      return {
        kind: "done",
        tip: afterLate(tip, outcome.found),
        records: [...records, outcome.found],
      };
    }
    for (
      let next = await desk.ports.exports.find(nextPath(tip));
      next;
      next = await desk.ports.exports.find(nextPath(tip))
    ) {
      records.push(next);
      if (isOf(next, window)) late.push(next);
      tip = afterLate(tip, next);
    }
  }
  return { kind: "unclear", reason: "late rows that cannot be read completely", span };
}

const afterLate = (tip: Tip, found: FoundExport): Tip => ({ ...after(tip, found), from: tip.from });

interface Known {
  readonly window: FoundExport;
  readonly span: Span;
  readonly late: readonly FoundExport[];
  readonly count: number;
}

type NewRows =
  | { readonly kind: "staged"; readonly staged: Awaited<ReturnType<Staging["finish"]>> }
  | { readonly kind: "smaller" }
  | Stop
  | Unclear;

/** Reads a window again and keeps only what the log does not have. */
async function readNew(desk: Desk, tip: Tip, known: Known, smaller: number): Promise<NewRows> {
  const { span } = known;
  if (known.count > mostIdentities)
    return {
      kind: "unclear",
      reason: `${known.count} rows in one window are too many to compare`,
      span,
    };
  const identities = await identitiesOf(desk, tip, known);
  await desk.ports.reach("E9 known rows loaded");
  const logged = identities.size();
  const staging = openStaging(desk.ports, desk.hunt, nextPath(tip), tip.format);
  let kept = false;
  try {
    const ending = await readParts(
      desk,
      known,
      smaller,
      onlyNew(desk, identities, tip, staging.sink),
    );
    if (ending !== "read") return ending;
    if (identities.size() * 2 > logged && logged > 0)
      return {
        kind: "unclear",
        reason: "most rows of a window read differently now than when they were exported",
        span,
      };
    kept = true;
    return { kind: "staged", staged: await staging.finish() };
  } finally {
    if (!kept) await staging.abandon();
  }
}

/** A page of rows, read back from an export. */
const pageRows = 20_000;

async function identitiesOf({ ports, hunt }: Desk, tip: Tip, known: Known): Promise<Multiset> {
  const leftOut = hunt.enrich === undefined ? undefined : statisticsColumn;
  const logged = [known.window, ...known.late];
  const identities = multiset(logged.reduce((sum, { metadata }) => sum + metadata.rows, 0));
  for (const { path, metadata } of logged) {
    for (let skip = 0; skip < metadata.rows; skip += pageRows) {
      for (const row of await ports.exports.rows(path, tip.format, skip, pageRows))
        identities.add(rowIdentity(row, tip.format, leftOut));
    }
  }
  return identities;
}

/** A sink that passes on only rows that are not among the known ones, each known one once. */
function onlyNew({ hunt }: Desk, identities: Multiset, tip: Tip, sink: RowSink): RowSink {
  const leftOut = hunt.enrich === undefined ? undefined : statisticsColumn;
  return {
    ...(sink.columns && { columns: sink.columns }),
    rows: async (lines) => {
      const rows = Buffer.from(lines).toString("utf8").split("\n").slice(0, -1);
      const fresh = rows.filter((row) => !identities.take(rowIdentity(row, tip.format, leftOut)));
      if (fresh.length > 0)
        await sink.rows(Buffer.from(`${fresh.join("\n")}\n`, "utf8"), fresh.length);
    },
  };
}

/**
 * Reads all of a window: in one call, then in shards, then, where a result has none, in spans; each time that more is
 * asked for, in more of them. Where a part may have been cut off, a count of the whole decides.
 */
async function readParts(
  desk: Desk,
  known: Known,
  smaller: number,
  sink: RowSink,
): Promise<"read" | NewRows> {
  const pieces = piecesOf(known.span, desk.hunt.widestMs);
  let rows = 0;
  let suspicious = false;
  for (const piece of pieces) {
    for (const ask of partsOf(desk, piece, known.count, smaller, sink)) {
      const reply = await ask();
      if (reply.kind === "too-big" || reply.kind === "too-heavy") return { kind: "smaller" };
      if (reply.kind !== "answer") return reply;
      rows += reply.rows;
      suspicious ||= isSuspicious(reply, desk.caps);
    }
  }
  await desk.ports.reach("E6 body parsed");
  const counted = suspicious
    ? await countPieces(desk, pieces)
    : { kind: "count" as const, count: rows };
  if (counted.kind === "too-big" || counted.kind === "too-heavy") return { kind: "smaller" };
  if (counted.kind !== "count") return counted;
  return counted.count === rows ? "read" : { kind: "smaller" };
}

type Ask = () => Promise<HuntingReply>;

function partsOf(
  { asker, caps, hunt }: Desk,
  piece: QuerySpan,
  count: number,
  smaller: number,
  sink: RowSink,
): Ask[] {
  if (smaller === 0) return [() => asker.rows(piece, sink)];
  if (hunt.query.shardSuffix) {
    const shards = shardCount(count, caps.rows, smaller - 1);
    return Array.from({ length: shards }, (_, shard) => async () => {
      const reply = await asker.shard(piece, { shard, shards }, sink);
      if (!reply) throw new Error("a hunt that lost its shards");
      return reply;
    });
  }
  const parts = 4 ** smaller;
  const edge = (index: number): Ticks =>
    piece.from + ((piece.to - piece.from) * BigInt(index)) / BigInt(parts);
  return Array.from(
    { length: parts },
    (_, index) => () => asker.rows({ ...piece, from: edge(index), to: edge(index + 1) }, sink),
  );
}
