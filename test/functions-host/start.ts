/**
 * `npm start`: runs Huntline on one machine. It builds the app, starts Azurite, the simulated
 * Microsoft cloud and the local host, does each of the three jobs once, prints the results, then
 * serves until Ctrl+C. With a TENANT_ID in local.settings.json the app uses the real Microsoft
 * APIs.
 */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import {
  describeError,
  parseCommandLine,
  runProgram,
  UsageError,
} from "../../shared/cli/command-line.ts";
import { createOutput, formatCount } from "../../shared/cli/output.ts";
import { closeAlert, enrichFiles, listEnabledHunts, pickHashes, runHunt } from "./demo.ts";
import type { DemoHunt } from "./demo.ts";
import { findPort, startDependencies, type Dependencies } from "./dependencies.ts";
import { addSimulatorFault, simulatorFaults } from "./simulator-faults.ts";
import { createProgress } from "./progress.ts";
import { formatReport, greeting, type DemoResult } from "./report.ts";
import { LocalApp } from "./local-app.ts";
import type { RunningHost } from "./run-host.ts";
import { watchFolders } from "./watch-folders.ts";

const usage = `npm start -- [options]

  --fresh                   forget what earlier starts exported
  --port 7071               the app's port; the next free one when it is taken
  --folder .huntline        where exports and records are stored
  --verbose                 print the app's log
  --debug                   build with source maps and allow a debugger to attach
  --simulator-fault <kind>  make the simulated cloud fail: ${simulatorFaults.join(", ")}
  --tenants 3               simulate 2 to 9 tenants; requests take ?tenant=contoso
  --once                    stop after the first report
  --help, -h`;

const root = resolve(import.meta.dirname, "../..");
const output = createOutput(process.stdout, process.stderr);
const progress = createProgress();
const stepCount = 4;

/** Builds in another process, so that the bar keeps moving. */
const buildApp = (isDebug: boolean): Promise<void> =>
  new Promise((done, fail) => {
    const words = [resolve(root, "shared/build/build.ts"), ...(isDebug ? ["--debug"] : [])];
    execFile(process.execPath, words, { cwd: root }, (error, _, stderr) => {
      if (error) fail(new Error(`The app could not be built:\n${stderr}`));
      else done();
    });
  });

function readPort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError("--port must be a whole number from 0 to 65535.");
  return port;
}

const tenantNames = [
  "contoso",
  "fabrikam",
  "northwind",
  "tailspin",
  "wingtip",
  "adatum",
  "litware",
  "proseware",
];

/** Returns the names of the tenants beside `default`. */
function readTenants(text = "1"): readonly string[] {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > tenantNames.length + 1)
    throw new UsageError(`--tenants must be a whole number from 1 to ${tenantNames.length + 1}.`);
  return tenantNames.slice(0, count - 1);
}

async function start(words: readonly string[]): Promise<number> {
  const line = parseCommandLine(words, {
    fresh: "flag",
    port: "text",
    folder: "text",
    verbose: "flag",
    debug: "flag",
    "simulator-fault": "text",
    tenants: "text",
    once: "flag",
  });
  if (line.isHelp) {
    output.line(usage);
    return 0;
  }
  const [unexpected] = line.positionals;
  if (unexpected !== undefined)
    throw new UsageError(`Unexpected "${unexpected}". Run with --help.`);
  const requestedPort = readPort(line.readText("port") ?? "7071");
  const fault = line.readText("simulator-fault");
  if (fault !== undefined && !simulatorFaults.some((name) => name === fault))
    throw new UsageError(`--simulator-fault must be one of ${simulatorFaults.join(", ")}.`);
  const folder = line.readText("folder") ?? ".huntline";

  output.line(greeting);
  progress.step(0, stepCount, "building the app");
  await buildApp(line.hasFlag("debug"));
  progress.step(1, stepCount, "starting Azurite and the simulated Microsoft cloud");
  const dependencies = await startDependencies(root, {
    folder: resolve(root, folder),
    fresh: line.hasFlag("fresh"),
    tenants: readTenants(line.readText("tenants")),
  });
  progress.step(2, stepCount, "starting the app");
  const port = await findPort(requestedPort);
  const app = new LocalApp(
    {
      settings: dependencies.settings,
      root,
      port,
      nodeOptions: line.hasFlag("debug") ? ["--enable-source-maps"] : [],
      ...(line.hasFlag("verbose") ? { onOutput: (text) => void process.stdout.write(text) } : {}),
    },
    (ended, code) => void endWithApp(ended, code, dependencies),
  );
  const host = await app.start();
  const isMoved = requestedPort !== 0 && port !== requestedPort;
  const demo = await runDemo(host, dependencies, stopOnSignal(app, dependencies, folder));
  if (isMoved) output.line(`Port ${requestedPort} is taken, so the app uses port ${port}.\n`);
  output.line(formatReport(host, dependencies, demo));
  if (fault !== undefined && dependencies.simulator)
    output.line(`\n${addSimulatorFault(dependencies.simulator, fault)}`);
  if (line.hasFlag("once")) process.kill(process.pid, "SIGTERM");
  else
    watchFolders(
      watchedFolders.map((name) => resolve(root, name)),
      () => reloadHunts(app, line.hasFlag("debug"), demo.hunts),
    );
  return 0;
}

