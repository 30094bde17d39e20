/**
 * `npm start`: the whole of Huntline on one machine. Builds the app, starts Azurite, the simulated tenant and the local
 * host, does each of the three jobs once, says what happened and where to look, then serves until Ctrl+C.
 *
 * With a local.settings.json that names a tenant, the same app talks to the real Microsoft APIs instead.
 */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { account, greeting } from "./report.ts";
import { showProgress } from "./progress.ts";
import { runHost, type RunningHost } from "./run.ts";
import { portNear, surround, type Surroundings } from "./dependencies.ts";
import {
  closeOne,
  enabledHunts,
  enrichTwo,
  hashesToTry,
  runHuntNow,
  type HuntAccount,
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
const progress = showProgress();
progress.step(0, 4, "building the app");
execFileSync(process.execPath, [resolve(root, "shared/build/build.ts")], {
  cwd: root,
  stdio: ["ignore", "ignore", "inherit"],
});
progress.step(1, 4, "starting Azurite and the simulated Microsoft cloud");
const around = await surround(root, { folder: resolve(root, values.folder), fresh: values.fresh });
progress.step(2, 4, "starting the app");
const host = await runHost({
  settings: around.settings,
  root,
  port: await portNear(Number(values.port)),
});

const stop = async (): Promise<void> => {
  console.log("\nStopping; exports stay in .huntline/ for the next start.");
  await host.stop();
  await around.stop();
  process.exit(0);
};
process.once("SIGINT", () => void stop());
process.once("SIGTERM", () => void stop());
void host.ended.then(async ({ code }) => {
  if (code === 0) return;
  console.error(
    `The app ended by itself (${code}). Its last words:\n${host.output().slice(-4_000)}`,
  );
  await around.stop();
  process.exit(1);
});

console.log(account(host, around, await tour(host, around)));
if (values.once) await stop();

async function tour({ url }: RunningHost, { tenant, alerts: [alertId] }: Surroundings) {
  const names = await enabledHunts(url);
  let done = 0;
  progress.step(done, names.length, `hunting: ${names.join(", ")}`);
  const hunts: HuntAccount[] = await Promise.all(
    names.map(async (name) => {
      const ran = await runHuntNow(url, name);
      progress.step((done += 1), names.length, `done: ${name}`);
      return ran;
    }),
  );
  progress.end(`${hunts.length} hunts ran.`);
  if (!tenant || alertId === undefined) return { hunts, files: [], alert: undefined };
  const files = await enrichTwo(url, hashesToTry(tenant));
  return { hunts, files, alert: { alertId, ...(await closeOne(url, alertId)) } };
}
