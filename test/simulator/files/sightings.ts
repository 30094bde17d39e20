/** Sightings of a file in the organization, counted from the same rows that hunting reads. */
import { hourMs, ticksFromMs, type Span, type Ticks } from "../../../shared/runtime/time.ts";
import type { Dataset } from "../dataset/dataset.ts";

/** Devices with a file in a span, first and last time, and file names (most frequent first). */
export interface Sighting {
  readonly devices: number;
  readonly firstSeen: Ticks;
  readonly lastSeen: Ticks;
  readonly names: readonly string[];
}

export interface Sightings {
  /** @returns undefined if no device had it */
  readonly findSighting: (sha1: string, span: Span, visibleAt: Ticks) => Sighting | undefined;
  /**
   * Discards all counts after past rows changed; rows may arrive `delay` ticks after their time.
   */
  readonly invalidate: (delay?: Ticks) => void;
}

/** Tables whose `SHA1` is a file on the device. */
const sightingTables = [
  "DeviceFileEvents",
  "DeviceProcessEvents",
  "DeviceImageLoadEvents",
  "DeviceEvents",
] as const;

interface Tally {
  readonly devices: Set<string>;
  first: Ticks;
  last: Ticks;
  readonly names: Map<string, number>;
}

type HourTally = ReadonlyMap<string, Tally>;

const hourTicks = ticksFromMs(hourMs);
/** Rows usually arrive within seconds. */
const usualDelay = ticksFromMs(60_000);

/**
 * Counts whole settled hours once; counts newer rows and partial hours at each call.
 *
 * @param maxDelay - how long after its time a row may still arrive, in ticks
 */
export function createSightings(dataset: Dataset, maxDelay: Ticks = 0n): Sightings {
  const hours = new Map<bigint, HourTally>();
  let settleDelay = maxDelay + usualDelay;
  const tallyHour = (span: Span, visibleAt: Ticks): HourTally => {
    const isWholeHour = span.from % hourTicks === 0n && span.to - span.from === hourTicks;
    if (!isWholeHour || span.to + settleDelay > visibleAt)
      return tallySightings(dataset, span, visibleAt);
    const cached = hours.get(span.from) ?? tallySightings(dataset, span, visibleAt);
    hours.set(span.from, cached);
    return cached;
  };
  return {
    findSighting: (sha1, span, visibleAt) => {
      const tallies = splitByHour(span).flatMap(
        (hour) => tallyHour(hour, visibleAt).get(sha1) ?? [],
      );
      return tallies.length === 0 ? undefined : sumTallies(tallies);
    },
    invalidate: (delay = 0n) => {
      hours.clear();
      if (delay + usualDelay > settleDelay) settleDelay = delay + usualDelay;
    },
  };
}

/** Splits the span at full hours. */
function splitByHour({ from, to }: Span): Span[] {
  const spans: Span[] = [];
  for (let at = from; at < to;) {
    const end = (at / hourTicks + 1n) * hourTicks;
    spans.push({ from: at, to: end < to ? end : to });
    at = end;
  }
  return spans;
}

function tallySightings(dataset: Dataset, span: Span, visibleAt: Ticks): HourTally {
  const tallies = new Map<string, Tally>();
  for (const table of sightingTables) {
    const columns = dataset.tables.get(table);
    if (!columns) continue;
    const findColumn = (name: string): number =>
      columns.findIndex((column) => column.name === name);
    const [at, hash, device, name] = [
      findColumn("Timestamp"),
      findColumn("SHA1"),
      findColumn("DeviceId"),
      findColumn("FileName"),
    ];
    for (const row of dataset.readRows(table, span, visibleAt)) {
      const sha1 = row[hash] as string;
      if (sha1 !== "")
        recordSighting(tallies, sha1, row[at] as Ticks, row[device] as string, row[name] as string);
    }
  }
  return tallies;
}

function recordSighting(
  tallies: Map<string, Tally>,
  sha1: string,
  at: Ticks,
  device: string,
  name: string,
): void {
  const tally: Tally = tallies.get(sha1) ?? {
    devices: new Set(),
    first: at,
    last: at,
    names: new Map(),
  };
  tally.devices.add(device);
  if (at < tally.first) tally.first = at;
  if (at > tally.last) tally.last = at;
  if (name !== "") tally.names.set(name, (tally.names.get(name) ?? 0) + 1);
  tallies.set(sha1, tally);
}

function sumTallies(tallies: readonly Tally[]): Sighting {
  const devices = new Set<string>();
  const names = new Map<string, number>();
  for (const part of tallies) {
    for (const device of part.devices) devices.add(device);
    for (const [name, count] of part.names) names.set(name, (names.get(name) ?? 0) + count);
  }
  const first = tallies.reduce(
    (min, { first }) => (first < min ? first : min),
    tallies[0]?.first ?? 0n,
  );
  const last = tallies.reduce((max, { last }) => (last > max ? last : max), 0n);
  const ordered = [...names]
    .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
    .map(([name]) => name);
  return { devices: devices.size, firstSeen: first, lastSeen: last, names: ordered };
}
