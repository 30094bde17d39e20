/**
 * Runs every command of the README as shown, except for the app's address and folders. Commands of
 * `az` and `azd` are compared with their references in `test/infra/cloud-commands.test.ts`.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import { exampleSha1, seedExamples } from "../simulator/seed-examples.ts";
import { startStack, waitUntil, type Stack } from "../support/stack.ts";
import { listShownCommands } from "../support/shown-commands.ts";

/** `.ci/run` and `start.test.ts` run these: inside a test they would start the tests again. */
const testedElsewhere = ["npm ci && npm start", "npm ci && npm test"];

const allCommands = listShownCommands(readFileSync("README.md", "utf8"));
const commands = allCommands.filter(
  (command) => !testedElsewhere.includes(command) && !/^azd? /.test(command),
);
/** What each command printed. */
const outputs = new Map<string, string>();
const folder = mkdtempSync(join(tmpdir(), "huntline-readme-"));
// Not the Sync form: the simulator runs in this process and must keep answering.
const run = promisify(execFile);
let stack: Stack;
let host: RunningHost;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  stack = await startStack();
  seedExamples(stack.simulator);
  host = await stack.startHost();
  // What `npm start` writes for the option --simulator.
  environment = { ...process.env, ...stack.settings };
  writeFileSync(
    join(folder, "logons.kql"),
    "DeviceLogonEvents\n| where ActionType == 'LogonFailed'\n| project Timestamp, ReportId, DeviceId, AccountName\n",
  );
});
afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits for the run that an earlier command of the README started. */
const waitForExports = (): Promise<string> =>
  waitUntil(
    async () =>
      (await fetch(`${host.url}/api/hunts/office-starts-script-host/exports?after=-1`)).text(),
    (text) => text.includes(".ndjson.gz"),
  );

describe("the README", () => {
  test("begins with the commands that start and test the app", () => {
    expect(allCommands.slice(0, 2)).toEqual(testedElsewhere);
  });

  test.each(commands)("runs: %s", async (command) => {
    const runnable = command
      .replaceAll("http://127.0.0.1:7071", host.url)
      .replaceAll("my-queries", folder)
      .replaceAll(".huntline/imported", join(folder, "imported"))
      .replaceAll("--into exports", `--into ${join(folder, "exports")}`)
      .replaceAll(" --simulator", "");
    if (command.startsWith("npm run exports")) await waitForExports();
    const isCurl = command.startsWith("curl ");
    const { stdout } = await run(
      "bash",
      ["-c", isCurl ? `${runnable} -w '\\n%{http_code}'` : runnable],
      {
        timeout: 60_000,
        env: environment,
      },
    );
    outputs.set(command, stdout);
    if (isCurl) expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^20[02]$/);
    else expect(stdout.length).toBeGreaterThan(0);
  });

  const findOutput = (part: string): string => {
    const [, text] = [...outputs].find(([command]) => command.includes(part)) ?? [];
    expect(text).toBeDefined();
    return text ?? "";
  };
  /** The JSON of a curl's output, which ends in a line with the status. */
  const readBody = (part: string): unknown =>
    JSON.parse(findOutput(part).trimEnd().split("\n").slice(0, -1).join("\n"));

  test("finds the file of the lookup example and skips the device's ID", () => {
    expect(readBody("/api/files/stats")).toMatchObject({
      status: "succeeded",
      result: { results: [{ hash: exampleSha1, status: "found" }], skipped: [{}] },
    });
  });

  test("closes the alert of the verdict example", async () => {
    const verdict = await waitUntil(
      async () =>
        (await (await fetch(`${host.url}/api/alerts/verdicts/incident-4711`)).json()) as {
          status: string;
          result: unknown;
        },
      ({ status }) => status !== "running",
    );
    expect(verdict).toMatchObject({ result: { alerts: [{ outcome: "closed" }] } });
  });

  test("finds the file of the webhook example", async () => {
    const answer: unknown = await (
      await fetch(`${host.url}/api/files/${exampleSha1}/stats`)
    ).json();
    expect(answer).toMatchObject({ result: { results: [{ status: "found" }] } });
    expect(JSON.parse(findOutput("/api/webhooks/demo"))).toMatchObject({
      source: "demo",
      lookup: { hashes: 1 },
    });
  });
});
