/** Runs `npm start` as a newcomer does, reads the report and runs its commands. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "huntline-start-"));
let program: ChildProcess;
let output = "";

/** Resolves when the program serves. */
const waitUntilServing = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const readChunk = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes("Listening on ")) resolve();
    };
    child.stdout?.on("data", readChunk);
    child.stderr?.on("data", readChunk);
    child.once("exit", (code) => reject(new Error(`npm start ended (${code}):\n${output}`)));
  });

beforeAll(async () => {
  program = spawn(
    process.execPath,
    ["test/functions-host/start.ts", "--port", "7171", "--folder", folder],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  await waitUntilServing(program);
}, 120_000);

afterAll(async () => {
  if (program.exitCode === null) {
    const exited = new Promise((resolve) => program.once("exit", resolve));
    program.kill("SIGTERM");
    await exited;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Replaces numbers and hashes, and unifies blanks: what may differ from run to run. */
const toShape = (line: string): string =>
  line
    .replaceAll(/[0-9a-f]{24,40}/g, "<hash>")
    .replaceAll(/\d+/g, "<n>")
    .replaceAll(/ +/g, " ")
    .replace(/ as \S+\.exe$/, " as <file>");

const listCommands = (): string[] =>
  output
    .split("\n")
    .filter((line) => line.startsWith("  curl "))
    .map((line) => line.trim());

describe("npm start", () => {
  test("does the three jobs and prints the lines that the README shows", () => {
    expect(output).toMatch(/^Huntline /);
    expect(output).toMatch(/office-starts-script-host +[1-9]\d* rows +hl_version=1\/hl_log=main\//);
    const readme = readFileSync("README.md", "utf8");
    const shown = /^```text\n([^]*?)^```$/m.exec(readme)?.[1]?.trim().split("\n") ?? [];
    expect(shown.map((line) => line.split(" ")[0])).toEqual(["Hunts", "Files", "Alert"]);
    for (const line of shown) expect(output.split("\n").map(toShape)).toContain(toShape(line));
  });

  test("prints a command for each endpoint, and each works as printed", () => {
    expect(listCommands().length).toBeGreaterThanOrEqual(9);
    for (const command of listCommands()) {
      const answer = execFileSync("bash", ["-c", `${command} -w '\\n%{http_code}'`], {
        encoding: "utf8",
      })
        .trimEnd()
        .split("\n");
      const status = answer.pop();
      expect([command, status]).toEqual([command, expect.stringMatching(/^20[02]$/)]);
      expect(() => JSON.parse(answer.join("\n")) as unknown).not.toThrow();
    }
  });

  test("stops everything on Ctrl+C", async () => {
    const exited = new Promise<number | null>((resolve) =>
      program.once("exit", (code) => resolve(code)),
    );
    program.kill("SIGINT");
    expect(await exited).toBe(0);
  });
});
