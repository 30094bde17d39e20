/**
 * Reads the exact values of KQL literals. Microsoft's JavaScript parser reads
 * `timespan(1.02:03:04)` and `0x1F` as zero and keeps times to the millisecond, so this module
 * reads the text itself.
 */
import { parseInstant, type Ticks } from "../../runtime/time.ts";

const tickUnits: Readonly<Record<string, number>> = {
  d: 864_000_000_000,
  day: 864_000_000_000,
  days: 864_000_000_000,
  h: 36_000_000_000,
  hr: 36_000_000_000,
  hrs: 36_000_000_000,
  hour: 36_000_000_000,
  hours: 36_000_000_000,
  m: 600_000_000,
  min: 600_000_000,
  minute: 600_000_000,
  minutes: 600_000_000,
  s: 10_000_000,
  sec: 10_000_000,
  second: 10_000_000,
  seconds: 10_000_000,
  ms: 10_000,
  milli: 10_000,
  millis: 10_000,
  millisecond: 10_000,
  milliseconds: 10_000,
  micro: 10,
  micros: 10,
  microsecond: 10,
  microseconds: 10,
  nano: 0.01,
  nanos: 0.01,
  nanosecond: 0.01,
  nanoseconds: 0.01,
  tick: 1,
  ticks: 1,
};

const parenthesizedPattern = /^[a-z_0-9]+\s*\(\s*([\s\S]*?)\s*\)$/i;
const unitPattern = /^(-?\d+(?:\.\d+)?)\s*([a-z]+)$/i;
const clockPattern = /^(-?)(?:(\d+)\.)?(\d+):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$/;

/** Returns the text inside `datetime(…)`, `timespan(…)`, `int(…)`; other text unchanged. */
export const unwrapLiteral = (text: string): string =>
  (parenthesizedPattern.exec(text)?.[1] ?? text).replace(/^["'](.*)["']$/, "$1");

/**
 * Returns the ticks of `1d`, `2.5h`, `time(3d)`, `timespan(1.02:03:04.5)`; a bare number in
 * parentheses counts days. Undefined for null and for text that is not a timespan.
 */
export function parseTimespanTicks(text: string): Ticks | undefined {
  const literal = unwrapLiteral(text);
  const unit = unitPattern.exec(literal);
  if (unit) {
    const [, count = "", name = ""] = unit;
    const factor = tickUnits[name.toLowerCase()];
    return factor === undefined ? undefined : BigInt(Math.round(Number(count) * factor));
  }
  const clock = clockPattern.exec(literal);
  if (clock) return toClockTicks(clock);
  return /^-?\d+(\.\d+)?$/.test(literal)
    ? BigInt(Math.round(Number(literal) * 864_000_000_000))
    : undefined;
}

/** Computes the ticks of `d.hh:mm:ss.fffffff`. */
function toClockTicks(clock: RegExpExecArray): Ticks {
  const [, sign = "", days = "0", hours = "0", minutes = "0", seconds = "0", fraction = ""] = clock;
  const whole =
    ((BigInt(days) * 24n + BigInt(hours)) * 60n + BigInt(minutes)) * 60n + BigInt(seconds);
  const ticks = whole * 10_000_000n + BigInt(fraction.padEnd(7, "0"));
  return sign === "-" ? -ticks : ticks;
}

/**
 * Returns the ticks since 1970 of `datetime(2026-01-05T06:38:35.7664356Z)` and the other spellings
 * of a date. Undefined for null and for text that is not a date.
 */
export function parseDatetimeTicks(text: string): Ticks | undefined {
  const literal = unwrapLiteral(text);
  const exact = parseInstant(literal);
  if (exact !== undefined) return exact;
  if (!/\d/.test(literal)) return undefined;
  const withZone = /[zZ]|[+-]\d{2}:\d{2}$/.test(literal) ? literal : `${literal} UTC`;
  const ms = Date.parse(withZone);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 10_000n;
}

/**
 * Returns the whole number in `5`, `0x1F`, `long(5)`, `int(-5)`; undefined for null and other text.
 */
export function parseInteger(text: string): bigint | undefined {
  const literal = unwrapLiteral(text);
  const match = /^(-?)(\d+|0x[0-9a-f]+)$/i.exec(literal);
  if (!match) return undefined;
  const [, sign = "", digits = "0"] = match;
  return sign === "-" ? -BigInt(digits) : BigInt(digits);
}
