/**
 * The only NCRONTAB parser. It reads schedules as the platform's NCrontab does, always in UTC: day
 * of month AND weekday, reversed ranges swapped, names by any prefix, weekdays 0 to 6. No cron
 * library agrees with all of these.
 */
import { dayMs, hourMs, minuteMs, secondMs } from "./time.ts";

/** A parsed schedule. */
export interface CronSchedule {
  /** How many fields the text has: five (without seconds) or six. */
  readonly fieldCount: 5 | 6;
  /**
   * True for `X * * * * *` with more than one run a minute: the platform keeps no status for such a
   * timer.
   */
  readonly isSubMinute: boolean;
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: readonly number[];
  readonly months: readonly number[];
  readonly weekdays: readonly number[];
}

export type ParsedSchedule =
  | { readonly kind: "schedule"; readonly schedule: CronSchedule }
  /** `message` names the field and the accepted values. */
  | { readonly kind: "invalid"; readonly message: string };

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const monthNames =
  "January,February,March,April,May,June,July,August,September,October,November,December";
const weekdayNames = "Sunday,Monday,Tuesday,Wednesday,Thursday,Friday,Saturday";

const fields: readonly [Field, ...Field[]] = [
  { name: "second", min: 0, max: 59, names: [] },
  { name: "minute", min: 0, max: 59, names: [] },
  { name: "hour", min: 0, max: 23, names: [] },
  { name: "day of month", min: 1, max: 31, names: [] },
  { name: "month", min: 1, max: 12, names: monthNames.toLowerCase().split(",") },
  { name: "day of week", min: 0, max: 6, names: weekdayNames.toLowerCase().split(",") },
];

/**
 * Parses a schedule.
 *
 * @param text - `{second} {minute} {hour} {day} {month} {day of week}`, or the last five of them
 */
export function parseNcrontab(text: string): ParsedSchedule {
  const written = text.trim().split(/\s+/);
  if (written.length !== 5 && written.length !== 6) {
    const found = text.trim() === "" ? 0 : written.length;
    return {
      kind: "invalid",
      message: `must have six fields (second minute hour day month weekday), found ${found}`,
    };
  }
  const parts = written.length === 5 ? ["0", ...written] : written;
  const sets = parts.map((part, index) => parseField(part, fieldAt(index)));
  const faulty = sets.findIndex((values) => values === undefined);
  if (faulty >= 0)
    return { kind: "invalid", message: fieldMessage(parts[faulty] ?? "", fieldAt(faulty)) };
  const valuesAt = (index: number): readonly number[] => sets[index] ?? [];
  const schedule = {
    fieldCount: written.length,
    isSubMinute: valuesAt(0).length > 1 && parts.slice(1).every((part) => part === "*"),
    seconds: valuesAt(0),
    minutes: valuesAt(1),
    hours: valuesAt(2),
    days: valuesAt(3),
    months: valuesAt(4),
    weekdays: valuesAt(5),
  } as const;
  return { kind: "schedule", schedule };
}

const fieldAt = (index: number): Field => fields[index] ?? fields[0];

const fieldMessage = (part: string, { name, min, max, names }: Field): string =>
  `"${part}" is not a ${name}: must be ${min} to ${max}${
    names.length === 0 ? "" : ` or a name such as ${(names[1] ?? "").slice(0, 3)}`
  }`;

