import { expect, test } from "vitest";
import { describe as describeError, filtered, type LogLine } from "./lines.ts";
import type { Level } from "./protocol.ts";

test.each<[string, Level, boolean]>([
  ["Function.hunt.User", "debug", false],
  ["Function.hunt.User", "information", true],
  ["Function.quiet.User", "warning", false],
  ["Function.quiet.User", "error", true],
  ["Function.quietly.User", "warning", true],
  ["Function.quiet", "trace", false],
  ["Host.Startup", "critical", false],
])("a line of %s at %s is shown: %s", (category, level, expected) => {
  const levels = new Map<string, Level>([
    ["default", "information"],
    ["Function.Quiet", "error"],
    ["host", "none"],
  ]);
  const shown: LogLine[] = [];
  filtered(levels, (line) => shown.push(line))({ category, level, message: "x" });
  expect(shown.length === 1).toBe(expected);
});

test("an error is told with its causes", () => {
  const error = new Error("outer", { cause: new TypeError("inner") });
  expect(describeError(error)).toMatch(/^Error: outer[^]*caused by: TypeError: inner/);
});
