/** Edits hunts while `npm start` runs, in a copy of the project. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readJson, waitUntil } from "../support/stack.ts";

const project = mkdtempSync(join(tmpdir(), "huntline-edit-"));
let program: ChildProcess;
let output = "";

/** Copies the sources: the build of the copy leaves the project's own alone. */
function copyProject(): void {
  const tracked = ["functions", "shared", "test", "host.json", "package.json", "tsconfig.json"];
  for (const name of tracked) cpSync(name, join(project, name), { recursive: true });
  for (const name of ["infra/connector/icon.png"]) {
    mkdirSync(dirname(join(project, name)), { recursive: true });
    copyFileSync(name, join(project, name));
  }
  symlinkSync(resolve("node_modules"), join(project, "node_modules"));
}

beforeAll(async () => {
  copyProject();
  program = spawn(
    process.execPath,
    [
      "test/functions-host/start.ts",
      "--port",
      "7271",
      "--verbose",
      "--simulator-fault",
      "throttled",
    ],
    { cwd: project, stdio: ["ignore", "pipe", "pipe"] },
  );
  for (const stream of [program.stdout, program.stderr])
    stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await waitForOutput(/Listening on .*\n[^]*calls of the simulated cloud fail/);
}, 120_000);

afterAll(async () => {
  const exited = new Promise((done) => program.once("exit", done));
  program.kill("SIGTERM");
  await exited;
  rmSync(project, { recursive: true, force: true });
});

const waitForOutput = (pattern: RegExp): Promise<string> =>
  waitUntil(
    () => Promise.resolve(output),
    (text) => pattern.test(text),
    110_000,
  );

const readUrl = (): string => /Listening on (\S+)/.exec(output)?.[1] ?? "";
const huntFile = join(project, "shared/hunts/catalog/my-hunt.yaml");
const listHunts = async (): Promise<readonly string[]> => {
  const { value } = await readJson<{ value: readonly { name: string }[] }>(
    await fetch(`${readUrl()}/api/hunts`),
  );
  return value.map(({ name }) => name);
};

test(
  "picks up a hunt that is added while npm start runs, and prints how to run it",
  { timeout: 120_000 },
  async () => {
    writeFileSync(
      huntFile,
      "name: My hunt\ndescription: Processes named cmd.exe.\n" +
        "query: DeviceProcessEvents | where FileName =~ 'cmd.exe'\n",
    );
    await waitForOutput(/new since the start: my-hunt/);
    expect(await listHunts()).toContain("my-hunt");
    const [, command = ""] = /Run one now:\n {2}(curl .*)\n/.exec(output) ?? [];
    const answer = execFileSync("bash", ["-c", command], { encoding: "utf8" });
    expect(JSON.parse(answer)).toMatchObject({ status: "running" });
  },
);

test(
  "continues with the former hunts when one has a fault, and names its line",
  { timeout: 120_000 },
  async () => {
    writeFileSync(huntFile, "name: My hunt\ndescription: A hunt.\nquery: DeviceProcessEvent\n");
    await waitForOutput(/my-hunt\.yaml:3:8 [^]*continues with the former hunts/);
    expect(await listHunts()).toContain("my-hunt");
  },
);

test(
  "shows the app's log with --verbose and the refused calls of --simulator-fault",
  { timeout: 120_000 },
  async () => {
    await fetch(`${readUrl()}/api/hunts/office-starts-script-host/runs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    await waitForOutput(/quota\.paused/);
  },
);
