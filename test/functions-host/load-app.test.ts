import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadApp, type App } from "./load-app.ts";
import { fixtureRoot, createFixtureSettings } from "./fixture.ts";

const env = createFixtureSettings("UseDevelopmentStorage=true");
const loadFixture = (entry?: string, extraEnv: Record<string, string> = {}): Promise<App> =>
  loadApp({
    root: fixtureRoot,
    env: { ...env, ...extraEnv },
    ...(entry === undefined ? {} : { entry }),
  });
const listNames = (app: App): string[] => app.functions.map(({ name }) => name);

describe("loading", () => {
  test("loads every file that main's braces name, and refuses only the function whose setting is missing", async () => {
    const app = await loadFixture();
    expect(listNames(app)).toEqual([
      "echo",
      "hash",
      "outcome",
      "secret",
      "slow",
      "sleeping",
      "listen",
      "split",
      "tick",
    ]);
    expect(app.refused).toEqual([
      { name: "orphan", reason: expect.stringContaining("NOBODY_SET_THIS") as string },
    ]);
  });

  test.each([
    ["entries/plain.cjs", "plain", "from CommonJS"],
    ["entries/module.mjs", "module", "from an ES module"],
  ])("loads %s", async (entry, name, text) => {
    const { response } = await (await loadFixture(entry)).invoke(name, { path: `/api/${name}` });
    expect(await response.text()).toBe(text);
  });

  test.each([
    ["entries/throws-first.ts", "throws-first.ts failed to load", "broken at once"],
    ["entries/throws-later.ts", "throws-later.ts failed to load", "broken afterwards"],
    ["entries/twice.ts", "twice.ts failed to load", 'id "same" has already been registered'],
  ])("fails on %s with the cause", async (entry, message, cause) => {
    const error: unknown = await loadFixture(entry).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining(message) as string });
    expect((error as Error).cause).toMatchObject({
      message: expect.stringContaining(cause) as string,
    });
  });

  test.each([
    ["dist/*.js", "matches the entry"],
    ["entries/nothing.ts", "registered no function"],
    ["entries/app-start-throws.ts", "not today"],
  ])("fails on %s: %s", async (entry, message) => {
    await expect(loadFixture(entry)).rejects.toThrow(message);
  });

  test("refuses names, routes, schedules, queues and connections that the platform would, and serves the rest", async () => {
    const app = await loadFixture("entries/names.ts");
    expect(listNames(app)).toEqual(["good"]);
    expect(app.refused).toMatchObject([
      { name: "GOOD", reason: expect.stringContaining("upper and lower case") as string },
      { name: "7up", reason: expect.stringContaining("no function name") as string },
      { name: "host", reason: expect.stringContaining("no function name") as string },
      { name: "bad_route", reason: expect.stringContaining("colour") as string },
      { name: "bad_schedule", reason: expect.stringContaining("must have six fields") as string },
      { name: "bad_queue", reason: expect.stringContaining("no queue name") as string },
      {
        name: "bad_connection",
        reason: expect.stringContaining("NOWHERE__queueServiceUri") as string,
      },
      { name: "bad_trigger", reason: expect.stringContaining("serviceBusTrigger") as string },
    ]);
  });

  test("refuses queue functions when host.json names no extension bundle", async () => {
    const root = mkdtempSync(join(tmpdir(), "huntline-host-"));
    writeFileSync(join(root, "host.json"), '{"version":"2.0"}');
    const app = await loadApp({ root, env, entry: join(fixtureRoot, "entries/bundle.ts") });
    expect(listNames(app)).toEqual(["web", "clock"]);
    expect(app.refused).toMatchObject([
      { name: "queue", reason: expect.stringContaining("extensionBundle") as string },
      { name: "writer", reason: expect.stringContaining("extensionBundle") as string },
    ]);
  });

  test("refuses a registration once the app has started", async () => {
    const app = await loadFixture("entries/late.ts");
    await expect(app.invoke("late", { path: "/api/late" })).rejects.toThrow(
      "only be registered during app startup",
    );
  });

  test("serves only the requested functions", async () => {
    const app = await loadApp({
      root: fixtureRoot,
      env,
      entry: "entries/second.ts",
      functions: ["second"],
    });
    expect(listNames(app)).toEqual(["second"]);
  });

  test("refuses to serve an unknown function", async () => {
    await expect(
      loadApp({ root: fixtureRoot, env, entry: "entries/keys.ts", functions: ["open", "opne"] }),
    ).rejects.toThrow("no function is named opne");
  });

  test("warns about a retry policy that has no effect", async () => {
    const lines: string[] = [];
    const captureLine = ({ message }: { readonly message: string }): void =>
      void lines.push(message);
    await loadApp({ root: fixtureRoot, env, entry: "entries/retry.ts", log: captureLine });
    expect(lines).toEqual(["hopeful: a retry policy has no effect on a queue trigger"]);
  });

  test("loads a bundle that includes the library", async () => {
    const outfile = join(mkdtempSync(join(tmpdir(), "huntline-host-")), "main.cjs");
    const entryPoints = [join(fixtureRoot, "entries/bundle.ts")];
    const external = ["@azure/functions-core"];
    await build({
      entryPoints,
      outfile,
      external,
      bundle: true,
      platform: "node",
      format: "cjs",
      logLevel: "error",
    });
    expect(listNames(await loadFixture(outfile))).toEqual(["web", "clock", "queue", "writer"]);
  });

  test("marks functions that a setting disables, in both spellings", async () => {
    const app = await loadFixture("entries/hooks.ts", { AzureWebJobs_hooked_Disabled: "true" });
    expect(app.functions.map(({ isDisabled }) => isDisabled)).toEqual([true]);
  });
});
