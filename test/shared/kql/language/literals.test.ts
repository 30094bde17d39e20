import { describe, expect, test } from "vitest";
import {
  unwrapLiteral,
  parseDatetimeTicks,
  parseInteger,
  parseTimespanTicks,
} from "../../../../shared/kql/language/literals.ts";

const second = 10_000_000n;

describe("parseTimespanTicks", () => {
  test.each([
    ["1d", 86_400n * second],
    ["2.5h", 9_000n * second],
    ["15m", 900n * second],
    ["10seconds", 10n * second],
    ["100ms", 1_000_000n],
    ["1tick", 1n],
    ["3microseconds", 30n],
    ["time(3d)", 3n * 86_400n * second],
    ["timespan(1.02:03:04.5)", (((24n + 2n) * 60n + 3n) * 60n + 4n) * second + 5_000_000n],
    ["timespan(-00:30)", -1_800n * second],
    ["timespan(2)", 2n * 86_400n * second],
    ["timespan(null)", undefined],
    ["1fortnight", undefined],
  ])("parseTimespanTicks reads %s", (text, ticks) => {
    expect(parseTimespanTicks(text)).toBe(ticks);
  });
});

describe("parseDatetimeTicks", () => {
  test("keeps seven digits", () => {
    expect(parseDatetimeTicks("datetime(2026-01-05T06:38:35.7664356Z)")).toBe(
      17_675_951_157_664_356n,
    );
  });

  test.each(["datetime(2026-01-05)", "datetime(1/5/2026)", 'datetime("2026-01-05 00:00:00")'])(
    "reads %s as UTC",
    (text) => {
      expect(parseDatetimeTicks(text)).toBe(BigInt(Date.UTC(2026, 0, 5)) * 10_000n);
    },
  );

  test("gives nothing for null", () => {
    expect(parseDatetimeTicks("datetime(null)")).toBeUndefined();
  });
});

test.each([
  ["5", 5n],
  ["0x1F", 31n],
  ["long(-7)", -7n],
  ["9007199254740993", 9_007_199_254_740_993n],
  ["long(null)", undefined],
])("parseInteger of %s", (text, value) => {
  expect(parseInteger(text)).toBe(value);
});

test("unwrapLiteral takes off the type and the quotes", () => {
  expect(unwrapLiteral("datetime( '2026-01-05' )")).toBe("2026-01-05");
});