/** The values that a field allows, ascending; undefined when the field is malformed. */
function parseField(text: string, field: Field): readonly number[] | undefined {
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const parsed = parseItem(item, field);
    if (!parsed) return undefined;
    for (const value of parsed) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function parseItem(item: string, field: Field): readonly number[] | undefined {
  const match = /^(\*|\w+(?:-\w+)?)(?:\/(\d+))?$/.exec(item);
  if (!match) return undefined;
  const [, range = "", stepText = "1"] = match;
  const step = Math.max(1, Number(stepText));
  if (range === "*") return steppedRange(field.min, field.max, step);
  const [from, to] = range.split("-").map((text) => parseValue(text, field) ?? Number.NaN);
  if (from === undefined || Number.isNaN(from) || Number.isNaN(to ?? 0)) return undefined;
  if (to !== undefined) return steppedRange(Math.min(from, to), Math.max(from, to), step);
  return steppedRange(from, step === 1 ? from : field.max, step);
}

function parseValue(text: string, { min, max, names }: Field): number | undefined {
  const index = names.findIndex((name) => name.startsWith(text.toLowerCase()));
  const value = index >= 0 ? index + min : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

const steppedRange = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);

/** A 29 February on a given weekday can be 40 years away; what does not run by then never does. */
const horizonYears = 41;

/**
 * The first run strictly after `afterMs` (epoch milliseconds), or undefined when there is none
 * within 41 years.
 */
export function nextRunMs(schedule: CronSchedule, afterMs: number): number | undefined {
  const start = Math.floor(afterMs / secondMs) * secondMs + secondMs;
  const firstDay = Math.floor(start / dayMs) * dayMs;
  const lastYear = new Date(start).getUTCFullYear() + horizonYears;
  for (let day = firstDay; new Date(day).getUTCFullYear() <= lastYear; day += dayMs) {
    if (!runsOnDay(schedule, day)) continue;
    const time = firstTimeOfDay(schedule, day === firstDay ? start - day : 0);
    if (time !== undefined) return day + time;
  }
  return undefined;
}

const runsOnDay = ({ days, months, weekdays }: CronSchedule, dayStartMs: number): boolean => {
  const date = new Date(dayStartMs);
  return (
    months.includes(date.getUTCMonth() + 1) &&
    days.includes(date.getUTCDate()) &&
    weekdays.includes(date.getUTCDay())
  );
};

/** The first time of day at or after `from`; both in milliseconds since midnight. */
function firstTimeOfDay(
  { hours, minutes, seconds }: CronSchedule,
  from: number,
): number | undefined {
  const [hour, minute] = [Math.floor(from / hourMs), Math.floor(from / minuteMs) % 60];
  const second = Math.floor(from / secondMs) % 60;
  for (const h of hours.filter((value) => value >= hour))
    for (const m of minutes.filter((value) => h > hour || value >= minute)) {
      const s = seconds.find((value) => h > hour || m > minute || value >= second);
      if (s !== undefined) return h * hourMs + m * minuteMs + s * secondMs;
    }
  return undefined;
}

/**
 * Gaps are measured from here: the first day of a leap year, so that 29 February is met at once.
 */
const firstMeasuredDay = Date.UTC(2024, 0, 1);
const measuredDays = 4 * 366;
/** The calendar repeats after 400 years. */
const calendarDays = 146_097;

/**
 * The longest time between two runs, in milliseconds: over four years, or for rarer schedules
 * between the first two runs.
 *
 * @returns undefined when no day fits the schedule
 */
export function longestIntervalMs(schedule: CronSchedule): number | undefined {
  const times = [...timesOfDay(schedule)];
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  let longest = times
    .slice(1)
    .reduce((gap, time, index) => Math.max(gap, time - (times[index] ?? 0)), 0);
  let previous: number | undefined;
  let gaps = 0;
  for (let index = 0; index < calendarDays && (index < measuredDays || gaps === 0); index += 1) {
    const day = firstMeasuredDay + index * dayMs;
    if (!runsOnDay(schedule, day)) continue;
    if (previous !== undefined) {
      longest = Math.max(longest, day + first - previous);
      gaps += 1;
    }
    previous = day + last;
  }
  return previous === undefined ? undefined : longest;
}

function* timesOfDay({ hours, minutes, seconds }: CronSchedule): Generator<number> {
  for (const hour of hours)
    for (const minute of minutes)
      for (const second of seconds) yield hour * hourMs + minute * minuteMs + second * secondMs;
}
