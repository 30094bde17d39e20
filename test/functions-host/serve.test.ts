import { cpSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { claimFreshAccount } from "../support/storage-account.ts";
import { waitFor, fixtureRoot, createFixtureSettings } from "./fixture.ts";
import { startHost } from "./host.ts";
import { readLocalSettings } from "./local-settings.ts";
import { runHost, type RunningHost, type RunOptions } from "./run-host.ts";

const storage = claimFreshAccount();

async function runFixtureHost(options: RunOptions = {}): Promise<RunningHost> {
  const host = await runHost({
    root: fixtureRoot,
    settings: createFixtureSettings(storage),
    ...options,
  });
  onTestFinished(async () => void (await host.kill()));
  return host;
}

const postTo = (host: { readonly url: string }, path: string): Promise<Response> =>
  fetch(`${host.url}/api/${path}`, { method: "POST" });

describe("the program", () => {
  test("prints its functions without a setting's value, finishes running calls on SIGTERM and exits with 0", async () => {
    const host = await runFixtureHost();
    expect(host.functions).toContain("listen");
    expect(host.refused).toMatchObject([{ name: "orphan" }]);
    expect(host.output()).toContain(`echo: [GET,POST,HEAD] ${host.url}/api/echo/{id:int?}`);
    expect(host.output()).toContain("listen: queue %INPUT_QUEUE%");
    expect(host.output()).toContain("orphan: NOT SERVED");
    const slow = postTo(host, "slow?ms=400");
    await waitFor("the call", () =>
      host.output().includes("Executing 'Functions.slow'") ? true : undefined,
    );
    // As a terminal does it: Ctrl+C reaches every process, and the one above asks once more.
    process.kill(host.pid, "SIGINT");
    const exited = host.stop();
    expect(await (await slow).text()).toBe("done");
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(host.output()).toContain("appTerminate ran");
    expect(host.output()).not.toContain("AccountKey");
  });

  test("activates failpoints by a preload, and ends at one", async () => {
    const host = await runFixtureHost({
      preload: [join(import.meta.dirname, "fixtures/arm.ts")],
      functions: ["outcome"],
    });
    await expect(postTo(host, "outcome/point")).rejects.toThrow();
    expect(await host.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("ends with an error at an unhandled rejection", async () => {
    const host = await runFixtureHost({ functions: ["outcome"] });
    await postTo(host, "outcome/stray").catch(() => undefined);
    expect(await host.exited).toEqual({ code: 1, signal: null });
    expect(host.output()).toContain(
      "Unhandled rejection, the process ends: Error: nobody waits for me",
    );
  });

  test("ends with an error when a call exceeds functionTimeout", async () => {
    const settings = {
      ...createFixtureSettings(storage),
      AzureFunctionsJobHost__functionTimeout: "00:00:00.300",
    };
    const host = await runFixtureHost({ settings, functions: ["slow"] });
    await postTo(host, "slow?ms=60000").catch(() => undefined);
    expect(await host.exited).toEqual({ code: 1, signal: null });
    expect(host.output()).toContain("Timeout value of 300 ms exceeded by function Functions.slow");
    expect(host.output()).toContain("functionTimeout was overrun by slow");
  });

  test.each([
    [
      "entries/throws-later.ts",
      /throws-later\.ts failed to load[^]*caused by: Error: broken afterwards/,
    ],
    ["entries/streaming.ts", /enableHttpStream is on/],
  ])("does not start with the entry %s, and states the reason", async (entry, reason) => {
    await expect(runFixtureHost({ entry })).rejects.toThrow(reason);
  });

  test("requires keys and passes them to its parent process", async () => {
    const root = mkdtempSync(join(tmpdir(), "huntline-host-"));
    cpSync(join(fixtureRoot, "host.json"), join(root, "host.json"));
    const host = await runFixtureHost({
      root,
      entry: join(fixtureRoot, "entries/keys.ts"),
      enableAuth: true,
    });
    expect((await fetch(`${host.url}/api/open`)).status).toBe(401);
    expect(
      (await fetch(`${host.url}/api/open`, { headers: { "x-functions-key": host.key ?? "" } }))
        .status,
    ).toBe(200);
    await host.fire("open", "text");
    await waitFor("the call", () =>
      host.output().match(/Executed 'Functions\.open'/g)?.length === 2 ? true : undefined,
    );
  });
});

describe("local.settings.json", () => {
  const createRoot = (text: string): string => {
    const root = mkdtempSync(join(tmpdir(), "huntline-host-"));
    cpSync(join(fixtureRoot, "host.json"), join(root, "host.json"));
    writeFileSync(join(root, "local.settings.json"), text);
    return root;
  };

  test("reads missing settings from local.settings.json and prints no value", async () => {
    const root = createRoot(
      '{"IsEncrypted":false,"Values":{"FROM_FILE":"file-value","FROM_BOTH":"file-value","COUNT":7}}',
    );
    const entry = join(fixtureRoot, "entries/settings.cjs");
    const host = await runFixtureHost({
      root,
      entry,
      localSettings: true,
      settings: { FROM_BOTH: "environment-value" },
    });
    const reply = await fetch(`${host.url}/api/settings`);
    expect(await reply.json()).toEqual({
      FROM_FILE: "file-value",
      FROM_BOTH: "environment-value",
      COUNT: "7",
    });
    expect(host.output()).not.toContain("-value");
  });

  test("reads no setting where local.settings.json is absent", () => {
    expect(readLocalSettings(fixtureRoot)).toEqual({});
  });

  test.each([
    ['{"IsEncrypted":true,"Values":{"A":"secret-value"}}', "/IsEncrypted must be false"],
    ['{"Values":{"A":"secret-value","B":{}}}', "/Values/B must be text"],
    ['{"Values":{"A":"secret-value"', "must be JSON"],
  ])("refuses a local.settings.json with %s without printing its values", (text, reason) => {
    const root = createRoot(text);
    expect(() => readLocalSettings(root)).toThrow(reason);
    expect(() => readLocalSettings(root)).not.toThrow("secret-value");
  });
});

test("a host does not start on a port that is in use", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void other.close());
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  await expect(
    startHost({ root: fixtureRoot, entry: "entries/module.mjs", env: {}, port }),
  ).rejects.toThrow("EADDRINUSE");
});

test("a stop ends unfinished calls, and reports how many", async () => {
  const host = await startHost({
    root: fixtureRoot,
    entry: "src/app.ts",
    env: createFixtureSettings(storage),
    stopTimeoutMs: 50,
  });
  const slow = postTo(host, "slow?ms=2000").catch(() => "cut off");
  await waitFor("the call", () => (host.calls.countRunning() > 0 ? true : undefined));
  expect(await host.stop()).toBe(1);
  expect(await slow).toBe("cut off");
});
