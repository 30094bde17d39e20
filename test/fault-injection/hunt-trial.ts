/**
 * Runs one hunt in the built bundle, in separate hosts, against Azurite and the simulator. Checks
 * compare the blobs with the simulator's dataset, not with the app's answers.
 */
import { BlobServiceClient } from "@azure/storage-blob";
import { hourMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import { runHost, type RunningHost } from "../functions-host/run-host.ts";
import { createAppRoot } from "../support/app-root.ts";
import { readExports } from "../support/exported-blobs.ts";
import { startSimulator, type Simulator } from "../simulator/simulator.ts";
import { checkExports, watchedQuery, type ExportCheck } from "./hunt-export-check.ts";

/** The hunt that every trial runs. */
const huntName = "trial";
const huntYaml = `name: ${huntName}\nquery: ${watchedQuery}\nqueryFrequency: 1h\n`;

/** Creates a folder with the bundle and the trial's hunt. */
export const createTrialRoot = (): ReturnType<typeof createAppRoot> =>
  createAppRoot({ [`${huntName}.yaml`]: huntYaml });

export interface HuntTrial {
  readonly simulator: Simulator;
  /** Starts another instance. */
  readonly startHost: (options?: Parameters<typeof runHost>[0]) => Promise<RunningHost>;
  /** Deletes the lease, so that two instances work on one window. */
  readonly dropLease: () => Promise<void>;
  readonly checkExports: () => Promise<ExportCheck>;
  readonly stop: () => Promise<void>;
}

/** Functions for runs and their jobs, without a timer: its runs would not belong to the trial. */
const functionNames = ["process_hunt_runs", "run_hunt", "get_job"];

/**
 * @param storage - connection string of an account for this trial alone
 * @param root - `createTrialRoot`
 */
export async function startTrial(storage: string, root: string): Promise<HuntTrial> {
  const simulator = await startSimulator({
    dataset: { eventsPerHour: { DeviceProcessEvents: 1_400 }, startMs: Date.now() - 72 * hourMs },
    behaviors: { hunting: { rowCap: 10_000, quota: { perMinute: null, perHour: null } } },
  });
  const generousQuotas = {
    HUNTING_CALLS_PER_MINUTE: "1000",
    HUNTING_CALLS_PER_HOUR: "60000",
    HUNTING_QUOTA_SHARE: "1",
  };
  const settings = {
    ...simulator.settings,
    ...generousQuotas,
    DataStorage: storage,
    AzureWebJobsStorage: storage,
  };
  const stateContainer =
    BlobServiceClient.fromConnectionString(storage).getContainerClient("state");
  const hosts: RunningHost[] = [];
  return {
    simulator,
    startHost: async (options = {}) => {
      const host = await runHost({
        root,
        functions: functionNames,
        invisibilitySeconds: 5,
        ...options,
        settings: { ...settings, ...options.settings },
      });
      hosts.push(host);
      return host;
    },
    dropLease: async () => {
      await stateContainer
        .getBlobClient(`hunts/${huntName}/lease.json`)
        .deleteIfExists()
        .catch(() => undefined);
    },
    checkExports: async () =>
      checkExports(simulator, await readExports(storage, huntName), Date.now()),
    stop: async () => {
      await Promise.all(hosts.map((one) => one.kill()));
      await simulator.stop();
    },
  };
}

/** Requests a run. @returns the URL of its job */
export async function startRun(host: RunningHost): Promise<string> {
  const reply = await fetch(`${host.url}/api/hunts/${huntName}/runs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const jobUrl = reply.headers.get("location");
  if (reply.status !== 202 || jobUrl === null)
    throw new Error(`the run was answered ${reply.status}`);
  return jobUrl;
}

const timeoutMs = 120 * secondMs;

/** Requests a run and waits for its job. */
export async function runToEnd(host: RunningHost): Promise<void> {
  const jobUrl = await startRun(host);
  const deadlineMs = Date.now() + timeoutMs;
  while ((await fetch(jobUrl)).status !== 200) {
    if (Date.now() > deadlineMs)
      throw new Error(`the job does not end:\n${readOwnLines(host).slice(-4_000)}`);
    await systemClock.sleep(100);
  }
}

/** Returns a host's log without the requests for the job. */
const readOwnLines = (host: RunningHost): string =>
  host
    .output()
    .split("\n")
    .filter((line) => !line.includes("get_job"))
    .join("\n");
