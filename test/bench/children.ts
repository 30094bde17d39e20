/** Child processes of the benchmarks: each alternative runs in a new process. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { bundleOptions } from "../../shared/build/bundle-options.ts";

const program = join(import.meta.dirname, "run.ts");

/** True if the machine has the tool. */
export const hasTool = (name: string): boolean =>
  spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;

/** Returns the command that runs a child of `run.ts`. */
export const getChildCommand = (name: string, ...args: readonly string[]): string[] => [
  process.execPath,
  "--disable-warning=ExperimentalWarning",
  program,
  "child",
  name,
  ...args,
];

/** A child bundled like the app, with a function that removes its file. */
export interface BundledChild {
  readonly command: (...args: readonly string[]) => string[];
  readonly remove: () => Promise<void>;
}

/**
 * Bundles a child like the shipped app: code loaded from many source files has a larger heap and
 * slower garbage collection.
 *
 * @param file - name of a program in this folder
 */
export async function bundleChild(file: string): Promise<BundledChild> {
  const folder = await mkdtemp(join(tmpdir(), "huntline-bench-"));
  const outfile = join(folder, "child.cjs");
  await build({ ...bundleOptions, entryPoints: [join(import.meta.dirname, file)], outfile });
  return {
    command: (...args) => [process.execPath, outfile, ...args],
    remove: () => rm(folder, { recursive: true }),
  };
}

/**
 * Runs a command to its end; returns its output and its duration in ms, including process start.
 */
export async function runCommand(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly text: string; readonly ms: number }> {
  const startMs = performance.now();
  const [file = "", ...args] = command;
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  const exit = await new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal ?? "no code"));
  });
  if (exit !== 0) throw new Error(`${command.slice(0, 6).join(" ")} … ended with ${exit}`);
  return { text, ms: performance.now() - startMs };
}

/** Starts the server that streams prepared answers; returns its address and a stop function. */
export const startSource = (): Promise<{ readonly url: string; readonly stop: () => void }> =>
  startServer("source");

/** Starts a child that listens and reports its port. */
export async function startServer(
  name: string,
  ...childArgs: readonly string[]
): Promise<{ readonly url: string; readonly stop: () => void }> {
  const [file = "", ...args] = getChildCommand(name, ...childArgs);
  const child: ChildProcess = spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (message) => resolve(message as number));
    child.once("exit", (code) => reject(new Error(`the server ${name} ended with ${code}`)));
  });
  return { url: `http://127.0.0.1:${port}`, stop: () => void child.kill() };
}
