/** Instants and spans. */
import { createConstant, deriveScalar, type Scalar } from "../plan.ts";
import {
  requireArgument,
  mapAny,
  mapValues,
  type FunctionTable,
  type FunctionCompiler,
} from "./function-compiler.ts";
import { convertScalar } from "../coerce.ts";
import { toReal } from "../values.ts";
import { evaluateBin, evaluateBinAt, floorTo } from "./bin.ts";
import { convertToLocal, convertToUtc } from "../time-zones.ts";

const dayTicks = 864_000_000_000n;

const dateOf = (ticks: bigint): Date => new Date(Number(floorTo(ticks, 10_000n) / 10_000n));
const ticksOf = (ms: number): bigint => BigInt(ms) * 10_000n;

type PeriodStart = (ticks: bigint, offset: number) => bigint;

/** Sunday begins the week. */
const periodStarts: Readonly<Record<"day" | "week" | "month" | "year", PeriodStart>> = {
  day: (ticks, offset) => floorTo(ticks, dayTicks) + BigInt(offset) * dayTicks,
  week: (ticks, offset) =>
    floorTo(ticks, dayTicks) -
    BigInt(dateOf(ticks).getUTCDay()) * dayTicks +
    BigInt(offset * 7) * dayTicks,
  month: (ticks, offset) =>
    ticksOf(Date.UTC(dateOf(ticks).getUTCFullYear(), dateOf(ticks).getUTCMonth() + offset, 1)),
  year: (ticks, offset) => ticksOf(Date.UTC(dateOf(ticks).getUTCFullYear() + offset, 0, 1)),
};

const createStartOf = (unit: keyof typeof periodStarts): FunctionCompiler =>
  mapValues("datetime", ["datetime", "long"], (ticks: bigint, offset = 0n) =>
    periodStarts[unit](ticks, Number(offset)),
  );
const createEndOf = (unit: keyof typeof periodStarts): FunctionCompiler =>
  mapValues(
    "datetime",
    ["datetime", "long"],
    (ticks: bigint, offset = 0n) => periodStarts[unit](ticks, Number(offset) + 1) - 1n,
  );

const fixedUnits: Readonly<Record<string, bigint>> = {
  week: 7n * dayTicks,
  day: dayTicks,
  hour: 36_000_000_000n,
  minute: 600_000_000n,
  second: 10_000_000n,
  millisecond: 10_000n,
  microsecond: 10n,
};
/** Units below one tick. */
const nanosecondsPerTick = 100n;

/** Whole boundaries crossed from `other` to `one`. */
function computeDifference(unit: string, one: bigint, other: bigint): bigint | null {
  const name = unit.toLowerCase();
  const [first, second] = [dateOf(one), dateOf(other)];
  const months =
    (first.getUTCFullYear() - second.getUTCFullYear()) * 12 +
    first.getUTCMonth() -
    second.getUTCMonth();
  if (name === "year") return BigInt(first.getUTCFullYear() - second.getUTCFullYear());
  if (name === "nanosecond") return (one - other) * nanosecondsPerTick;
  if (name === "quarter")
    return BigInt(
      Math.floor(monthsSinceEpoch(first) / 3) - Math.floor(monthsSinceEpoch(second) / 3),
    );
  if (name === "month") return BigInt(months);
  if (name === "week")
    return (periodStarts.week(one, 0) - periodStarts.week(other, 0)) / (7n * dayTicks);
  const size = fixedUnits[name];
  return size === undefined ? null : floorTo(one, size) / size - floorTo(other, size) / size;
}

const monthsSinceEpoch = (date: Date): number => date.getUTCFullYear() * 12 + date.getUTCMonth();

function addToDatetime(unit: string, count: bigint, ticks: bigint): bigint | null {
  const name = unit.toLowerCase();
  const months = { year: 12, quarter: 3, month: 1 }[name];
  if (months !== undefined) {
    const date = dateOf(ticks);
    const targetMonth = date.getUTCMonth() + months * Number(count);
    const lastDay = new Date(Date.UTC(date.getUTCFullYear(), targetMonth + 1, 0)).getUTCDate();
    return (
      ticksOf(Date.UTC(date.getUTCFullYear(), targetMonth, Math.min(date.getUTCDate(), lastDay))) +
      (ticks - floorTo(ticks, dayTicks))
    );
  }
  const size = fixedUnits[name];
  return size === undefined ? null : ticks + size * count;
}

const padNumber = (value: number | bigint, width: number): string =>
  value.toString().padStart(width, "0");

