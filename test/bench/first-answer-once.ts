/**
 * Child, bundled: loads an app as the worker does and makes one call. Prints the milliseconds from
 * the start of the process to the answer. Arguments: `<folder of the app> <function> <input as
 * JSON>`
 */
import { loadApp } from "../functions-host/load-app.ts";
import type { InvokeInput } from "../functions-host/invoke-function.ts";

async function answerOnce([root = "", name = "", input = "{}"]: readonly string[]): Promise<void> {
  const app = await loadApp({ root });
  const { response } = await app.invoke(name, JSON.parse(input) as InvokeInput);
  await response.text();
  const ms = performance.now();
  if (response.status >= 400) throw new Error(`${name} answered ${response.status}`);
  console.log(ms);
  process.exit();
}

// The bundle is CommonJS, which does not have top-level `await`.
void answerOnce(process.argv.slice(2));
