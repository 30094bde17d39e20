import { describe, expect, test } from "vitest";
import { computeInterval, createSchedule } from "../../../../shared/kql/compile/schedule.ts";
import { dayMs, hourMs, minuteMs } from "../../../../shared/runtime/time.ts";

/** A text that contains this one. */
const textContaining = (text: string): string => expect.stringContaining(text) as string;

describe("createSchedule", () => {
  test.each([
    ["minute", minuteMs, minuteMs],
    ["6 minutes if 7 are requested", 7 * minuteMs, 6 * minuteMs],
    ["hour", hourMs, hourMs],
    ["4 hours if 5 are requested", 5 * hourMs, 4 * hourMs],
    ["day", dayMs, dayMs],
    ["week if two are requested", 14 * dayMs, 7 * dayMs],
  ])("runs every %s", (_, requestedMs, every) => {
    const { schedule, intervalMs } = createSchedule(requestedMs, "office-starts-script-host");
    expect(intervalMs).toBe(every);
    expect(computeInterval(schedule)).toEqual({ intervalMs: every });
  });

  test("spreads hunts over the minutes by name and keeps one hunt's minute", () => {
    const scheduleOf = (name: string): string => createSchedule(hourMs, name).schedule;
    expect(scheduleOf("a-hunt")).toBe(scheduleOf("a-hunt"));
    expect(
      new Set(Array.from({ length: 40 }, (_, index) => scheduleOf(`hunt-${index}`))).size,
    ).toBeGreaterThan(20);
  });
});

describe("computeInterval", () => {
  test.each([
    ["0 */5 * * * *", 5 * minuteMs],
    ["30 15 * * * *", hourMs],
    ["0 5-59/15 * * * *", 15 * minuteMs],
    ["0 0 6,18 * * *", 12 * hourMs],
    ["0 0 8-17 * * *", 15 * hourMs],
    ["0 30 9 * * mon-fri", 3 * dayMs],
    ["0 0 0 1 * *", 31 * dayMs],
    ["0 0 0 * * 6", 7 * dayMs],
    ["0 9-5 * * * *", 56 * minuteMs],
    ["0 0 0 1 Jan *", 366 * dayMs],
  ])("returns the longest time between two runs of %s", (schedule, intervalMs) => {
    expect(computeInterval(schedule)).toEqual({ intervalMs });
  });

  test.each([
    ["* * * * *", "must have six fields"],
    ["0 61 * * * *", '"61" is not a minute: must be 0 to 59'],
    ["0 0 25 * * *", '"25" is not a hour: must be 0 to 23'],
    ["0 0 0 * * noday", '"noday" is not a day of week'],
    ["0 0 0 * * 7", '"7" is not a day of week: must be 0 to 6'],
    ["0 0 0 30 2 *", "must fit at least one day"],
  ])("refuses %s", (schedule, words) => {
    expect(computeInterval(schedule)).toEqual({ problem: textContaining(words) });
  });
});
