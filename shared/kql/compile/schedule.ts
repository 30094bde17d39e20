/** When a hunt runs: six-field NCRONTAB in UTC, `{second} {minute} {hour} {day} {month} {day of week}`. */
import { createHash } from "node:crypto";
import { dayMs, hourMs, minuteMs, secondMs } from "../../runtime/time.ts";

const minuteSteps = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30];
const hourSteps = [1, 2, 3, 4, 6, 8, 12];

/** A schedule and the time between two of its runs. */
export interface Schedule {
  readonly schedule: string;
  readonly intervalMs: number;
}

/**
 * A schedule that runs every `everyMs` or somewhat more often, as far as the clock can be divided evenly: down from a
 * week to a minute. Hunts with different names start at different minutes, so that they do not all ask at once.
 */
export function createSchedule(everyMs: number, name: string): Schedule {
  const hash = createHash("sha256").update(name).digest().readUInt32BE(0);
  const minute = hash % 60;
  const hour = Math.floor(hash / 60) % 24;
  if (everyMs >= 7 * dayMs)
    return { schedule: `0 ${minute} ${hour} * * ${hash % 7}`, intervalMs: 7 * dayMs };
  if (everyMs >= dayMs) return { schedule: `0 ${minute} ${hour} * * *`, intervalMs: dayMs };
  if (everyMs >= hourMs) {
    const step = chooseStep(hourSteps, everyMs / hourMs);
    return {
      schedule: `0 ${minute} ${listSteps(step, 24, hour)} * * *`,
      intervalMs: step * hourMs,
    };
  }
  const step = chooseStep(minuteSteps, everyMs / minuteMs);
  return { schedule: `0 ${listSteps(step, 60, minute)} * * * *`, intervalMs: step * minuteMs };
}

const chooseStep = (steps: readonly number[], maxStep: number): number =>
  steps.findLast((step) => step <= maxStep) ?? 1;

const listSteps = (step: number, total: number, offset: number): string => {
  if (step === 1) return "*";
  return Array.from({ length: total / step }, (_, index) => (offset % step) + index * step).join(
    ",",
  );
};

interface CronField {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly words: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const fields: readonly CronField[] = [
  { name: "second", from: 0, to: 59, words: [] },
  { name: "minute", from: 0, to: 59, words: [] },
  { name: "hour", from: 0, to: 23, words: [] },
  { name: "day of month", from: 1, to: 31, words: [] },
  { name: "month", from: 1, to: 12, words: months },
  { name: "day of week", from: 0, to: 7, words: days },
];

/**
 * The longest time between two runs of a schedule, over four years.
 *
 * @returns `{ intervalMs }`, or `{ problem }` in words
 */
export function computeInterval(
  schedule: string,
): { readonly intervalMs: number } | { readonly problem: string } {
  const texts = schedule.trim().split(/\s+/);
  if (texts.length !== fields.length)
    return {
      problem: `expected six fields (second minute hour day month weekday), found ${texts.length}`,
    };
  const sets: ReadonlySet<number>[] = [];
  for (const [index, field] of fields.entries()) {
    const set = parseField(texts[index] ?? "", field);
    if (!set)
      return { problem: `${texts[index]} is no ${field.name} (${field.from} to ${field.to})` };
    sets.push(set);
  }
  const maxGap = findMaxGap(sets);
  return maxGap === undefined ? { problem: "no day fits this schedule" } : { intervalMs: maxGap };
}

function parseField(text: string, field: CronField): ReadonlySet<number> | undefined {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(\d+))?$/i.exec(part);
    if (!match) return undefined;
    const [, first = "", last, step = "1"] = match;
    const from = first === "*" ? field.from : parseFieldValue(first, field);
    const to =
      last === undefined
        ? first === "*" || part.includes("/")
          ? field.to
          : from
        : parseFieldValue(last, field);
    if (from === undefined || to === undefined || Number(step) < 1 || from > to) return undefined;
    for (let value = from; value <= to; value += Number(step))
      values.add(field.name === "day of week" ? value % 7 : value);
  }
  return values;
}

function parseFieldValue(text: string, field: CronField): number | undefined {
  const word = field.words.indexOf(text.toLowerCase());
  const value =
    word >= 0
      ? word + (field.words === months ? 1 : 0)
      : /^\d+$/.test(text)
        ? Number(text)
        : Number.NaN;
  return value >= field.from && value <= field.to ? value : undefined;
}

function findMaxGap(sets: readonly ReadonlySet<number>[]): number | undefined {
  const timesInDay = [...listTimesOfDay(sets)];
  const first = timesInDay[0] ?? 0;
  const last = timesInDay.at(-1) ?? 0;
  let maxGap = timesInDay
    .slice(1)
    .reduce((gap, time, index) => Math.max(gap, time - (timesInDay[index] ?? 0)), 0);
  const start = Date.UTC(2024, 0, 1);
  let previous: number | undefined;
  for (let day = start; day < start + 4 * 366 * dayMs; day += dayMs) {
    if (!isRunDay(new Date(day), sets)) continue;
    if (previous !== undefined) maxGap = Math.max(maxGap, day + first - previous);
    previous = day + last;
  }
  return previous === undefined ? undefined : maxGap;
}

function* listTimesOfDay([
  seconds,
  minutes,
  hours,
]: readonly ReadonlySet<number>[]): Generator<number> {
  for (const hour of sortAscending(hours))
    for (const minute of sortAscending(minutes))
      for (const second of sortAscending(seconds))
        yield hour * hourMs + minute * minuteMs + second * secondMs;
}

const sortAscending = (values: ReadonlySet<number> | undefined): readonly number[] =>
  [...(values ?? [])].sort((a, b) => a - b);

/** A restricted day of the month and a restricted weekday must both fit, as NCRONTAB has it. */
const isRunDay = (
  date: Date,
  [, , , ofMonth, month, ofWeek]: readonly ReadonlySet<number>[],
): boolean =>
  Boolean(
    ofMonth?.has(date.getUTCDate()) &&
    month?.has(date.getUTCMonth() + 1) &&
    ofWeek?.has(date.getUTCDay()),
  );
