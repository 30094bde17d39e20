/** Every command that the README shows is run as shown, but for the address of the app and a folder of queries. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningHost } from "../host/run.ts";
import { live, type Living } from "../support/living.ts";

/** Run by `.ci/run` and by `start.test.ts`: inside a test they would start the tests again. */
const elsewhere = ["npm ci && npm start", "npm ci && npm test"];

/** The commands of a Markdown text: fenced `sh` blocks, one command to a line, a quoted body over several. */
function commandsOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  return blocks.flatMap((block) => {
    const commands: string[] = [];
    for (const line of block.trimEnd().split("\n")) {
      const last = commands.at(-1);
      const isOpen = last !== undefined && (last.split("'").length - 1) % 2 === 1;
      if (isOpen) commands[commands.length - 1] = `${last}\n${line}`;
      else commands.push(line);
    }
    return commands;
  });
}

const commands = commandsOf(readFileSync("README.md", "utf8")).filter((command) => !elsewhere.includes(command));
const folder = mkdtempSync(join(tmpdir(), "huntline-readme-"));
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
    expect(commandsOf(readFileSync("README.md", "utf8")).slice(0, 2)).toEqual(elsewhere);
  });

  test.each(commands)("%s", (command) => {
    const here = command
      .replaceAll("http://127.0.0.1:7071", host.url)
      .replaceAll("my-queries", folder)
      .replaceAll(".huntline/imported", join(folder, "imported"));
    const isCurl = command.startsWith("curl ");
    const said = execFileSync("bash", ["-c", isCurl ? `${here} -w '\\n%{http_code}'` : here], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (isCurl) expect(said.trimEnd().split("\n").at(-1)).toMatch(/^20[02]$/);
    else expect(said.length).toBeGreaterThan(0);
  });
});
