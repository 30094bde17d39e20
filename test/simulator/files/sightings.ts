/** What the organisation saw of a file, counted from the same rows that hunting reads. */
import { hourMs, ticksFromMs, type Span, type Ticks } from "../../../shared/runtime/time.ts";
import type { World } from "../dataset/dataset.ts";

/** Devices that saw a file in a span, when, and under which names (most frequent first). */
export interface Sighting {
  readonly devices: number;
  readonly firstSeen: Ticks;
  readonly lastSeen: Ticks;
  readonly names: readonly string[];
}

export interface Sightings {
  /** @returns undefined when nobody saw it */
  readonly of: (sha1: string, span: Span, visibleAt: Ticks) => Sighting | undefined;
  /** Forgets what was counted: rows of the past have changed, and may arrive `delay` ticks after their time. */
  readonly forget: (delay?: Ticks) => void;
}

/** Tables whose `SHA1` is a file that was on the device. */
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

type Hour = ReadonlyMap<string, Tally>;

const hourTicks = ticksFromMs(hourMs);
/** Usual rows arrive within seconds. */
const usualDelay = ticksFromMs(60_000);

/**
 * Whole settled hours are counted once; what is younger, or cut by the span, is counted at each question.
 *
 * @param latest - how long after its time a row may still arrive, in ticks
 */
export function createSightings(world: World, latest: Ticks = 0n): Sightings {
  const hours = new Map<bigint, Hour>();
  let settled = latest + usualDelay;
  const tallied = (span: Span, visibleAt: Ticks): Hour => {
    const whole = span.from % hourTicks === 0n && span.to - span.from === hourTicks;
    if (!whole || span.to + settled > visibleAt) return tally(world, span, visibleAt);
    const known = hours.get(span.from) ?? tally(world, span, visibleAt);
    hours.set(span.from, known);
    return known;
  };
  return {
    of: (sha1, span, visibleAt) => {
      const parts = hoursOf(span).flatMap((hour) => tallied(hour, visibleAt).get(sha1) ?? []);
      return parts.length === 0 ? undefined : summed(parts);
    },
    forget: (delay = 0n) => {
      hours.clear();
      if (delay + usualDelay > settled) settled = delay + usualDelay;
    },
  };
}

/** The span cut at full hours. */
function hoursOf({ from, to }: Span): Span[] {
  const spans: Span[] = [];
  for (let at = from; at < to;) {
    const end = (at / hourTicks + 1n) * hourTicks;
    spans.push({ from: at, to: end < to ? end : to });
    at = end;
  }
  return spans;
}

function tally(world: World, span: Span, visibleAt: Ticks): Hour {
  const seen = new Map<string, Tally>();
  for (const table of sightingTables) {
    const columns = world.tables.get(table);
    if (!columns) continue;
    const place = (name: string): number => columns.findIndex((column) => column.name === name);
    const [at, hash, device, name] = [
      place("Timestamp"),
      place("SHA1"),
      place("DeviceId"),
      place("FileName"),
    ];
    for (const row of world.rows(table, span, visibleAt)) {
      const sha1 = row[hash] as string;
      if (sha1 !== "")
        note(seen, sha1, row[at] as Ticks, row[device] as string, row[name] as string);
    }
  }
  return seen;
}

function note(
  seen: Map<string, Tally>,
  sha1: string,
  at: Ticks,
  device: string,
  name: string,
): void {
  const tally: Tally = seen.get(sha1) ?? {
    devices: new Set(),
    first: at,
    last: at,
    names: new Map(),
  };
  tally.devices.add(device);
  if (at < tally.first) tally.first = at;
  if (at > tally.last) tally.last = at;
  if (name !== "") tally.names.set(name, (tally.names.get(name) ?? 0) + 1);
  seen.set(sha1, tally);
}

function summed(parts: readonly Tally[]): Sighting {
  const devices = new Set<string>();
  const names = new Map<string, number>();
  for (const part of parts) {
    for (const device of part.devices) devices.add(device);
    for (const [name, count] of part.names) names.set(name, (names.get(name) ?? 0) + count);
  }
  const first = parts.reduce(
    (least, { first }) => (first < least ? first : least),
    parts[0]?.first ?? 0n,
  );
  const last = parts.reduce((most, { last }) => (last > most ? last : most), 0n);
  const ordered = [...names]
    .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
    .map(([name]) => name);
  return { devices: devices.size, firstSeen: first, lastSeen: last, names: ordered };
}
