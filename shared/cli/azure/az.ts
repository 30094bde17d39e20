/** Runs the Azure CLI (`az`), which must be installed and signed in. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs `az` with arguments that hold no secret, and returns what it prints. */
export type RunAz = (args: readonly string[]) => Promise<string>;

/** `az` failed or cannot be started. The message is what it printed, with the next step. */
export class AzureCliError extends Error {
  override readonly name = "AzureCliError";
}

const isWindows = process.platform === "win32";

/** Quotes an argument for cmd.exe, which starts `az.cmd`. */
const quoteForCmd = (arg: string): string => `"${arg.replaceAll('"', '""')}"`;

/** @throws AzureCliError with the error text of `az` */
export const runAz: RunAz = (args) =>
  new Promise((done, fail) => {
    const child = spawn("az", isWindows ? args.map(quoteForCmd) : args, {
      shell: isWindows,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    const errorChunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => errorChunks.push(chunk));
    child.once("error", () => {
      fail(new AzureCliError("The Azure CLI (az) is not on the PATH. Install it, then: az login"));
    });
    child.once("close", (code) => {
      if (code === 0) return done(Buffer.concat(chunks).toString("utf8"));
      const reason = Buffer.concat(errorChunks).toString("utf8").trim();
      const advice = /az login/i.test(reason) ? "\nSign in with: az login" : "";
      fail(new AzureCliError(`az ${args.slice(0, 3).join(" ")} failed: ${reason}${advice}`));
    });
  });

/** Passes a text in a file that only this user can read; the file is removed afterwards. */
export async function withPrivateFile<T>(
  text: string,
  use: (file: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "huntline-azure-"));
  try {
    const file = join(folder, "content");
    await writeFile(file, text, { mode: 0o600 });
    return await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs `az` and parses its JSON; an empty answer is `undefined`. */
export async function runAzJson<T>(az: RunAz, args: readonly string[]): Promise<T | undefined> {
  const text = await az([...args, "--output", "json"]);
  return text.trim() === "" ? undefined : (JSON.parse(text) as T);
}
