import { describe, expect, test } from "vitest";
import { isWithin, findRangeFault } from "../../../shared/clients/addresses.ts";

const ranges = ["203.0.113.0/24", "198.51.100.7", "2001:db8::/32"];

describe("an address", () => {
  test.each([
    ["203.0.113.255", true],
    ["203.0.114.0", false],
    ["198.51.100.7", true],
    ["198.51.100.8", false],
    ["::ffff:203.0.113.1", true],
    ["2001:db8:ffff::1", true],
    ["2001:db9::1", false],
    ["", false],
    ["203.0.113", false],
    ["203.0.113.1, 1.1.1.1", false],
  ])("decides that %j is within the ranges: %s", (address, expected) => {
    expect(isWithin(address, ranges)).toBe(expected);
  });
});

describe("a range", () => {
  test.each(["203.0.113.0/24", "::1", "2001:db8::/128", "0.0.0.0/0"])("%s is one", (range) => {
    expect(findRangeFault(range)).toBeUndefined();
  });

  test.each(["203.0.113.0/33", "2001:db8::/129", "203.0.113.256", "203.0.113.0/", "a/8", ":"])(
    "%s is none",
    (range) => {
      expect(findRangeFault(range)).toContain("203.0.113.0/24");
    },
  );
});
