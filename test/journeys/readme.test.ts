/**
 * Every command that the README shows is run as shown, but for the address of the app and a folder of queries. Those for
 * a subscription are compared with the recorded commands of `az` and `azd` in `test/infra/cloud-commands.test.ts`.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../functions-host/run-host.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { listShownCommands } from "../support/shown-commands.ts";

/** Run by `.ci/run` and by `start.test.ts`: inside a test they would start the tests again. */
const testedElsewhere = ["npm ci && npm start", "npm ci && npm test"];

const allCommands = listShownCommands(readFileSync("README.md", "utf8"));
const commands = allCommands.filter(
  (command) => !testedElsewhere.includes(command) && !/^azd? /.test(command),
);
const folder = mkdtempSync(join(tmpdir(), "huntline-readme-"));
// Not the Sync form: the tenant lives in this process and must go on answering.
const run = promisify(execFile);
let stack: Stack;
let host: RunningHost;

beforeAll(async () => {
  stack = await startStack();
  host = await stack.startHost();
  writeFileSync(
    join(folder, "logons.kql"),
    "DeviceLogonEvents\n| where ActionType == 'LogonFailed'\n| project Timestamp, ReportId, DeviceId, AccountName\n",
  );
});
afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("the README", () => {
  test("begins with the two commands", () => {
    expect(allCommands.slice(0, 2)).toEqual(testedElsewhere);
  });

  test.each(commands)("%s", async (command) => {
    const runnable = command
      .replaceAll("http://127.0.0.1:7071", host.url)
      .replaceAll("my-queries", folder)
      .replaceAll(".huntline/imported", join(folder, "imported"));
    const isCurl = command.startsWith("curl ");
    const { stdout } = await run(
      "bash",
      ["-c", isCurl ? `${runnable} -w '\\n%{http_code}'` : runnable],
      {
        timeout: 60_000,
      },
    );
    if (isCurl) expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^20[02]$/);
    else expect(stdout.length).toBeGreaterThan(0);
  });
});
