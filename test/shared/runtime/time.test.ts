import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  dayMs,
  formatDuration,
  formatInstant,
  hourMs,
  msFromTicks,
  parseDuration,
  parseInstant,
  ticksFromMs,
} from "../../../shared/runtime/time.ts";

describe("parseInstant", () => {
  test.each([
    ["seven digits", "2026-01-05T06:38:35.7664356Z", "2026-01-05T06:38:35.7664356Z"],
    ["no fraction", "2026-07-19T21:46:29Z", "2026-07-19T21:46:29.0000000Z"],
    ["three digits", "2026-07-23T18:03:20.928Z", "2026-07-23T18:03:20.9280000Z"],
    [
      "no zone, as the 2017 API writes it",
      "2018-07-09T07:16:26.8017265",
      "2018-07-09T07:16:26.8017265Z",
    ],
    ["an offset", "2026-01-05T08:38:35+02:00", "2026-01-05T06:38:35.0000000Z"],
    ["a date alone", "2026-01-05", "2026-01-05T00:00:00.0000000Z"],
    ["an instant before 1970", "1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.9999999Z"],
  ])("reads %s exactly", (_, text, printed) => {
    const ticks = parseInstant(text);
    expect(ticks).toBeTypeOf("bigint");
    expect(formatInstant(ticks as bigint)).toBe(printed);
  });

  test.each([
    "",
    "yesterday",
    "2026-02-30T00:00:00Z",
    "2026-01-05T25:00:00Z",
    "2026-01-05T06:38:35.76643567Z",
  ])("refuses %j", (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  test("is the inverse of formatInstant for every tick", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }), (ticks) => {
        expect(parseInstant(formatInstant(ticks))).toBe(ticks);
      }),
    );
  });
});

test("milliseconds and ticks convert without loss and round down", () => {
  expect(msFromTicks(ticksFromMs(1_767_595_115_766) + 4_356n)).toBe(1_767_595_115_766);
  expect(msFromTicks(-1n)).toBe(-1);
});

describe("parseDuration", () => {
  test.each([
    ["PT1H", hourMs],
    ["P1DT12H", dayMs + 12 * hourMs],
    ["1h", hourMs],
    ["30d", 30 * dayMs],
    ["1.5h", 1.5 * hourMs],
    ["250ms", 250],
  ])("reads %s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(["", "P", "PT", "0h", "PT0S", "1 fortnight", "-1h"])("refuses %j", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test("is the inverse of formatDuration for whole seconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 * 86_400 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1_000))).toBe(seconds * 1_000);
      }),
    );
  });
});
