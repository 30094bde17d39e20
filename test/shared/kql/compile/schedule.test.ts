import { describe, expect, test } from "vitest";
import { computeInterval, createSchedule } from "../../../../shared/kql/compile/schedule.ts";
import { dayMs, hourMs, minuteMs } from "../../../../shared/runtime/time.ts";

/** A text that contains this one. */
const textContaining = (text: string): string => expect.stringContaining(text) as string;

describe("createSchedule", () => {
  test.each([
    ["a minute", minuteMs, minuteMs],
    ["seven minutes: the next step that divides an hour", 7 * minuteMs, 6 * minuteMs],
    ["an hour", hourMs, hourMs],
    ["five hours: the next step that divides a day", 5 * hourMs, 4 * hourMs],
    ["a day", dayMs, dayMs],
    ["two weeks: no more than a week", 14 * dayMs, 7 * dayMs],
  ])("runs every %s", (_, requestedMs, every) => {
    const { schedule, intervalMs } = createSchedule(requestedMs, "office-starts-script-host");
    expect(intervalMs).toBe(every);
    expect(computeInterval(schedule)).toEqual({ intervalMs: every });
  });

  test("gives hunts with different names different minutes, and one hunt always the same", () => {
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
    ["0 0 0 * * 7", 7 * dayMs],
    ["0 0 0 1 Jan *", 366 * dayMs],
  ])("%s: the longest time between two runs", (schedule, intervalMs) => {
    expect(computeInterval(schedule)).toEqual({ intervalMs });
  });

  test.each([
    ["* * * * *", "expected six fields"],
    ["0 61 * * * *", "61 is no minute"],
    ["0 0 25 * * *", "25 is no hour"],
    ["0 0 0 * * noday", "noday is no day of week"],
    ["0 9-5 * * * *", "9-5 is no minute"],
    ["0 0 0 30 2 *", "no day fits"],
  ])("refuses %s", (schedule, words) => {
    expect(computeInterval(schedule)).toEqual({ problem: textContaining(words) });
  });
});
