import { describe, expect, test } from "vitest";
import { correlationId, log, withInvocation } from "../../../shared/runtime/log.ts";

/** The lines that `work` logs. */
function captureLines(work: () => void): { level: string; line: string }[] {
  const lines: { level: string; line: string }[] = [];
  withInvocation(
    { correlationId: "c-1", write: (level, line) => void lines.push({ level, line }) },
    work,
  );
  return lines;
}

describe("log", () => {
  test("writes one JSON line with the event, the correlation id and the allowed fields", () => {
    const [only] = captureLines(() => log("hunt.committed", { hunt: "x", seq: 7, rows: 3 }));
    expect(only?.level).toBe("info");
    expect(JSON.parse(only?.line ?? "")).toEqual({
      event: "hunt.committed",
      correlationId: "c-1",
      hunt: "x",
      seq: 7,
      rows: 3,
    });
  });

  test("drops every field that is not on the event's list", () => {
    const canary = { hunt: "x", token: "eyJ-canary", commandLine: "powershell -enc canary" };
    expect(captureLines(() => log("hunt.run", canary))[0]?.line).not.toContain("canary");
  });

  test.each(["\r\n", "\u001B[31m", "\u2028", "\u0000"])(
    "keeps one line one line: %j",
    (controlText) => {
      const [only, ...more] = captureLines(() =>
        log("deadletter.written", { cause: `a${controlText}b` }),
      );
      expect(more).toEqual([]);
      expect(only?.line).not.toMatch(/[\p{Cc}\u2028\u2029]|\\u001b|\\r|\\n/u);
    },
  );

  test("cuts long text", () => {
    expect(
      captureLines(() => log("hunt.degraded", { cause: "x".repeat(5_000) }))[0]?.line.length,
    ).toBeLessThan(400);
  });

  test("knows the correlation id inside an invocation only", () => {
    expect(correlationId()).toBe("");
    captureLines(() => expect(correlationId()).toBe("c-1"));
  });
});
