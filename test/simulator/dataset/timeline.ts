/**
 * When events happen: the number of rows in each minute and their ticks. Pure functions of table,
 * minute and seed.
 */
import { mixBits, type Random } from "./random.ts";

/** How a table's rows are distributed in time. `one-tick`: all rows of an hour at one instant. */
export type Distribution = "uniform" | "bursty" | "one-tick";

export interface Timeline {
  readonly table: string;
  readonly seed: number;
  readonly perHour: number;
  readonly distribution: Distribution;
}

/** Ticks in a minute, the bucket in which rows are drawn. */
export const minuteTicks = 600_000_000;

/**
 * Index of the minute's first row since the epoch; the minute's rows end at the next minute's
 * index.
 */
export function countRowsBefore(timeline: Timeline, minute: number): number {
  const { perHour, distribution } = timeline;
  if (distribution === "uniform") return Math.floor((perHour / 60) * minute);
  const hour = Math.floor(minute / 60);
  const inHour = minute - hour * 60;
  const start = Math.floor(perHour * hour);
  const rows = Math.floor(perHour * (hour + 1)) - start;
  return start + Math.floor(rows * computeShareBefore(timeline, hour, inHour));
}

/** Share of the hour's rows before its `inHour`-th minute, 0 to 1. */
function computeShareBefore(timeline: Timeline, hour: number, inHour: number): number {
  const peak = mixBits(timeline.seed, timeline.table, "peak", hour) % 60;
  if (timeline.distribution === "one-tick") return inHour > peak ? 1 : 0;
  // Four fifths of the hour's rows are in its three busiest minutes; the rest is spread evenly.
  const busy = Math.min(3, Math.max(0, inHour - Math.min(peak, 57)));
  return (0.2 * inHour) / 60 + (0.8 * busy) / 3;
}

/** Ticks of the minute's rows after its start, in order. */
export function drawOffsets(
  timeline: Timeline,
  minute: number,
  count: number,
  random: Random,
): Float64Array {
  const offsets = new Float64Array(count);
  if (timeline.distribution === "one-tick") {
    // An instant with seven digits, which milliseconds cannot represent.
    return offsets.fill(357_664_356);
  }
  random.seek(minute * 2 + 1);
  for (let index = 0; index < count; index += 1) offsets[index] = random.below(minuteTicks);
  return offsets.sort();
}
