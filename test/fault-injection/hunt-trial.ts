/**
 * One hunt as it is shipped, for the long promises: the built bundle in hosts of its own, against an account of one
 * Azurite and a simulated tenant. Judged from the blobs that lie there and the tenant's world, never by asking the app.
 */
import { BlobServiceClient } from "@azure/storage-blob";
import { hourMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import { runHost, type RunningHost } from "../functions-host/run.ts";
import { appRoot } from "../support/app-root.ts";
import { exportsOf } from "../support/exported.ts";
import { startTenant, type Tenant } from "../simulator/simulator.ts";
import { judge, watchedQuery, type Judgement } from "./hunt-judgement.ts";

/** The hunt that every trial runs. */
const hunt = "trial";
const huntYaml = `name: ${hunt}\nquery: ${watchedQuery}\nqueryFrequency: 1h\n`;

/** A folder with the bundle and the trial's hunt. */
export const trialRoot = (): ReturnType<typeof appRoot> => appRoot({ [`${hunt}.yaml`]: huntYaml });

export interface HuntTrial {
  readonly tenant: Tenant;
  /** Starts one more instance. */
  readonly host: (options?: Parameters<typeof runHost>[0]) => Promise<RunningHost>;
  /** Takes the soft claim away, as if it never held: two instances then work on one window. */
  readonly dropClaim: () => Promise<void>;
  readonly judge: () => Promise<Judgement>;
  readonly end: () => Promise<void>;
}

/** Enough for runs and their jobs, and no timer: a timer's run would come from outside the trial. */
const functions = ["run_hunt", "start_hunt", "show_job"];

/**
 * @param storage - connection string of an account that nobody else uses
 * @param root - `trialRoot`
 */
export async function openTrial(storage: string, root: string): Promise<HuntTrial> {
  const tenant = await startTenant({
    world: { eventsPerHour: { DeviceProcessEvents: 1_400 }, startMs: Date.now() - 72 * hourMs },
    switches: { hunting: { rowCap: 10_000, quota: { perMinute: null, perHour: null } } },
  });
  const generous = {
    HUNTING_CALLS_PER_MINUTE: "1000",
    HUNTING_CALLS_PER_HOUR: "60000",
    HUNTING_SHARE: "1",
  };
  const settings = {
    ...tenant.settings,
    ...generous,
    DataStorage: storage,
    AzureWebJobsStorage: storage,
  };
  const state = BlobServiceClient.fromConnectionString(storage).getContainerClient("state");
  const hosts: RunningHost[] = [];
  return {
    tenant,
    host: async (options = {}) => {
      const one = await runHost({
        root,
        functions,
        invisibilitySeconds: 5,
        ...options,
        settings: { ...settings, ...options.settings },
      });
      hosts.push(one);
      return one;
    },
    dropClaim: async () => {
      await state
        .getBlobClient(`hunts/${hunt}/claim.json`)
        .deleteIfExists()
        .catch(() => undefined);
    },
    judge: async () => judge(tenant, await exportsOf(storage, hunt), Date.now()),
    end: async () => {
      await Promise.all(hosts.map((one) => one.kill()));
      await tenant.stop();
    },
  };
}

/** Asks for a run. @returns the address of its job */
export async function startRun(host: RunningHost): Promise<string> {
  const started = await fetch(`${host.url}/api/hunts/${hunt}/runs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const job = started.headers.get("location");
  if (started.status !== 202 || job === null)
    throw new Error(`the run was answered ${started.status}`);
  return job;
}

const patienceMs = 120 * secondMs;

/** Asks for a run and waits for its job. */
export async function runToEnd(host: RunningHost): Promise<void> {
  const job = await startRun(host);
  const end = Date.now() + patienceMs;
  while ((await fetch(job)).status !== 200) {
    if (Date.now() > end) throw new Error(`the job does not end:\n${ownLines(host).slice(-4_000)}`);
    await systemClock.sleep(100);
  }
}

/** What a host said, without the questions for the job. */
const ownLines = (host: RunningHost): string =>
  host
    .output()
    .split("\n")
    .filter((line) => !line.includes("show_job"))
    .join("\n");