/** `format_datetime`: the format's letters are Kusto's, `yyyy-MM-dd HH:mm:ss.fffffff`. */
function formatDatetime(ticks: bigint, format: string): string {
  const date = dateOf(ticks);
  const fraction = padNumber(ticks - floorTo(ticks, 10_000_000n), 7);
  const hour12 = date.getUTCHours() % 12 === 0 ? 12 : date.getUTCHours() % 12;
  const pieces: Readonly<Record<string, string>> = {
    yyyy: padNumber(date.getUTCFullYear(), 4),
    yy: padNumber(date.getUTCFullYear() % 100, 2),
    MM: padNumber(date.getUTCMonth() + 1, 2),
    M: String(date.getUTCMonth() + 1),
    dd: padNumber(date.getUTCDate(), 2),
    d: String(date.getUTCDate()),
    HH: padNumber(date.getUTCHours(), 2),
    H: String(date.getUTCHours()),
    hh: padNumber(hour12, 2),
    h: String(hour12),
    mm: padNumber(date.getUTCMinutes(), 2),
    m: String(date.getUTCMinutes()),
    ss: padNumber(date.getUTCSeconds(), 2),
    s: String(date.getUTCSeconds()),
    tt: date.getUTCHours() < 12 ? "AM" : "PM",
  };
  return format.replace(
    /yyyy|yy|MM?|dd?|HH?|hh?|mm?|ss?|tt|[fF]{1,7}/g,
    (piece) => pieces[piece] ?? formatFraction(fraction, piece),
  );
}

/** `f` keeps trailing zeros, `F` drops them. */
function formatFraction(fraction: string, piece: string): string {
  const digits = fraction.slice(0, piece.length);
  return piece.startsWith("F") ? digits.replace(/0+$/, "") : digits;
}

function formatSpan(ticks: bigint, format: string): string {
  const size = ticks < 0n ? -ticks : ticks;
  const parts: Readonly<Record<string, bigint>> = {
    d: size / dayTicks,
    H: (size / 36_000_000_000n) % 24n,
    h: (size / 36_000_000_000n) % 24n,
    m: (size / 600_000_000n) % 60n,
    s: (size / 10_000_000n) % 60n,
  };
  const fraction = padNumber(size % 10_000_000n, 7);
  return format.replace(/d+|H+|h+|m+|s+|[fF]{1,7}/g, (piece) => {
    const value = parts[piece[0] ?? ""];
    return value === undefined ? formatFraction(fraction, piece) : padNumber(value, piece.length);
  });
}

const monthOf = (ticks: bigint): number => dateOf(ticks).getUTCMonth() + 1;
const partReaders: Readonly<Record<string, (ticks: bigint) => number>> = {
  year: (ticks) => dateOf(ticks).getUTCFullYear(),
  quarter: (ticks) => Math.ceil(monthOf(ticks) / 3),
  month: monthOf,
  week_of_year: computeIsoWeek,
  day: (ticks) => dateOf(ticks).getUTCDate(),
  dayofyear: (ticks) => computeDayOfYear(ticks),
  hour: (ticks) => dateOf(ticks).getUTCHours(),
  minute: (ticks) => dateOf(ticks).getUTCMinutes(),
  second: (ticks) => dateOf(ticks).getUTCSeconds(),
  millisecond: (ticks) => dateOf(ticks).getUTCMilliseconds(),
  microsecond: (ticks) => Number((ticks - floorTo(ticks, 10_000_000n)) / 10n),
  nanosecond: (ticks) => Number((ticks - floorTo(ticks, 10_000_000n)) * nanosecondsPerTick),
};

const computeDayOfYear = (ticks: bigint): number =>
  Number((floorTo(ticks, dayTicks) - periodStarts.year(ticks, 0)) / dayTicks) + 1;

/** ISO 8601: the week of the year's first Thursday is week 1. */
function computeIsoWeek(ticks: bigint): number {
  const weekday = (dateOf(ticks).getUTCDay() + 6) % 7;
  const thursday = floorTo(ticks, dayTicks) + BigInt(3 - weekday) * dayTicks;
  return Math.floor((computeDayOfYear(thursday) - 1) / 7) + 1;
}

const createIntPart = (compute: (ticks: bigint) => number): FunctionCompiler =>
  mapValues("int", ["datetime"], compute);
const readPart = (unit: string, ticks: bigint): bigint | null => {
  const compute = partReaders[unit.toLowerCase()];
  return compute === undefined ? null : BigInt(compute(ticks));
};

const evaluateNow = (
  scope: { readonly context: { readonly now: bigint } },
  offset?: Scalar,
): Scalar => {
  const { now } = scope.context;
  return offset === undefined
    ? createConstant("datetime", now)
    : deriveScalar("datetime", [offset], (row) => now + (offset.run(row) as bigint));
};

const secondTicks = 10_000_000;

/** A function of reals with an exact result. */
const mapParts = (
  type: "datetime" | "timespan",
  compute: (parts: readonly number[]) => bigint | null,
): FunctionCompiler => mapValues(type, ["real"], (...parts: number[]) => compute(parts));

