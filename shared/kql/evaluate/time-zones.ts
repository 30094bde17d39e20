/** Offsets of time zones by their IANA names. */
import type { Ticks } from "../../runtime/time.ts";

const msTicks = 10_000n;
const dayTicks = 864_000_000_000n;

const formats = new Map<string, Intl.DateTimeFormat | undefined>();

/** Returns the format of a zone; undefined for an unknown one. */
function getFormat(zone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(zone)) formats.set(zone, createFormat(zone));
  return formats.get(zone);
}

function createFormat(zone: string): Intl.DateTimeFormat | undefined {
  const fields = { year: "numeric", month: "numeric", day: "numeric", hour: "numeric" } as const;
  try {
    return new Intl.DateTimeFormat("en-US", {
      ...fields,
      minute: "numeric",
      second: "numeric",
      hourCycle: "h23",
      era: "short",
      timeZone: zone,
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Returns how far a zone's clocks are ahead of UTC at an instant. */
function findOffset(format: Intl.DateTimeFormat, at: Ticks): Ticks {
  const ms = Number(at / msTicks);
  const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
  const read = (part: Intl.DateTimeFormatPartTypes): number => parts.get(part) ?? 0;
  const local = Date.UTC(
    read("year"),
    read("month") - 1,
    read("day"),
    read("hour"),
    read("minute"),
    read("second"),
  );
  return BigInt(local - Math.floor(ms / 1_000) * 1_000) * msTicks;
}

/** Converts an instant to the time that the zone's clocks show; null for an unknown zone. */
export function convertToLocal(at: Ticks, zone: string): Ticks | null {
  const format = getFormat(zone);
  return format === undefined ? null : at + findOffset(format, at);
}

/**
 * Converts the time of a zone's clocks to an instant. A time that clocks show twice is the later
 * instant; a time that they skip is read with the offset after the change.
 */
export function convertToUtc(local: Ticks, zone: string): Ticks | null {
  const format = getFormat(zone);
  if (format === undefined) return null;
  const before = findOffset(format, local - dayTicks);
  const after = findOffset(format, local + dayTicks);
  const isShown = (offset: Ticks): boolean => findOffset(format, local - offset) === offset;
  if (isShown(after)) return local - after;
  return isShown(before) ? local - before : local - after;
}
