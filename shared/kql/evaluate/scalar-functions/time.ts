/** Instants and spans. */
import { constant, over, type Scalar } from "../plan.ts";
import { argument, ofAny, ofValues, type Family, type Maker } from "./maker.ts";
import { convert } from "../coerce.ts";

const day = 864_000_000_000n;

/** Rounds down to a multiple, for negative values too. */
export function floorTo(value: bigint, step: bigint): bigint {
  const rest = value % step;
  return rest < 0n ? value - rest - step : value - rest;
}

/** `bin(value, size)` of the value's own type. */
export const bin: Maker = (args) => {
  const [value, size] = [argument(args, 0), argument(args, 1)];
  if (value.type === "real" || size.type === "real") {
    const [one, step] = [convert(value, "real"), convert(size, "real")];
    return over("real", [one, step], (row) => binReal(one.run(row), step.run(row)));
  }
  const step = size.type === "timespan" ? size : convert(size, "long");
  const whole =
    value.type === "datetime" || value.type === "timespan" ? value : convert(value, "long");
  const type = value.type === "dynamic" ? "long" : value.type;
  return over(type, [whole, step], (row) => {
    const result = binWhole(whole.run(row), step.run(row));
    return type === "int" && result !== null ? Number(result) : result;
  });
};

function binReal(value: unknown, step: unknown): number | null {
  return typeof value === "number" && typeof step === "number" && step !== 0
    ? Math.floor(value / step) * step
    : null;
}

function binWhole(value: unknown, step: unknown): bigint | null {
  return typeof value === "bigint" && typeof step === "bigint" && step !== 0n
    ? floorTo(value, step)
    : null;
}

const dateOf = (ticks: bigint): Date => new Date(Number(floorTo(ticks, 10_000n) / 10_000n));
const ticksOf = (ms: number): bigint => BigInt(ms) * 10_000n;

type Starts = (ticks: bigint, offset: number) => bigint;

/** Sunday begins the week. */
const starts: Readonly<Record<"day" | "week" | "month" | "year", Starts>> = {
  day: (ticks, offset) => floorTo(ticks, day) + BigInt(offset) * day,
  week: (ticks, offset) =>
    floorTo(ticks, day) - BigInt(dateOf(ticks).getUTCDay()) * day + BigInt(offset * 7) * day,
  month: (ticks, offset) =>
    ticksOf(Date.UTC(dateOf(ticks).getUTCFullYear(), dateOf(ticks).getUTCMonth() + offset, 1)),
  year: (ticks, offset) => ticksOf(Date.UTC(dateOf(ticks).getUTCFullYear() + offset, 0, 1)),
};

const startOf = (unit: keyof typeof starts): Maker =>
  ofValues("datetime", ["datetime", "long"], (ticks: bigint, offset = 0n) =>
    starts[unit](ticks, Number(offset)),
  );
const endOf = (unit: keyof typeof starts): Maker =>
  ofValues(
    "datetime",
    ["datetime", "long"],
    (ticks: bigint, offset = 0n) => starts[unit](ticks, Number(offset) + 1) - 1n,
  );

const fixedUnits: Readonly<Record<string, bigint>> = {
  week: 7n * day,
  day,
  hour: 36_000_000_000n,
  minute: 600_000_000n,
  second: 10_000_000n,
  millisecond: 10_000n,
  microsecond: 10n,
};

/** Whole boundaries crossed from `other` to `one`. */
function difference(unit: string, one: bigint, other: bigint): bigint | null {
  const name = unit.toLowerCase();
  const [first, second] = [dateOf(one), dateOf(other)];
  const months =
    (first.getUTCFullYear() - second.getUTCFullYear()) * 12 +
    first.getUTCMonth() -
    second.getUTCMonth();
  if (name === "year") return BigInt(first.getUTCFullYear() - second.getUTCFullYear());
  if (name === "quarter")
    return BigInt(
      Math.floor(monthsSinceEpoch(first) / 3) - Math.floor(monthsSinceEpoch(second) / 3),
    );
  if (name === "month") return BigInt(months);
  if (name === "week") return (starts.week(one, 0) - starts.week(other, 0)) / (7n * day);
  const size = fixedUnits[name];
  return size === undefined ? null : floorTo(one, size) / size - floorTo(other, size) / size;
}

