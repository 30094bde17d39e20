/**
 * One hunt as it is shipped, for the long promises: the built bundle in hosts of its own, against an account of one
 * Azurite and a simulated tenant. Judged from the blobs that lie there and the tenant's world, never by asking the app.
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

/** A folder with the bundle and the trial's hunt. */
export const createTrialRoot = (): ReturnType<typeof createAppRoot> =>
  createAppRoot({ [`${huntName}.yaml`]: huntYaml });

export interface HuntTrial {
  readonly simulator: Simulator;
  /** Starts one more instance. */
  readonly startHost: (options?: Parameters<typeof runHost>[0]) => Promise<RunningHost>;
  /** Takes the soft claim away, as if it never held: two instances then work on one window. */
  readonly dropLease: () => Promise<void>;
  readonly checkExports: () => Promise<ExportCheck>;
  readonly stop: () => Promise<void>;
}

/** Enough for runs and their jobs, and no timer: a timer's run would come from outside the trial. */
const functionNames = ["process_hunt_runs", "run_hunt", "get_job"];

/**
 * @param storage - connection string of an account that nobody else uses
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

/** Asks for a run. @returns the address of its job */
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

/** Asks for a run and waits for its job. */
export async function runToEnd(host: RunningHost): Promise<void> {
  const jobUrl = await startRun(host);
  const deadlineMs = Date.now() + timeoutMs;
  while ((await fetch(jobUrl)).status !== 200) {
    if (Date.now() > deadlineMs)
      throw new Error(`the job does not end:\n${readOwnLines(host).slice(-4_000)}`);
    await systemClock.sleep(100);
  }
}

/** What a host said, without the questions for the job. */
const readOwnLines = (host: RunningHost): string =>
  host
    .output()
    .split("\n")
    .filter((line) => !line.includes("get_job"))
    .join("\n");
