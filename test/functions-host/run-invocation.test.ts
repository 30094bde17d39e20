import { beforeAll, describe, expect, test } from "vitest";
import { createCalls, retryDelayMs } from "./calls.ts";
import { loadApp, type App } from "./load-app.ts";
import { waitFor, fixtureRoot, createFixtureSettings } from "./fixture.ts";
import type { InvokeResult } from "./invoke-function.ts";
import type { LogLine } from "./log.ts";

const env = createFixtureSettings("UseDevelopmentStorage=true");
const listMessages = (lines: readonly LogLine[]): string[] => lines.map(({ message }) => message);

describe("hooks", () => {
  let app: App;
  const lines: LogLine[] = [];
  beforeAll(async () => {
    app = await loadApp({
      root: fixtureRoot,
      env,
      entry: "entries/hooks.ts",
      log: (line) => lines.push(line),
    });
  });
  const invokeHooked = (message: string): Promise<InvokeResult> =>
    app.invoke("hooked", { message });

  test("hooks run before and after the handler and share their data", async () => {
    const { returnValue, log } = await invokeHooked("work");
    expect(returnValue).toEqual({ string: "did work" });
    expect(listMessages(log)).toEqual(["pre", "handler work", "post work"]);
  });

  test.each([
    ["swap", "did swapped", "replace the inputs"],
    ["wrap", "wrapped did wrap", "replace the handler"],
    ["heal", "healed", "take an error away and give a result"],
  ])("hooks on %s give %s: they %s", async (message, expected) => {
    expect((await invokeHooked(message)).returnValue).toEqual({ string: expected });
  });

  test.each([
    ["fail", "as asked", ["pre", "handler fail", "post fail"]],
    ["break", "broken by the hook", ["pre", "handler break", "post break"]],
    ["pre throws", "pre threw", ["pre"]],
  ])("hooks on %s fail the call with %j after %j", async (message, error, expectedLines) => {
    lines.length = 0;
    await expect(invokeHooked(message)).rejects.toThrow(error);
    expect(listMessages(lines)).toEqual(expectedLines);
  });

  test("log hooks edit the app's own lines, and their errors do no harm", async () => {
    expect((await invokeHooked("secret")).log).toContainEqual({
      level: "warning",
      category: "Function.hooked.User",
      message: "the ***",
    });
    await invokeHooked("log hook throws");
  });

  test("log hooks do not see late lines of the app: only the warning remains", async () => {
    lines.length = 0;
    await invokeHooked("late");
    const warning = await waitFor("the warning", () =>
      lines.find(({ level }) => level === "warning"),
    );
    expect(warning.message).toContain("Unexpected call to 'log'");
    expect(listMessages(lines)).not.toContain("said too late");
  });
});

describe("a call", () => {
  let app: App;
  beforeAll(async () => {
    app = await loadApp({ root: fixtureRoot, env });
  });

  // What the function heard comes out of its one output.
  const invokeListen = async (
    message: unknown,
    overrides: object = {},
  ): Promise<Record<string, unknown>> => {
    const { outputs } = await app.invoke("listen", { message, ...overrides });
    return JSON.parse(Object.values(outputs)[0]?.json ?? "null") as Record<string, unknown>;
  };

  test.each([
    ["603e400000000000000001", "Infinity, the number", "number"],
    ["123", 123, "number"],
    ["true", true, "boolean"],
    ["plain text", "plain text", "string"],
    ['{"a":1}', { a: 1 }, "object"],
  ])("a call with the message %j passes %j", async (text, message, type) => {
    expect(await invokeListen(text)).toMatchObject({ message, type });
  });

  test("a message's own properties replace the queue's binding data", async () => {
    const message = {
      Id: "7",
      dequeuecount: 99,
      flag: true,
      nested: { a: 1 },
      list: [1],
      none: null,
    };
    const { metadata } = await invokeListen(message, { id: "real" });
    expect(metadata).toMatchObject({
      id: 7,
      dequeueCount: 99,
      flag: "True",
      nested: { a: 1 },
      none: "",
    });
    expect(metadata).not.toHaveProperty("list");
  });

  test("keeps the queue's binding data where the message has no such property", async () => {
    const { metadata } = await invokeListen("hello", { id: "abc", dequeueCount: 2 });
    expect(metadata).toMatchObject({
      queueTrigger: "hello",
      id: "abc",
      dequeueCount: 2,
      insertionTime: expect.stringMatching(/^\d{4}-.*\+00:00$/) as string,
      expirationTime: expect.any(String) as string,
      nextVisibleTime: expect.any(String) as string,
      popReceipt: "",
    });
  });

  test("passes a timer's state in camel case, and null without a monitor", async () => {
    const unmonitored = await app.invoke("tick");
    expect(JSON.parse(unmonitored.log[0]?.message ?? "")).toEqual({
      schedule: { adjustForDST: true },
      scheduleStatus: null,
      isPastDue: false,
    });
    const status = { nextMs: 60_000, lastUpdatedMs: 0 };
    const monitored = await app.invoke("tick", { isPastDue: true, status });
    expect(JSON.parse(monitored.log[0]?.message ?? "")).toMatchObject({
      scheduleStatus: {
        last: "0001-01-01T00:00:00",
        next: "1970-01-01T00:01:00+00:00",
        lastUpdated: "1970-01-01T00:00:00+00:00",
      },
      isPastDue: true,
    });
  });

  test("refuses the wrong kind of input and names the right one", async () => {
    await expect(app.invoke("tick", { message: "x" })).rejects.toThrow("tick has a timer trigger");
    await expect(app.invoke("echo", { path: "/api/other" })).rejects.toThrow(
      "does not reach GET|POST|HEAD",
    );
    await expect(app.invoke("missing")).rejects.toThrow("no function is named missing");
  });
});

describe("retries", () => {
  test("repeats a timer under one invocation id and states the reason", async () => {
    const lines: LogLine[] = [];
    const app = await loadApp({
      root: fixtureRoot,
      env,
      entry: "entries/retry.ts",
      log: (line) => lines.push(line),
    });
    const calls = createCalls({
      worker: app.worker,
      config: app.config,
      onOverrun: () => undefined,
    });
    const func = app.functions.find(({ name }) => name === "stubborn");
    if (!func) throw new Error("no stubborn function");
    await calls.run(func, { input: { json: "{}" }, metadata: {}, reason: "test" });
    const attempts = listMessages(lines).filter((message) => message.startsWith("attempt"));
    expect(attempts.map((attempt) => attempt.replace(/ [\w-]{36}$/, ""))).toEqual([
      "attempt 0 of 0 after nothing",
      "attempt 1 of 2 after failure 0",
      "attempt 2 of 2 after failure 1",
    ]);
    expect(new Set(attempts.map((attempt) => attempt.split(" ").at(-1))).size).toBe(1);
  });

  test.each([
    ["fixedDelay", 1, 7_000],
    ["fixedDelay", 9, 7_000],
    ["exponentialBackoff", 1, 2_000],
    ["exponentialBackoff", 3, 8_000],
    ["exponentialBackoff", 5, 20_000],
  ] as const)("by %s wait before attempt %i for %i ms", (retryStrategy, attempt, expected) => {
    const spans = {
      delayInterval: { seconds: 7 },
      minimumInterval: { seconds: 2 },
      maximumInterval: { seconds: 20 },
    };
    expect(retryDelayMs({ retryStrategy, maxRetryCount: 9, ...spans }, attempt)).toBe(expected);
  });
});