const monthsSinceEpoch = (date: Date): number => date.getUTCFullYear() * 12 + date.getUTCMonth();

function added(unit: string, count: bigint, ticks: bigint): bigint | null {
  const name = unit.toLowerCase();
  const months = { year: 12, quarter: 3, month: 1 }[name];
  if (months !== undefined) {
    const date = dateOf(ticks);
    const wanted = date.getUTCMonth() + months * Number(count);
    const last = new Date(Date.UTC(date.getUTCFullYear(), wanted + 1, 0)).getUTCDate();
    return (
      ticksOf(Date.UTC(date.getUTCFullYear(), wanted, Math.min(date.getUTCDate(), last))) +
      (ticks - floorTo(ticks, day))
    );
  }
  const size = fixedUnits[name];
  return size === undefined ? null : ticks + size * count;
}

const pad = (value: number | bigint, width: number): string =>
  value.toString().padStart(width, "0");

/** `format_datetime`: the format's letters are Kusto's, `yyyy-MM-dd HH:mm:ss.fffffff`. */
function formatted(ticks: bigint, format: string): string {
  const date = dateOf(ticks);
  const fraction = pad(ticks - floorTo(ticks, 10_000_000n), 7);
  const half = date.getUTCHours() % 12 === 0 ? 12 : date.getUTCHours() % 12;
  const pieces: Readonly<Record<string, string>> = {
    yyyy: pad(date.getUTCFullYear(), 4),
    yy: pad(date.getUTCFullYear() % 100, 2),
    MM: pad(date.getUTCMonth() + 1, 2),
    M: String(date.getUTCMonth() + 1),
    dd: pad(date.getUTCDate(), 2),
    d: String(date.getUTCDate()),
    HH: pad(date.getUTCHours(), 2),
    H: String(date.getUTCHours()),
    hh: pad(half, 2),
    h: String(half),
    mm: pad(date.getUTCMinutes(), 2),
    m: String(date.getUTCMinutes()),
    ss: pad(date.getUTCSeconds(), 2),
    s: String(date.getUTCSeconds()),
    tt: date.getUTCHours() < 12 ? "AM" : "PM",
  };
  return format.replace(
    /yyyy|yy|MM?|dd?|HH?|hh?|mm?|ss?|tt|[fF]{1,7}/g,
    (piece) => pieces[piece] ?? fraction.slice(0, piece.length),
  );
}

function formattedSpan(ticks: bigint, format: string): string {
  const size = ticks < 0n ? -ticks : ticks;
  const parts: Readonly<Record<string, bigint>> = {
    d: size / day,
    H: (size / 36_000_000_000n) % 24n,
    h: (size / 36_000_000_000n) % 24n,
    m: (size / 600_000_000n) % 60n,
    s: (size / 10_000_000n) % 60n,
  };
  const fraction = pad(size % 10_000_000n, 7);
  return format.replace(/d+|H+|h+|m+|s+|[fF]{1,7}/g, (piece) => {
    const value = parts[piece[0] ?? ""];
    return value === undefined ? fraction.slice(0, piece.length) : pad(value, piece.length);
  });
}

const monthOf = (ticks: bigint): number => dateOf(ticks).getUTCMonth() + 1;
const partOf: Readonly<Record<string, (ticks: bigint) => number>> = {
  year: (ticks) => dateOf(ticks).getUTCFullYear(),
  quarter: (ticks) => Math.ceil(monthOf(ticks) / 3),
  month: monthOf,
  week_of_year: isoWeek,
  day: (ticks) => dateOf(ticks).getUTCDate(),
  dayofyear: (ticks) => dayOfYear(ticks),
  hour: (ticks) => dateOf(ticks).getUTCHours(),
  minute: (ticks) => dateOf(ticks).getUTCMinutes(),
  second: (ticks) => dateOf(ticks).getUTCSeconds(),
  millisecond: (ticks) => dateOf(ticks).getUTCMilliseconds(),
};

const dayOfYear = (ticks: bigint): number =>
  Number((floorTo(ticks, day) - starts.year(ticks, 0)) / day) + 1;

/** ISO 8601: the week of the year's first Thursday is week 1. */
function isoWeek(ticks: bigint): number {
  const weekday = (dateOf(ticks).getUTCDay() + 6) % 7;
  const thursday = floorTo(ticks, day) + BigInt(3 - weekday) * day;
  return Math.floor((dayOfYear(thursday) - 1) / 7) + 1;
}