/** What the build compiles and a person edits while the app runs. */
const watchedFolders = ["shared/hunts/catalog", "shared/webhooks/mappings"];

/** Builds the app and replaces its process; with a fault in a hunt the former one continues. */
async function reloadHunts(
  app: LocalApp,
  isDebug: boolean,
  formerHunts: readonly DemoHunt[],
): Promise<void> {
  output.line("\nHunts or mappings changed; building the app.");
  try {
    await buildApp(isDebug);
    const { url } = await app.replace();
    const names = await listEnabledHunts(url);
    const added = names.filter((name) => !formerHunts.some(({ hunt }) => hunt === name));
    output.line(
      `The app runs with ${formatCount(names.length, "enabled hunt")}` +
        `${added.length > 0 ? `, new since the start: ${added.join(", ")}` : ""}. Run one now:\n` +
        `  curl -s -X POST -H 'content-type: application/json' -d '{}' ` +
        `${url}/api/hunts/${added[0] ?? names[0] ?? "<hunt>"}/runs`,
    );
  } catch (error) {
    output.error(describeError(error));
    output.error("The app continues with the former hunts.");
  }
}

/** Stops everything when the app ends by itself. */
async function endWithApp(
  host: RunningHost,
  code: number | null,
  dependencies: Dependencies,
): Promise<void> {
  progress.end("");
  output.error(`The app ended (${code ?? "killed"}). Its last output:`);
  output.error(host.output().slice(-4_000));
  await dependencies.stop();
  process.exit(1);
}

/** Stops everything on Ctrl+C. Returns whether it is stopping. */
function stopOnSignal(app: LocalApp, dependencies: Dependencies, folder: string): () => boolean {
  let isStopping = false;
  const stopAll = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    progress.end("");
    output.line(`Stopping. Exports stay in ${folder} for the next start.`);
    await app.stop();
    await dependencies.stop();
    process.exit(0);
  };
  process.once("SIGINT", () => void stopAll());
  process.once("SIGTERM", () => void stopAll());
  return () => isStopping;
}

async function runDemo(
  { url }: RunningHost,
  { simulator, alerts: [alertId] }: Dependencies,
  isStopping: () => boolean,
): Promise<DemoResult> {
  const names = await listEnabledHunts(url);
  let done = 0;
  progress.step(done, names.length, "running the hunts");
  const hunts: DemoHunt[] = await Promise.all(
    names.map(async (name) => {
      const result = await runHunt(url, name);
      if (!isStopping())
        progress.step((done += 1), names.length, `running the hunts: ${name} done`);
      return result;
    }),
  );
  progress.step(3, stepCount, "looking up files and closing an alert");
  const files = simulator ? await enrichFiles(url, pickHashes(simulator)) : [];
  const alert =
    simulator && alertId !== undefined
      ? { alertId, ...(await closeAlert(url, alertId)) }
      : undefined;
  progress.end(`${hunts.length === 1 ? "1 hunt" : `${hunts.length} hunts`} finished.\n`);
  return { hunts, files, alert };
}

await runProgram(output, () => start(process.argv.slice(2)));
// After a failed start, the services that run would keep the process alive.
if (process.exitCode !== 0) process.exit();
