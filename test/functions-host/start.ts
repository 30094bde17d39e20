/**
 * `npm start`: the whole of Huntline on one machine. Builds the app, starts Azurite, the simulated tenant and the local
 * host, does each of the three jobs once, says what happened and where to look, then serves until Ctrl+C.
 *
 * With a local.settings.json that names a tenant, the same app talks to the real Microsoft APIs instead.
 */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { formatReport, greeting } from "./report.ts";
import { createProgress } from "./progress.ts";
import { runHost, type RunningHost } from "./run-host.ts";
import { findPort, startDependencies, type Dependencies } from "./dependencies.ts";
import {
  closeAlert,
  listEnabledHunts,
  enrichFiles,
  pickHashes,
  runHunt,
  type DemoHunt,
} from "./demo.ts";

const { values } = parseArgs({
  options: {
    fresh: { type: "boolean", default: false },
    port: { type: "string", default: "7071" },
    folder: { type: "string", default: ".huntline" },
    once: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(
    "npm start [-- --fresh] [--port 7071] [--folder .huntline] [--once]\n\n  --fresh  forget what earlier runs exported\n  --port   where the app answers\n  --folder where exports and records are kept\n  --once   stop after the first account",
  );
  process.exit(0);
}

const root = resolve(import.meta.dirname, "../..");
console.log(greeting);
const progress = createProgress();
progress.step(0, 4, "building the app");
execFileSync(process.execPath, [resolve(root, "shared/build/build.ts")], {
  cwd: root,
  stdio: ["ignore", "ignore", "inherit"],
});
progress.step(1, 4, "starting Azurite and the simulated Microsoft cloud");
const dependencies = await startDependencies(root, {
  folder: resolve(root, values.folder),
  fresh: values.fresh,
});
progress.step(2, 4, "starting the app");
const host = await runHost({
  settings: dependencies.settings,
  root,
  port: await findPort(Number(values.port)),
});

const stopAll = async (): Promise<void> => {
  console.log("\nStopping; exports stay in .huntline/ for the next start.");
  await host.stop();
  await dependencies.stop();
  process.exit(0);
};
process.once("SIGINT", () => void stopAll());
process.once("SIGTERM", () => void stopAll());
void host.exited.then(async ({ code }) => {
  if (code === 0) return;
  console.error(
    `The app ended by itself (${code}). Its last words:\n${host.output().slice(-4_000)}`,
  );
  await dependencies.stop();
  process.exit(1);
});

console.log(formatReport(host, dependencies, await runDemo(host, dependencies)));
if (values.once) await stopAll();

async function runDemo({ url }: RunningHost, { simulator, alerts: [alertId] }: Dependencies) {
  const names = await listEnabledHunts(url);
  let done = 0;
  progress.step(done, names.length, `hunting: ${names.join(", ")}`);
  const hunts: DemoHunt[] = await Promise.all(
    names.map(async (name) => {
      const result = await runHunt(url, name);
      progress.step((done += 1), names.length, `done: ${name}`);
      return result;
    }),
  );
  progress.end(`${hunts.length} hunts ran.`);
  if (!simulator || alertId === undefined) return { hunts, files: [], alert: undefined };
  const files = await enrichFiles(url, pickHashes(simulator));
  return { hunts, files, alert: { alertId, ...(await closeAlert(url, alertId)) } };
}
