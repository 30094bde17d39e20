/** Reads one table over one span: generated rows minute by minute, merged with stories and with rows added by hand. */
import type { Span, Ticks } from "../../../shared/runtime/time.ts";
import type { Cast } from "./entities.ts";
import type { Cell, Dated, Happening, TableSpec } from "./happening.ts";
import type { Added } from "./ledger.ts";
import { createRandom, mix, type Random } from "./random.ts";
import { emptyValue, type Columns } from "./schema.ts";
import { minuteTicks, offsetsIn, rowsBefore, type Timeline } from "./timeline.ts";

/** What a scan of one table needs to know. */
export interface Scan {
  readonly spec: TableSpec;
  readonly layout: Layout;
  readonly timeline: Timeline;
  readonly cast: Cast;
  readonly start: Ticks;
  readonly late: { readonly share: number; readonly delay: Ticks };
  /** Stories and added rows of the table in a span, by time. */
  readonly besides: (from: Ticks, to: Ticks) => readonly Besides[];
}

/** A row from elsewhere: already made, or still a happening. */
export type Besides = Added | (Dated & { readonly ingestedAt: Ticks });

/** Cells in the order of the table's columns. */
export interface Layout {
  readonly columns: Columns;
  readonly cells: readonly Cell[];
  readonly places: ReadonlyMap<string, number>;
}

export function layoutOf(columns: Columns, cells: Readonly<Record<string, Cell>>): Layout {
  return {
    columns,
    cells: columns.map(({ name, type }) => cells[name] ?? constant(emptyValue(type))),
    places: new Map(columns.map(({ name }, index) => [name, index])),
  };
}

const constant =
  (value: unknown): Cell =>
  () =>
    value;

/** One row of the table from a happening. */
export function rowFrom(
  { cells, places }: Layout,
  happening: Happening,
  at: Ticks,
): readonly unknown[] {
  const row: unknown[] = [];
  for (const cell of cells) row.push(cell(happening, at));
  if (happening.set === undefined) return row;
  for (const [name, value] of Object.entries(happening.set)) {
    const place = places.get(name);
    if (place !== undefined) row[place] = value;
  }
  return row;
}

/** A generated happening, dated. `ingestedAt` is a pure function of the happening, too. */
export interface Met extends Dated {
  readonly ingestedAt: Ticks;
}

const tick = BigInt(minuteTicks);

/** Rows in `[from, to)` that had arrived by `visibleAt`, by time; on equal times generated ones first. */
export function* scanTable(
  scan: Scan,
  span: Span,
  visibleAt?: Ticks,
): Generator<readonly unknown[]> {
  const { from, to } = clip(scan, span, visibleAt);
  const besides = scan.besides(from, to);
  let next = 0;
  const arrived = (ingestedAt: Ticks): boolean =>
    visibleAt === undefined || ingestedAt <= visibleAt;
  const rowOf = (found: Besides): readonly unknown[] =>
    "row" in found ? found.row : rowFrom(scan.layout, found.happening, found.at);
  for (const met of generated(scan, { from, to })) {
    for (
      let found = besides[next];
      found !== undefined && found.at < met.at;
      found = besides[(next += 1)]
    )
      if (arrived(found.ingestedAt)) yield rowOf(found);
    if (arrived(met.ingestedAt)) yield rowFrom(scan.layout, met.happening, met.at);
  }
  for (const found of besides.slice(next)) if (arrived(found.ingestedAt)) yield rowOf(found);
}

function clip(scan: Scan, span: Span, visibleAt: Ticks | undefined): Span {
  // A table without a time is read whole; its rows lie at the beginning.
  if (!scan.layout.places.has("Timestamp")) return { from: scan.start, to: scan.start + 1n };
  const from = span.from < scan.start ? scan.start : span.from;
  const to = visibleAt !== undefined && visibleAt + 1n < span.to ? visibleAt + 1n : span.to;
  return { from, to };
}

/** What the table's generator drew for the span, by time. */
export function* generated(scan: Scan, { from, to }: Span): Generator<Met> {
  if (from >= to || scan.timeline.perHour === 0) return;
  const last = Number((to - 1n) / tick);
  for (let minute = Number(from / tick); minute <= last; minute += 1) {
    const first = rowsBefore(scan.timeline, minute);
    const count = rowsBefore(scan.timeline, minute + 1) - first;
    if (count > 0) yield* minuteOf(scan, { from, to }, minute, first, count);
  }
}

function* minuteOf(
  scan: Scan,
  { from, to }: Span,
  minute: number,
  first: number,
  count: number,
): Generator<Met> {
  const random = createRandom(mix(scan.timeline.seed, scan.timeline.table, minute));
  const offsets = offsetsIn(scan.timeline, minute, count, random);
  const start = BigInt(minute) * tick;
  for (let index = 0; index < count; index += 1) {
    const at = start + BigInt(offsets[index] ?? 0);
    if (at < from || at >= to) continue;
    random.at(index * 2);
    const happening = scan.spec.draw(random, scan.cast, first + index);
    if (scan.spec.follows?.when(happening) === false) continue;
    yield { at, happening, ingestedAt: at + delayOf(scan, random) };
  }
}

/** Two to eight seconds, as the service takes; or the delay of the world's late rows. */
function delayOf({ late }: Scan, random: Random): Ticks {
  const usual = BigInt(20_000_000 + random.below(60_000_000));
  return late.share > 0 && random.chance(late.share) ? late.delay + usual : usual;
}
