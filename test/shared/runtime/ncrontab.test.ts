import { describe, expect, test } from "vitest";
import {
  longestIntervalMs,
  nextRunMs,
  parseNcrontab,
  type CronSchedule,
} from "../../../shared/runtime/ncrontab.ts";
import { dayMs, hourMs, minuteMs } from "../../../shared/runtime/time.ts";

function readSchedule(text: string): CronSchedule {
  const parsed = parseNcrontab(text);
  if (parsed.kind === "invalid") throw new Error(parsed.message);
  return parsed.schedule;
}

const base = Date.parse("2026-01-01T00:00:00Z");

function listOccurrences(schedule: string, count: number, afterMs = base): string[] {
  const parsed = readSchedule(schedule);
  const occurrences: string[] = [];
  for (
    let at = nextRunMs(parsed, afterMs);
    at !== undefined && occurrences.length < count;
    at = nextRunMs(parsed, at)
  )
    occurrences.push(new Date(at).toISOString().replace(".000Z", ""));
  return occurrences;
}

describe("a schedule", () => {
  test.each([
    [
      "0 0 0 13 * FRI",
      ["2026-02-13T00:00:00", "2026-03-13T00:00:00", "2026-11-13T00:00:00"],
      "day AND weekday",
    ],
    ["*/10 * * * *", ["2026-01-01T00:10:00", "2026-01-01T00:20:00"], "five fields, at second 0"],
    [
      "0 0/15 * * * *",
      ["2026-01-01T00:15:00", "2026-01-01T00:30:00", "2026-01-01T00:45:00"],
      "start and step",
    ],
    ["0 5-20/5 9-17 * Jan-Mar Mon,Wed", ["2026-01-05T09:05:00", "2026-01-05T09:10:00"], "names"],
    [
      "0 0 12 1 february,DECEMBER *",
      ["2026-02-01T12:00:00", "2026-12-01T12:00:00"],
      "full names in any case",
    ],
    [
      "0 0 9 * * 5-1",
      ["2026-01-01T09:00:00", "2026-01-02T09:00:00", "2026-01-05T09:00:00"],
      "a swapped range",
    ],
    ["  0   0 *  * * *  ", ["2026-01-01T01:00:00"], "extra blanks"],
    ["0 0 0 1 1 *", ["2027-01-01T00:00:00"], "strictly after the base"],
    [
      "59 59 23 31 12 *",
      ["2026-12-31T23:59:59", "2027-12-31T23:59:59"],
      "the last second of a year",
    ],
    ["0 0 0 29 2 Mon", ["2044-02-29T00:00:00"], "a leap day on a given weekday"],
    [
      "15,45 */30 0 * * *",
      ["2026-01-01T00:00:15", "2026-01-01T00:00:45", "2026-01-01T00:30:15"],
      "lists",
    ],
    ["0 */0 0 * * *", ["2026-01-01T00:01:00"], "a step of 0 is a step of 1"],
  ])("the schedule %s fires at %j (%s)", (schedule, expected) => {
    expect(listOccurrences(schedule, expected.length)).toEqual(expected);
  });

  test("the next occurrence is after the base's second, whatever its milliseconds", () => {
    expect(listOccurrences("* * * * * *", 1, base + 999)).toEqual(["2026-01-01T00:00:01"]);
  });

  test("accepts a schedule of an impossible date, which never fires", () => {
    expect(listOccurrences("0 0 0 30 2 *", 1)).toEqual([]);
  });

  test.each([
    ["0 0 0 * * 7", "day of week"],
    ["0 0 0 ? * *", "day"],
    ["0 0 0 L * *", "day"],
    ["@hourly", "must have six fields"],
    ["60 * * * * *", "second"],
    ["0 0 25 * * *", "hour"],
    ["0 0 0 0 * *", "day"],
    ["0 0 0 * * * *", "must have six fields"],
    ["0 0 0 * Foo *", "month"],
    ["0 1,,2 * * * *", "minute"],
    ["0 -5 * * * *", "minute"],
    ["0 */-1 * * * *", "minute"],
    ["00:05:00", "must have six fields"],
    ["", "must have six fields"],
  ])("refuses %j for its %s", (schedule, field) => {
    expect(() => readSchedule(schedule)).toThrow(field);
  });

  test.each([
    ["*/10 * * * * *", true],
    ["0,30 * * * * *", true],
    ["0 * * * * *", false],
    ["*/10 0 * * * *", false],
    ["* * * * *", false],
  ])("decides that the interval of %s is below a minute: %s", (schedule, expected) => {
    expect(readSchedule(schedule).isSubMinute).toBe(expected);
  });
});

describe("the longest interval", () => {
  test.each([
    ["0 */5 * * * *", 5 * minuteMs],
    ["0 0 6,18 * * *", 12 * hourMs],
    ["0 30 9 * * mon-fri", 3 * dayMs],
    ["0 0 9 * * 5-1", dayMs * 3],
    ["0 0 0 1 1 *", 366 * dayMs],
    ["0 0 0 29 2 *", 1_461 * dayMs],
    ["0 0 0 29 2 Mon", 28 * 365.25 * dayMs],
  ])("of %s is %i ms", (schedule, expected) => {
    expect(longestIntervalMs(readSchedule(schedule))).toBe(expected);
  });

  test("does not exist when no day fits", () => {
    expect(longestIntervalMs(readSchedule("0 0 0 30 2 *"))).toBeUndefined();
  });

  test.each(["t", "Tu", "tuesday", "TUES"])("of the weekday %s is a week", (name) => {
    expect(longestIntervalMs(readSchedule(`0 0 0 * * ${name}`))).toBe(7 * dayMs);
  });
});