const whole = (compute: (ticks: bigint) => number): Maker => ofValues("int", ["datetime"], compute);
const part = (unit: string, ticks: bigint): bigint | null => {
  const compute = partOf[unit.toLowerCase()];
  return compute === undefined ? null : BigInt(compute(ticks));
};

const now = (scope: { readonly context: { readonly now: bigint } }, offset?: Scalar): Scalar => {
  const { now } = scope.context;
  return offset === undefined
    ? constant("datetime", now)
    : over("datetime", [offset], (row) => now + (offset.run(row) as bigint));
};

export const timeFunctions: Family = {
  now: (args, { scope }) => now(scope, args[0]),
  ago: (args, { scope }) => {
    const span = convert(argument(args, 0), "timespan");
    return over("datetime", [span], (row) => {
      const ticks = span.run(row);
      return typeof ticks === "bigint" ? scope.context.now - ticks : null;
    });
  },
  bin,
  floor: (args, call) =>
    args.length === 2
      ? bin(args, call)
      : ofValues("real", ["real"], (value: number) => Math.floor(value))(args, call),
  bin_at: ofAny(
    (args) => argument(args, 0).type,
    ([value, step, origin]) =>
      typeof value === "bigint" && typeof step === "bigint" && typeof origin === "bigint"
        ? origin + floorTo(value - origin, step)
        : null,
  ),
  startofday: startOf("day"),
  startofweek: startOf("week"),
  startofmonth: startOf("month"),
  startofyear: startOf("year"),
  endofday: endOf("day"),
  endofweek: endOf("week"),
  endofmonth: endOf("month"),
  endofyear: endOf("year"),
  datetime_diff: ofValues("long", ["string", "datetime"], difference),
  datetime_add: ofValues("datetime", ["string", "long", "datetime"], added),
  datetime_part: ofValues("long", ["string", "datetime"], part),
  datepart: ofValues("long", ["string", "datetime"], part),
  dayofweek: ofValues(
    "timespan",
    ["datetime"],
    (ticks: bigint) => BigInt(dateOf(ticks).getUTCDay()) * day,
  ),
  dayofmonth: whole((ticks) => dateOf(ticks).getUTCDate()),
  dayofyear: whole(dayOfYear),
  hourofday: whole((ticks) => dateOf(ticks).getUTCHours()),
  monthofyear: whole(monthOf),
  getmonth: whole(monthOf),
  getyear: whole((ticks) => dateOf(ticks).getUTCFullYear()),
  week_of_year: ofValues("long", ["datetime"], (ticks: bigint) => BigInt(isoWeek(ticks))),
  weekofyear: ofValues("long", ["datetime"], (ticks: bigint) => BigInt(isoWeek(ticks))),
  format_datetime: ofValues("string", ["datetime", "string"], formatted),
  format_timespan: ofValues("string", ["timespan", "string"], formattedSpan),
  make_datetime: ofValues(
    "datetime",
    ["long"],
    (year: bigint, month: bigint, date = 1n, hour = 0n, minute = 0n, second = 0n) =>
      ticksOf(
        Date.UTC(
          Number(year),
          Number(month) - 1,
          Number(date),
          Number(hour),
          Number(minute),
          Number(second),
        ),
      ),
  ),
  make_timespan: ofValues("timespan", ["long"], (...parts: bigint[]) => {
    const [seconds = 0n, minutes = 0n, hours = 0n, days = 0n] =
      parts.length === 2 ? [0n, ...parts.toReversed()] : parts.toReversed();
    return days * day + hours * 36_000_000_000n + minutes * 600_000_000n + seconds * 10_000_000n;
  }),
  unixtime_seconds_todatetime: ofValues(
    "datetime",
    ["long"],
    (value: bigint) => value * 10_000_000n,
  ),
  unixtime_milliseconds_todatetime: ofValues(
    "datetime",
    ["long"],
    (value: bigint) => value * 10_000n,
  ),
  unixtime_microseconds_todatetime: ofValues("datetime", ["long"], (value: bigint) => value * 10n),
  unixtime_nanoseconds_todatetime: ofValues("datetime", ["long"], (value: bigint) => value / 100n),
};
