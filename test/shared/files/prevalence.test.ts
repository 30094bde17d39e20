import { expect, test } from "vitest";
import { judgePrevalence } from "../../../shared/files/prevalence.ts";
import { statistics } from "../../support/files-harness.ts";

const thresholds = { organizationRareBelow: 3, globalRareBelow: 100, globalCommonFrom: 10_000 };
const knownStatistics = { ...statistics, organizationPrevalence: 3, globalPrevalence: 500 };

test.each([
  ["between the thresholds", {}, "uncommon", "no threshold is met, organizationPrevalence is 3"],
  [
    "a figure below the threshold of the organization",
    { organizationPrevalence: 2 },
    "rare",
    "organizationPrevalence 2 is below organizationRareBelow 3",
  ],
  [
    "a figure of 0",
    { organizationPrevalence: 0 },
    "rare",
    "organizationPrevalence 0 is below organizationRareBelow 3",
  ],
  [
    "a figure below the global threshold",
    { globalPrevalence: 99 },
    "rare",
    "globalPrevalence 99 is below globalRareBelow 100",
  ],
  [
    "a figure at the threshold for common",
    { globalPrevalence: 10_000 },
    "common",
    "globalPrevalence 10000 reaches globalCommonFrom 10000",
  ],
  [
    "a file that is common everywhere and rare here",
    { organizationPrevalence: 1, globalPrevalence: 1e6 },
    "rare",
    "organizationPrevalence 1 is below organizationRareBelow 3",
  ],
  [
    "a file with one unknown figure",
    { organizationPrevalence: null },
    "uncommon",
    "no threshold is met, globalPrevalence is 500",
  ],
] as const)("a file %s is judged with the rule that fired", (_, change, value, rule) => {
  expect(judgePrevalence({ ...knownStatistics, ...change }, thresholds)).toEqual({ value, rule });
});

test("a file with no known figure is not judged, nor one that is unknown", () => {
  const unknown = { ...knownStatistics, organizationPrevalence: null, globalPrevalence: null };
  expect([judgePrevalence(unknown, thresholds), judgePrevalence(null, thresholds)]).toEqual([
    null,
    null,
  ]);
});
