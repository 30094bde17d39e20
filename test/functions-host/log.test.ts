import { expect, test } from "vitest";
import { describeError, filterLog, type LogLine } from "./log.ts";
import type { Level } from "./protocol.ts";

test.each<[string, Level, boolean]>([
  ["Function.hunt.User", "debug", false],
  ["Function.hunt.User", "information", true],
  ["Function.quiet.User", "warning", false],
  ["Function.quiet.User", "error", true],
  ["Function.quietly.User", "warning", true],
  ["Function.quiet", "trace", false],
  ["Host.Startup", "critical", false],
])("decides that a line of %s at %s is shown: %s", (category, level, expected) => {
  const levels = new Map<string, Level>([
    ["default", "information"],
    ["Function.Quiet", "error"],
    ["host", "none"],
  ]);
  const written: LogLine[] = [];
  filterLog(levels, (line) => written.push(line))({ category, level, message: "x" });
  expect(written.length === 1).toBe(expected);
});

test("formats an error with its causes", () => {
  const error = new Error("outer", { cause: new TypeError("inner") });
  expect(describeError(error)).toMatch(/^Error: outer[^]*caused by: TypeError: inner/);
});
