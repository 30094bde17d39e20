/**
 * `npm run bench -- [suite …] [--json]`: measures ratios to limits of this machine, both sides in
 * one run. Exits with 1 if the median and the best sample miss a goal.
 */
import { parseArgs } from "node:util";
import { formatLine, type Result, type Suite } from "./harness.ts";

/** Each suite is loaded on demand. */
const suites: Readonly<Record<string, () => Promise<Suite>>> = {
  load: async () => (await import("./load.ts")).measureLoad,
  hunts: async () => (await import("./hunts.ts")).measureHunts,
  alerts: async () => (await import("./alerts.ts")).measureAlerts,
  files: async () => (await import("./files.ts")).measureFiles,
  webhooks: async () => (await import("./webhooks.ts")).measureWebhooks,
  hostile: async () => (await import("./hostile-bodies.ts")).measureHostileBodies,
  console: async () => (await import("./console.ts")).measureConsole,
  tenants: async () => (await import("./tenants.ts")).measureTenants,
};

/** Programs of child processes: `run.ts child <name> …`. */
const children: Readonly<Record<string, (...args: string[]) => Promise<void>>> = {
  source: async () => (await import("./source.ts")).serveAnswers(),
  cut: async (kind = "", method = "") => (await import("./cut-once.ts")).cutOnce(kind, method),
  webhooks: async (kind = "", connection = "", key = "") =>
    (await import("./webhooks-server.ts")).serveWebhooks(kind, connection, key),
  load: async (file = "", firstCallFile = "") =>
    (await import("./load-once.ts")).loadOnce(file, firstCallFile),
};

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean", default: false } },
  });
  const requested = positionals.length > 0 ? positionals : Object.keys(suites);
  const unknown = requested.filter((name) => !(name in suites));
  if (unknown.length > 0) {
    console.error(`No suite ${unknown.join(", ")}; there are: ${Object.keys(suites).join(", ")}`);
    process.exitCode = 2;
    return;
  }
  const results: (Result & { readonly suite: string })[] = [];
  for (const name of requested) {
    const suite = await suites[name]?.();
    if (!suite) continue;
    for await (const result of suite()) {
      results.push({ suite: name, ...result });
      if (!values.json) console.log(formatLine(result));
    }
  }
  if (values.json) console.log(JSON.stringify({ node: process.version, results }, null, 2));
  process.exitCode = results.some(({ verdict }) => verdict === "missed") ? 1 : 0;
}

const [, , first, child = "", ...rest] = process.argv;
await (first === "child" ? children[child]?.(...rest) : main());
