/**
 * A lookup of 1,000 files as it is shipped, its process killed with SIGKILL at each named point,
 * alone and beside a second live instance. Judged from the job's report and from the calls that the
 * simulated tenant counted.
 */
import { createHash } from "node:crypto";
import { bulkStatePath } from "../../shared/files/bulk-lookup.ts";
import { maxParallelLookups } from "../../shared/files/hash-lookup.ts";
import { createTenantRecords, defaultTenant } from "../../shared/storage/tenant-records.ts";
import { createRecordStore } from "../../shared/clients/records.ts";
import { createStorageClients } from "../../shared/clients/storage.ts";
import type { FileReport } from "../../shared/contracts/file-result.ts";
import { dayMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import { runHost, type RunningHost } from "../functions-host/run-host.ts";
import { createAppRoot } from "../support/app-root.ts";
import { startSimulator } from "../simulator/simulator.ts";
import { runTrials, createKillSwitch, type TrialEnvironment } from "./kill-trials.ts";

/**
 * A point, and how often all instances together pass it unharmed first: a job is killed in its
 * midst, too.
 */
interface FailpointCase {
  readonly failpoint: string;
  readonly passes: number;
  readonly isBulk?: boolean;
}

const failpointCases: readonly FailpointCase[] = [
  { failpoint: "J1 input written", passes: 0 },
  { failpoint: "J2 header written", passes: 0 },
  { failpoint: "J3 message sent", passes: 0 },
  { failpoint: "J4 message read", passes: 0 },
  { failpoint: "J4 message read", passes: 5 },
  { failpoint: "J5 part looked up", passes: 3 },
  { failpoint: "J6 result written", passes: 4 },
  { failpoint: "J6 result written", passes: 9 },
  { failpoint: "F1 permit acquired", passes: 300 },
  { failpoint: "F2 lease acquired", passes: 400 },
  { failpoint: "F3 answer read", passes: 500 },
  { failpoint: "F4 answer stored", passes: 600 },
  { failpoint: "F5 profile read", passes: 0, isBulk: true },
  { failpoint: "F6 organization read", passes: 0, isBulk: true },
  { failpoint: "J5 part looked up", passes: 0, isBulk: true },
  { failpoint: "J6 result written", passes: 0, isBulk: true },
];

interface FileKillResult extends FailpointCase {
  readonly instances: number;
  readonly died: boolean;
  readonly unanswered: number;
  /** Calls beyond one a hash, or beyond two a batch. */
  readonly isWithinCallLimit: boolean;
  readonly calls: number;
}

/**
 * More on the smallest machine, and calls outlast their 15 s while all start at once; the tries
 * again would be counted.
 */
const maxParallelism = 2;
const hashCount = 1_000;
const functionNames = ["enrich_files", "process_file_lookups", "get_job"];

/**
 * @param prefixes - beginnings of the points' names
 * @returns whether everything held
 */
export async function killFiles(
  prefixes: readonly string[],
  parallelism: number,
  printLine: (line: string) => void,
): Promise<boolean> {
  const selected = failpointCases.filter(({ failpoint }) =>
    prefixes.some((prefix) => failpoint.startsWith(prefix)),
  );
  const trials = selected.flatMap((failpointCase) =>
    [1, 2].map((instances) => ({ ...failpointCase, instances })),
  );
  let passed = 0;
  await runTrials(
    trials,
    { parallelism: Math.min(parallelism, maxParallelism), app: createAppRoot({}) },
    async (trial, environment) => {
      const { failpoint, passes, instances, isBulk } = trial;
      const name = `${failpoint}${isBulk ? " of a batch" : ""}, after ${passes} passes, ${instances} alive`;
      const result = await killOnce(environment, trial, instances).catch(String);
      if (typeof result === "string") return printLine(`BROKEN OFF ${name}: ${result}`);
      const { isWithinCallLimit, calls, died, unanswered } = result;
      const hasPassed = died && unanswered === 0 && isWithinCallLimit;
      if (hasPassed) passed += 1;
      printLine(
        `${died ? "killed at" : "NEVER REACHED"} ${name}: ${unanswered} of ${hashCount} unanswered, ${calls} calls${hasPassed ? "" : " — BROKEN"}`,
      );
    },
  );
  printLine(`files: kill points ${passed} of ${trials.length}`);
  return passed === trials.length;
}

async function killOnce(
  { root, storage }: TrialEnvironment,
  failpointCase: FailpointCase,
  instances: number,
): Promise<FileKillResult> {
  const simulator = await startSimulator({
    behaviors: {
      files: { quota: { perMinute: null, perHour: null } },
      hunting: { quota: { perMinute: null } },
    },
  });
  const killSwitch = createKillSwitch();
  const hosts: RunningHost[] = [];
  const startHost = async (
    extraSettings: Readonly<Record<string, string>> = {},
  ): Promise<RunningHost> => {
    const quota = { FILES_CALLS_PER_MINUTE: "1000", FILES_CALLS_PER_HOUR: "60000" };
    const settings = {
      ...simulator.settings,
      ...quota,
      DataStorage: storage,
      AzureWebJobsStorage: storage,
      ...extraSettings,
    };
    const host = await runHost({
      root,
      functions: functionNames,
      invisibilitySeconds: 15,
      preload: killSwitch.preload,
      settings,
    });
    hosts.push(host);
    return host;
  };
  try {
    if (!failpointCase.isBulk) await disableBulk(storage);
    const [firstHost] = await Promise.all(
      Array.from({ length: instances }, () =>
        startHost(
          killSwitch.settingsFor(
            failpointCase.failpoint,
            Math.floor(failpointCase.passes / instances),
          ),
        ),
      ),
    );
    const sha1 = Array.from({ length: hashCount }, (_, index) =>
      createHash("sha1").update(`${failpointCase.failpoint} ${index}`).digest("hex"),
    );
    const jobUrl = firstHost && (await requestLookup(firstHost, sha1).catch(() => undefined));
    await Promise.race([
      ...hosts.map(({ exited: ended }) => ended),
      jobUrl === undefined ? undefined : waitForReport(jobUrl),
    ]).catch(() => undefined);
    const freshHost = await startHost();
    // As a Logic App does: what was not answered is asked again.
    const report = await waitForReport(
      new URL(jobUrl ?? (await requestLookup(freshHost, sha1)), freshHost.url),
      freshHost,
    );
    const paths = simulator.listRequests().map(({ path }) => path);
    const singleCalls = paths.filter((path) => path.includes("/stats?")).length;
    const batchCalls = paths.filter((path) => path.endsWith("/runHuntingQuery")).length;
    return {
      ...failpointCase,
      instances,
      died: killSwitch.hasFired(),
      unanswered: hashCount - report.results.filter(({ status }) => status === "notFound").length,
      calls: failpointCase.isBulk ? batchCalls : singleCalls,
      // A hash that was in flight at the death may be asked again, and so may a batch's two
      // questions.
      isWithinCallLimit: failpointCase.isBulk
        ? batchCalls <= 4
        : singleCalls <= hashCount + 4 * maxParallelLookups,
    };
  } finally {
    await Promise.all(hosts.map((one) => one.kill()));
    await simulator.stop();
    killSwitch.remove();
  }
}

/** As after a 400 that names the function: the job goes hash by hash. */
async function disableBulk(storage: string): Promise<void> {
  const { blobs } = await createStorageClients({ kind: "connection-string", value: storage });
  const disabledUntil = new Date(Date.now() + dayMs).toISOString();
  await createTenantRecords(createRecordStore(blobs), defaultTenant).create(bulkStatePath, {
    version: 1,
    disabledUntil,
    reason: "Unknown function",
  });
}

/** @returns the address of the job */
async function requestLookup(host: RunningHost, sha1: readonly string[]): Promise<string> {
  const reply = await fetch(`${host.url}/api/files/stats`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sha1 }),
  });
  const location = reply.headers.get("location");
  if (reply.status !== 202 || location === null)
    throw new Error(`the lookup was answered ${reply.status}`);
  return location;
}

const timeoutMs = 240 * secondMs;

async function waitForReport(jobUrl: string | URL, host?: RunningHost): Promise<FileReport> {
  const url = new URL(jobUrl);
  if (host) url.port = new URL(host.url).port;
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    const reply = await fetch(url);
    if (reply.status === 200) return ((await reply.json()) as { result: FileReport }).result;
    if (reply.status !== 202 || Date.now() > deadlineMs)
      throw new Error(`the job is answered ${reply.status}`);
    await reply.arrayBuffer();
    await systemClock.sleep(200);
  }
}