/** Year, month, day and optional hour, minute, second; null if a part is out of range. */
function makeDatetime(parts: readonly number[]): bigint | null {
  const [year, month, day, hour, minute] = [0, 1, 1, 0, 0].map((otherwise, index) =>
    Math.trunc(parts[index] ?? otherwise),
  ) as [number, number, number, number, number];
  const second = parts[5] ?? 0;
  const ms = Date.UTC(year, month - 1, day, hour, minute);
  const date = new Date(ms);
  const isExact =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
  const isInRange = date.getUTCMinutes() === minute && second >= 0 && second < 60;
  if (year < 1 || !isExact || !isInRange) return null;
  return ticksOf(ms) + BigInt(Math.round(second * secondTicks));
}

/** `(days,) hours, minutes (, seconds)`. */
function makeTimespan(parts: readonly number[]): bigint {
  const [days = 0, hours = 0, minutes = 0, seconds = 0] =
    parts.length === 4 ? parts : parts.length === 3 ? [0, ...parts] : [0, ...parts, 0];
  const whole = (Math.trunc(days) * 24 + Math.trunc(hours)) * 60 + Math.trunc(minutes);
  return BigInt(whole) * 600_000_000n + BigInt(Math.round(seconds * secondTicks));
}

export const timeFunctions: FunctionTable = {
  now: (args, { scope }) => evaluateNow(scope, args[0]),
  ago: (args, { scope }) => {
    const span = convertScalar(requireArgument(args, 0), "timespan");
    return deriveScalar("datetime", [span], (row) => {
      const ticks = span.run(row);
      return typeof ticks === "bigint" ? scope.context.now - ticks : null;
    });
  },
  bin: evaluateBin,
  floor: (args, call) =>
    args.length === 2
      ? evaluateBin(args, call)
      : mapValues("real", ["real"], (value: number) => Math.floor(value))(args, call),
  bin_at: evaluateBinAt,
  around: mapAny("bool", ([value, center, delta]) => {
    if (typeof value !== typeof center || value === null || delta === null) return null;
    if (typeof value === "bigint" && typeof center === "bigint" && typeof delta === "bigint")
      return value >= center - delta && value <= center + delta;
    const [one, middle, distance] = [toReal(value), toReal(center), toReal(delta)];
    return one === null || middle === null || distance === null
      ? null
      : Math.abs(one - middle) <= distance;
  }),
  startofday: createStartOf("day"),
  startofweek: createStartOf("week"),
  startofmonth: createStartOf("month"),
  startofyear: createStartOf("year"),
  endofday: createEndOf("day"),
  endofweek: createEndOf("week"),
  endofmonth: createEndOf("month"),
  endofyear: createEndOf("year"),
  datetime_diff: mapValues("long", ["string", "datetime"], computeDifference),
  datetime_add: mapValues("datetime", ["string", "long", "datetime"], addToDatetime),
  datetime_part: mapValues("long", ["string", "datetime"], readPart),
  datepart: mapValues("long", ["string", "datetime"], readPart),
  dayofweek: mapValues(
    "timespan",
    ["datetime"],
    (ticks: bigint) => BigInt(dateOf(ticks).getUTCDay()) * dayTicks,
  ),
  dayofmonth: createIntPart((ticks) => dateOf(ticks).getUTCDate()),
  dayofyear: createIntPart(computeDayOfYear),
  hourofday: createIntPart((ticks) => dateOf(ticks).getUTCHours()),
  monthofyear: createIntPart(monthOf),
  getmonth: createIntPart(monthOf),
  getyear: createIntPart((ticks) => dateOf(ticks).getUTCFullYear()),
  week_of_year: mapValues("long", ["datetime"], (ticks: bigint) => BigInt(computeIsoWeek(ticks))),
  weekofyear: mapValues("long", ["datetime"], (ticks: bigint) => BigInt(computeIsoWeek(ticks))),
  datetime_utc_to_local: mapValues("datetime", ["datetime", "string"], convertToLocal),
  datetime_local_to_utc: mapValues("datetime", ["datetime", "string"], convertToUtc),
  format_datetime: mapValues("string", ["datetime", "string"], formatDatetime),
  format_timespan: mapValues("string", ["timespan", "string"], formatSpan),
  make_datetime: mapParts("datetime", makeDatetime),
  make_timespan: mapParts("timespan", makeTimespan),
  unixtime_seconds_todatetime: mapValues(
    "datetime",
    ["long"],
    (value: bigint) => value * 10_000_000n,
  ),
  unixtime_milliseconds_todatetime: mapValues(
    "datetime",
    ["long"],
    (value: bigint) => value * 10_000n,
  ),
  unixtime_microseconds_todatetime: mapValues("datetime", ["long"], (value: bigint) => value * 10n),
  unixtime_nanoseconds_todatetime: mapValues("datetime", ["long"], (value: bigint) => value / 100n),
};
