/** Asks for a secret at the terminal, without echo. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** Discards what the line editor would echo. */
const createMutedOutput = (): Writable =>
  new Writable({ write: (_chunk, _encoding, done) => done() });

/** Returns the typed line; empty when only Enter is pressed. Ctrl+C rejects. */
export async function askSecret(question: string): Promise<string> {
  const stop = new AbortController();
  const editor = createInterface({
    input: process.stdin,
    output: createMutedOutput(),
    terminal: true,
  });
  editor.once("SIGINT", () => stop.abort(new Error("Stopped before a secret was typed.")));
  process.stdout.write(question);
  try {
    return await editor.question("", { signal: stop.signal });
  } finally {
    editor.close();
    process.stdout.write("\n");
  }
}
