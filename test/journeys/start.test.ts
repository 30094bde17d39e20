/** A newcomer types `npm start`, reads the account, and copies its lines. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "huntline-start-"));
let program: ChildProcess;
let output = "";

/** Resolves once the program has said that it serves. */
const waitUntilServing = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const readChunk = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes("Serving on ")) resolve();
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

const listCommands = (): string[] =>
  output
    .split("\n")
    .filter((line) => line.startsWith("  curl "))
    .map((line) => line.trim());

describe("npm start", () => {
  test("greets, does the three jobs and says what happened", () => {
    expect(output).toMatch(/^Huntline: /);
    expect(output).toMatch(
      /office-starts-script-host +[1-9]\d* rows +office-starts-script-host\/v1\//,
    );
    expect(output).toMatch(/[0-9a-f]{40} {2}found, on \d+ devices/);
    expect(output).toMatch(/Alert [0-9a-f]{24} was dismissed as a false positive: closed\./);
  });

  test("prints a line for each door, and every one of them works as printed", () => {
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
