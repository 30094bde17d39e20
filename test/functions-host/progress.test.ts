import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createProgress } from "./progress.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const createTerminal = (columns: number) => {
  const writes: string[] = [];
  return { writes, isTTY: true, columns, write: (text: string) => writes.push(text) > 0 };
};

test.each([80, 120])("draws a bar that fits %i columns with any number of hunts", (columns) => {
  const terminal = createTerminal(columns);
  createProgress(terminal).step(1, 40, `hunting: ${"a-long-hunt-name, ".repeat(40)}`);
  for (const text of terminal.writes)
    expect(text.replace("\r\u001B[K", "").length).toBeLessThan(columns);
});

test("moves once a second while a step runs, and clears the bar at the end", () => {
  const terminal = createTerminal(80);
  const progress = createProgress(terminal);
  progress.step(0, 4, "building the app");
  vi.advanceTimersByTime(3_500);
  expect(terminal.writes).toHaveLength(4);
  expect(terminal.writes.at(-1)).toContain("0/4 3 s  building the app");
  progress.end("done");
  expect(terminal.writes.at(-1)).toBe("\r\u001B[Kdone\n");
  vi.advanceTimersByTime(5_000);
  expect(terminal.writes).toHaveLength(5);
});
