/**
 * `npm run bench -- [suite …] [--json]`: measures ratios against limits of this machine, both sides in one
 * run. Ends with 1 when a goal is missed in the median and in the best sample.
 */
import { parseArgs } from "node:util";
import { lineFor, type Result, type Suite } from "./harness.ts";

/** Each suite is loaded when asked for. */
const suites: Readonly<Record<string, () => Promise<Suite>>> = {
  hunts: async () => (await import("./hunts.ts")).hunts,
  alerts: async () => (await import("./alerts.ts")).alerts,
  files: async () => (await import("./files.ts")).files,
  webhooks: async () => (await import("./webhooks.ts")).webhooks,
};

/** What a child process does: `run.ts child <name> …`. */
const children: Readonly<Record<string, (...args: string[]) => Promise<void>>> = {
  source: async () => (await import("./source.ts")).serve(),
  cut: async (kind = "", way = "") => (await import("./cut-once.ts")).cutOnce(kind, way),
  webhooks: async (kind = "", connection = "", key = "") =>
    (await import("./webhooks-server.ts")).serveWebhooks(kind, connection, key),
  load: async (file = "", more = "") => (await import("./load-once.ts")).loadOnce(file, more),
};

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean", default: false } },
  });
  const asked = positionals.length > 0 ? positionals : Object.keys(suites);
  const unknown = asked.filter((name) => !(name in suites));
  if (unknown.length > 0) {
    console.error(`No suite ${unknown.join(", ")}; there are: ${Object.keys(suites).join(", ")}`);
    process.exitCode = 2;
    return;
  }
  const results: (Result & { readonly suite: string })[] = [];
  for (const name of asked) {
    const suite = await suites[name]?.();
    if (!suite) continue;
    for await (const result of suite()) {
      results.push({ suite: name, ...result });
      if (!values.json) console.log(lineFor(result));
    }
  }
  if (values.json) console.log(JSON.stringify({ node: process.version, results }, null, 2));
  process.exitCode = results.some(({ verdict }) => verdict === "missed") ? 1 : 0;
}

const [, , first, child = "", ...rest] = process.argv;
await (first === "child" ? children[child]?.(...rest) : main());
