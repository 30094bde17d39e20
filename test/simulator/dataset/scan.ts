/**
 * Reads one table over one span: generated rows by the minute, merged with scenarios and added
 * rows.
 */
import type { Span, Ticks } from "../../../shared/runtime/time.ts";
import type { Organization } from "./entities.ts";
import type { Cell, DatedEvent, SimulatedEvent, TableSpec } from "./simulated-event.ts";
import type { AddedRow } from "./added-rows.ts";
import { createRandom, mixBits, type Random } from "./random.ts";
import { getEmptyValue, type Columns } from "./schema.ts";
import { minuteTicks, drawOffsets, countRowsBefore, type Timeline } from "./timeline.ts";

/** Parameters of a scan of one table. */
export interface Scan {
  readonly spec: TableSpec;
  readonly layout: Layout;
  readonly timeline: Timeline;
  readonly organization: Organization;
  readonly start: Ticks;
  readonly late: { readonly share: number; readonly delay: Ticks };
  /** Scenarios and added rows of the table in a span, by time. */
  readonly extraRows: (from: Ticks, to: Ticks) => readonly ExtraRow[];
}

/** A row from elsewhere: already made, or still a happening. */
export type ExtraRow = AddedRow | (DatedEvent & { readonly ingestedAt: Ticks });

/** Cells in the order of the table's columns. */
export interface Layout {
  readonly columns: Columns;
  readonly cells: readonly Cell[];
  readonly columnIndexes: ReadonlyMap<string, number>;
  /** The column with a row's own time; undefined for a table that is read whole. */
  readonly timeColumn: string | undefined;
}

const timeColumns = ["Timestamp", "TimeGenerated"];

export function createLayout(columns: Columns, cells: Readonly<Record<string, Cell>>): Layout {
  return {
    columns,
    cells: columns.map(({ name, type }) => cells[name] ?? createConstantCell(getEmptyValue(type))),
    columnIndexes: new Map(columns.map(({ name }, index) => [name, index])),
    timeColumn: timeColumns.find((time) => columns.some(({ name }) => name === time)),
  };
}

const createConstantCell =
  (value: unknown): Cell =>
  () =>
    value;

/** One row of the table from a happening. */
function eventToRow(
  { cells, columnIndexes }: Layout,
  event: SimulatedEvent,
  at: Ticks,
): readonly unknown[] {
  const row: unknown[] = [];
  for (const cell of cells) row.push(cell(event, at));
  if (event.set === undefined) return row;
  for (const [name, value] of Object.entries(event.set)) {
    const columnIndex = columnIndexes.get(name);
    if (columnIndex !== undefined) row[columnIndex] = value;
  }
  return row;
}

/** A generated happening, dated. `ingestedAt` is a pure function of the happening, too. */
interface GeneratedEvent extends DatedEvent {
  readonly ingestedAt: Ticks;
}

const ticksPerMinute = BigInt(minuteTicks);

/**
 * Rows in `[from, to)` that had arrived by `visibleAt`, by time; on equal times generated ones
 * first.
 */
export function* scanTable(
  scan: Scan,
  span: Span,
  visibleAt?: Ticks,
): Generator<readonly unknown[]> {
  const { from, to } = clipSpan(scan, span, visibleAt);
  const extraRows = scan.extraRows(from, to);
  let nextIndex = 0;
  const hasArrived = (ingestedAt: Ticks): boolean =>
    visibleAt === undefined || ingestedAt <= visibleAt;
  const toRow = (extraRow: ExtraRow): readonly unknown[] =>
    "row" in extraRow ? extraRow.row : eventToRow(scan.layout, extraRow.event, extraRow.at);
  for (const generatedEvent of generateEvents(scan, { from, to })) {
    for (
      let extraRow = extraRows[nextIndex];
      extraRow !== undefined && extraRow.at < generatedEvent.at;
      extraRow = extraRows[(nextIndex += 1)]
    )
      if (hasArrived(extraRow.ingestedAt)) yield toRow(extraRow);
    if (hasArrived(generatedEvent.ingestedAt))
      yield eventToRow(scan.layout, generatedEvent.event, generatedEvent.at);
  }
  for (const extraRow of extraRows.slice(nextIndex))
    if (hasArrived(extraRow.ingestedAt)) yield toRow(extraRow);
}

function clipSpan(scan: Scan, span: Span, visibleAt: Ticks | undefined): Span {
  // A table without a time is read whole; its rows lie at the beginning.
  if (scan.layout.timeColumn === undefined) return { from: scan.start, to: scan.start + 1n };
  const from = span.from < scan.start ? scan.start : span.from;
  const to = visibleAt !== undefined && visibleAt + 1n < span.to ? visibleAt + 1n : span.to;
  return { from, to };
}

/** Returns the table's generated rows of the span, by time. */
function* generateEvents(scan: Scan, { from, to }: Span): Generator<GeneratedEvent> {
  if (from >= to || scan.timeline.perHour === 0) return;
  const last = Number((to - 1n) / ticksPerMinute);
  for (let minute = Number(from / ticksPerMinute); minute <= last; minute += 1) {
    const first = countRowsBefore(scan.timeline, minute);
    const count = countRowsBefore(scan.timeline, minute + 1) - first;
    if (count > 0) yield* generateMinute(scan, { from, to }, minute, first, count);
  }
}

function* generateMinute(
  scan: Scan,
  { from, to }: Span,
  minute: number,
  first: number,
  count: number,
): Generator<GeneratedEvent> {
  const random = createRandom(mixBits(scan.timeline.seed, scan.timeline.table, minute));
  const offsets = drawOffsets(scan.timeline, minute, count, random);
  const start = BigInt(minute) * ticksPerMinute;
  for (let index = 0; index < count; index += 1) {
    const at = start + BigInt(offsets[index] ?? 0);
    if (at < from || at >= to) continue;
    random.seek(index * 2);
    const event = scan.spec.draw(random, scan.organization, first + index);
    if (scan.spec.follows?.when(event) === false) continue;
    yield { at, event, ingestedAt: at + drawDelay(scan, random) };
  }
}

/** Ingestion delay: two to eight seconds as in the service, or the delay of late rows. */
function drawDelay({ late }: Scan, random: Random): Ticks {
  const usualDelay = BigInt(20_000_000 + random.below(60_000_000));
  return late.share > 0 && random.chance(late.share) ? late.delay + usualDelay : usualDelay;
}
