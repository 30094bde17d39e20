import { describe, expect, test } from "vitest";
import { formatInstant, parseInstant } from "../../../shared/runtime/time.ts";
import { readTimespan } from "./timespan.ts";

const now = parseInstant("2024-02-20T00:00:00Z") ?? 0n;
const describeSpan = (text: string): string | undefined => {
  const span = readTimespan(text, now);
  return span && `${formatInstant(span.from).slice(0, 19)} ${formatInstant(span.to).slice(0, 19)}`;
};

describe("Timespan", () => {
  test.each([
    ["P7D", "2024-02-13T00:00:00 2024-02-20T00:00:00"],
    ["PT36H", "2024-02-18T12:00:00 2024-02-20T00:00:00"],
    ["2024-02-01T08:00:00Z/2024-02-15T08:00:00Z", "2024-02-01T08:00:00 2024-02-15T08:00:00"],
    ["P3D/2024-02-15T08:00:00Z", "2024-02-12T08:00:00 2024-02-15T08:00:00"],
    ["2024-02-01T08:00:00Z/P3D", "2024-02-01T08:00:00 2024-02-04T08:00:00"],
    ["2024-02-19", "2024-02-19T00:00:00 2024-02-20T00:00:00"],
  ])("parses %s as %s", (text, span) => {
    expect(describeSpan(text)).toBe(span);
  });

  test("limits a span to the service's retention and to the present", () => {
    expect(describeSpan("P60D")).toBe("2024-01-21T00:00:00 2024-02-20T00:00:00");
    expect(describeSpan("2024-02-19/2025-01-01")).toBe("2024-02-19T00:00:00 2024-02-20T00:00:00");
  });

  test.each([
    "",
    "P",
    "PT",
    "7d",
    "2024-02-30",
    "P1D/P1D",
    "a/b",
    "2024-02-15/2024-02-01",
    "P1D/2024-02-01/P1D",
  ])("refuses %j", (text) => {
    expect(describeSpan(text)).toBeUndefined();
  });
});
