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
import type { RunningHost } from "../functions-host/run.ts";
import { live, type Living } from "../support/stack.ts";
import { shownCommands } from "../support/shown-commands.ts";

/** Run by `.ci/run` and by `start.test.ts`: inside a test they would start the tests again. */
const elsewhere = ["npm ci && npm start", "npm ci && npm test"];

const shown = shownCommands(readFileSync("README.md", "utf8"));
const commands = shown.filter((command) => !elsewhere.includes(command) && !/^azd? /.test(command));
const folder = mkdtempSync(join(tmpdir(), "huntline-readme-"));
// Not the Sync form: the tenant lives in this process and must go on answering.
const run = promisify(execFile);
let here: Living;
let host: RunningHost;

beforeAll(async () => {
  here = await live();
  host = await here.host();
  writeFileSync(
    join(folder, "logons.kql"),
    "DeviceLogonEvents\n| where ActionType == 'LogonFailed'\n| project Timestamp, ReportId, DeviceId, AccountName\n",
  );
});
afterAll(async () => {
  await here.end();
  rmSync(folder, { recursive: true, force: true });
});

describe("the README", () => {
  test("begins with the two commands", () => {
    expect(shown.slice(0, 2)).toEqual(elsewhere);
  });

  test.each(commands)("%s", async (command) => {
    const given = command
      .replaceAll("http://127.0.0.1:7071", host.url)
      .replaceAll("my-queries", folder)
      .replaceAll(".huntline/imported", join(folder, "imported"));
    const isCurl = command.startsWith("curl ");
    const { stdout } = await run("bash", ["-c", isCurl ? `${given} -w '\\n%{http_code}'` : given], {
      timeout: 60_000,
    });
    if (isCurl) expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^20[02]$/);
    else expect(stdout.length).toBeGreaterThan(0);
  });
});
