/**
 * Timer schedules as the platform's NCrontab reads them, always in UTC. Written by hand because no library agrees
 * with what was measured: day of month AND weekday, reversed ranges swapped, names, five or six fields.
 */
import { dayMs, hourMs, minuteMs, secondMs } from "../../shared/runtime/time.ts";

export interface Schedule {
  /** The first instant strictly after `afterMs` (epoch milliseconds), or undefined when there is none. */
  readonly next: (afterMs: number) => number | undefined;
  /** True for `X * * * * *` with more than one hit a minute: the platform keeps no status for such a timer. */
  readonly isSubMinute: boolean;
}

interface Field {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly names?: readonly string[];
}

const months =
  "January,February,March,April,May,June,July,August,September,October,November,December".split(
    ",",
  );
const weekdays = "Sunday,Monday,Tuesday,Wednesday,Thursday,Friday,Saturday".split(",");

const fields: readonly Field[] = [
  { name: "second", low: 0, high: 59 },
  { name: "minute", low: 0, high: 59 },
  { name: "hour", low: 0, high: 23 },
  { name: "day", low: 1, high: 31 },
  { name: "month", low: 1, high: 12, names: months },
  { name: "day of week", low: 0, high: 6, names: weekdays },
];

/**
 * @param text - `{second} {minute} {hour} {day} {month} {day of week}`, or without the first
 * @throws Error naming the field that is wrong
 */
export function parseSchedule(text: string): Schedule {
  const input = text.trim().split(/\s+/);
  const parts = input.length === 5 ? ["0", ...input] : input;
  if (parts.length !== 6)
    throw new Error(`schedule "${text}": want 5 or 6 fields, got ${text.trim() && input.length}`);
  const sets = fields.map((field, index) => parseField(parts[index] ?? "", field, text));
  const [seconds, minutes, hours, days, monthSet, weekdaySet] = sets as [
    Hits,
    Hits,
    Hits,
    Hits,
    Hits,
    Hits,
  ];
  const isSubMinute = seconds.length > 1 && parts.slice(1).every((part) => part === "*");
  return {
    isSubMinute,
    next: (afterMs) =>
      findNextRun(afterMs, { seconds, minutes, hours, days, monthSet, weekdaySet }),
  };
}

/** The values of a field that fire, ascending. */
type Hits = readonly number[];

function parseField(text: string, field: Field, schedule: string): Hits {
  const hits = new Set(text.split(",").flatMap((item) => parseItem(item, field, schedule)));
  return [...hits].sort((a, b) => a - b);
}

function parseItem(item: string, field: Field, schedule: string): number[] {
  const match = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(item);
  const [, first = "", last, step] = match ?? [];
  if (!match || (first === "*" && last !== undefined)) throw createItemError(item, field, schedule);
  const every = Math.max(1, Number(step ?? 1));
  const parseBound = (text: string): number =>
    parseValue(text, field) ?? throwError(createItemError(item, field, schedule));
  if (first === "*") return listSteps(field.low, field.high, every);
  const from = parseBound(first);
  if (last !== undefined)
    return listSteps(Math.min(from, parseBound(last)), Math.max(from, parseBound(last)), every);
  return listSteps(from, step === undefined || step === "1" ? from : field.high, every);
}

function parseValue(text: string, { low, high, names }: Field): number | undefined {
  const lower = text.toLowerCase();
  const index =
    names?.findIndex((name) =>
      [name.toLowerCase(), name.slice(0, 3).toLowerCase()].includes(lower),
    ) ?? -1;
  const value = index >= 0 ? index + low : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= low && value <= high ? value : undefined;
}

const listSteps = (from: number, to: number, every: number): number[] =>
  Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, index) => from + index * every);

const createItemError = (item: string, { name, low, high }: Field, schedule: string): Error =>
  new Error(`schedule "${schedule}": "${item}" is no ${name} (${low} to ${high})`);

function throwError(error: Error): never {
  throw error;
}

interface FieldSets {
  readonly seconds: Hits;
  readonly minutes: Hits;
  readonly hours: Hits;
  readonly days: Hits;
  readonly monthSet: Hits;
  readonly weekdaySet: Hits;
}

// A 29 February on a given weekday can be 40 years away; what does not fire by then never does.
const horizonYears = 41;

function findNextRun(afterMs: number, sets: FieldSets): number | undefined {
  const start = Math.floor(afterMs / secondMs) * secondMs + secondMs;
  const firstDay = Math.floor(start / dayMs) * dayMs;
  const lastYear = new Date(start).getUTCFullYear() + horizonYears;
  for (let day = firstDay; new Date(day).getUTCFullYear() <= lastYear; day += dayMs) {
    if (!firesOn(new Date(day), sets)) continue;
    const time = findFirstTime(day === firstDay ? start - day : 0, sets);
    if (time !== undefined) return day + time;
  }
  return undefined;
}

const firesOn = (day: Date, { days, monthSet, weekdaySet }: FieldSets): boolean =>
  monthSet.includes(day.getUTCMonth() + 1) &&
  days.includes(day.getUTCDate()) &&
  weekdaySet.includes(day.getUTCDay());

/** The first time of day that fires, at or after `from`; both in milliseconds since midnight. */
function findFirstTime(from: number, { hours, minutes, seconds }: FieldSets): number | undefined {
  const [hour, minute, second] = [
    Math.floor(from / hourMs),
    Math.floor(from / minuteMs) % 60,
    Math.floor(from / secondMs) % 60,
  ];
  for (const h of hours.filter((value) => value >= hour))
    for (const m of minutes.filter((value) => h > hour || value >= minute)) {
      const s = seconds.find((value) => h > hour || m > minute || value >= second);
      if (s !== undefined) return h * hourMs + m * minuteMs + s * secondMs;
    }
  return undefined;
}
