/**
 * A lookup of 1,000 files as it is shipped, its process killed with SIGKILL at each named point, alone and beside a second
 * live instance. Judged from the job's report and from the calls that the simulated tenant counted.
 */
import { createHash } from "node:crypto";
import { bulkStatePath } from "../../shared/files/bulk.ts";
import { lookUpWidth } from "../../shared/files/look-up.ts";
import { openRecords } from "../../shared/clients/records.ts";
import { openStorage } from "../../shared/clients/storage.ts";
import type { FileReport } from "../../shared/contracts/file-result.ts";
import { dayMs, secondMs, systemClock } from "../../shared/runtime/time.ts";
import { runHost, type RunningHost } from "../functions-host/run.ts";
import { appRoot } from "../support/app-root.ts";
import { startTenant } from "../simulator/simulator.ts";
import { inTrials, oneDeath, type Ground } from "./kill-trials.ts";

/** A point, and how often all instances together pass it unharmed first: a job is killed in its midst, too. */
interface Place {
  readonly point: string;
  readonly passes: number;
  readonly bulk?: boolean;
}

const places: readonly Place[] = [
  { point: "J1 input written", passes: 0 },
  { point: "J2 header written", passes: 0 },
  { point: "J3 message sent", passes: 0 },
  { point: "J4 message read", passes: 0 },
  { point: "J4 message read", passes: 5 },
  { point: "J5 part looked up", passes: 3 },
  { point: "J6 result written", passes: 4 },
  { point: "J6 result written", passes: 9 },
  { point: "F1 turn taken", passes: 300 },
  { point: "F2 marked", passes: 400 },
  { point: "F3 answer read", passes: 500 },
  { point: "F4 answer kept", passes: 600 },
  { point: "F5 profile read", passes: 0, bulk: true },
  { point: "F6 organisation read", passes: 0, bulk: true },
  { point: "J5 part looked up", passes: 0, bulk: true },
  { point: "J6 result written", passes: 0, bulk: true },
];

interface Verdict extends Place {
  readonly instances: number;
  readonly died: boolean;
  readonly unanswered: number;
  /** Calls beyond one a hash, or beyond two a batch. */
  readonly asInFlight: boolean;
  readonly calls: number;
}

/** More on the smallest machine, and calls outlast their 15 s while all start at once; the tries again would be counted. */
const mostAtOnce = 2;
const hashes = 1_000;
const functions = ["file_stats", "look_up_files", "show_job"];

/**
 * @param chosen - beginnings of the points' names
 * @returns whether everything held
 */
export async function killFiles(
  chosen: readonly string[],
  atOnce: number,
  say: (line: string) => void,
): Promise<boolean> {
  const wanted = places.filter(({ point }) => chosen.some((start) => point.startsWith(start)));
  const trials = wanted.flatMap((place) => [1, 2].map((instances) => ({ ...place, instances })));
  let held = 0;
  await inTrials(
    trials,
    { atOnce: Math.min(atOnce, mostAtOnce), app: appRoot({}) },
    async (trial, ground) => {
      const { point, passes, instances, bulk } = trial;
      const name = `${point}${bulk ? " of a batch" : ""}, after ${passes} passes, ${instances} alive`;
      const verdict = await killOnce(ground, trial, instances).catch(String);
      if (typeof verdict === "string") return say(`BROKEN OFF ${name}: ${verdict}`);
      const { asInFlight, calls, died, unanswered } = verdict;
      const isHeld = died && unanswered === 0 && asInFlight;
      if (isHeld) held += 1;
      say(
        `${died ? "killed at" : "NEVER REACHED"} ${name}: ${unanswered} of ${hashes} unanswered, ${calls} calls${isHeld ? "" : " — BROKEN"}`,
      );
    },
  );
  say(`files: kill points ${held} of ${trials.length}`);
  return held === trials.length;
}

async function killOnce(
  { root, storage }: Ground,
  place: Place,
  instances: number,
): Promise<Verdict> {
  const tenant = await startTenant({
    switches: {
      files: { quota: { perMinute: null, perHour: null } },
      hunting: { quota: { perMinute: null } },
    },
  });
  const death = oneDeath();
  const hosts: RunningHost[] = [];
  const host = async (more: Readonly<Record<string, string>> = {}): Promise<RunningHost> => {
    const quota = { FILES_CALLS_PER_MINUTE: "1000", FILES_CALLS_PER_HOUR: "60000" };
    const settings = {
      ...tenant.settings,
      ...quota,
      DataStorage: storage,
      AzureWebJobsStorage: storage,
      ...more,
    };
    const one = await runHost({
      root,
      functions,
      invisibilitySeconds: 15,
      preload: death.preload,
      settings,
    });
    hosts.push(one);
    return one;
  };
  try {
    if (!place.bulk) await switchBulkOff(storage);
    const [first] = await Promise.all(
      Array.from({ length: instances }, () =>
        host(death.at(place.point, Math.floor(place.passes / instances))),
      ),
    );
    const sha1 = Array.from({ length: hashes }, (_, index) =>
      createHash("sha1").update(`${place.point} ${index}`).digest("hex"),
    );
    const job = first && (await ask(first, sha1).catch(() => undefined));
    await Promise.race([
      ...hosts.map(({ ended }) => ended),
      job === undefined ? undefined : reportOf(job),
    ]).catch(() => undefined);
    const fresh = await host();
    // As a Logic App does: what was not answered is asked again.
    const report = await reportOf(new URL(job ?? (await ask(fresh, sha1)), fresh.url), fresh);
    const paths = tenant.requests().map(({ path }) => path);
    const single = paths.filter((path) => path.includes("/stats?")).length;
    const batches = paths.filter((path) => path.endsWith("/runHuntingQuery")).length;
    return {
      ...place,
      instances,
      died: death.hasCome(),
      unanswered: hashes - report.results.filter(({ status }) => status === "not_found").length,
      calls: place.bulk ? batches : single,
      // A hash that was in flight at the death may be asked again, and so may a batch's two questions.
      asInFlight: place.bulk ? batches <= 4 : single <= hashes + 4 * lookUpWidth,
    };
  } finally {
    await Promise.all(hosts.map((one) => one.kill()));
    await tenant.stop();
    death.forget();
  }
}

/** As after a 400 that names the function: the job goes hash by hash. */
async function switchBulkOff(storage: string): Promise<void> {
  const { blobs } = await openStorage({ kind: "connection-string", value: storage });
  const offUntil = new Date(Date.now() + dayMs).toISOString();
  await openRecords(blobs).create(bulkStatePath, {
    version: 1,
    offUntil,
    reason: "Unknown function",
  });
}

/** @returns the address of the job */
async function ask(host: RunningHost, sha1: readonly string[]): Promise<string> {
  const reply = await fetch(`${host.url}/api/files/stats`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sha1 }),
  });
  const place = reply.headers.get("location");
  if (reply.status !== 202 || place === null)
    throw new Error(`the lookup was answered ${reply.status}`);
  return place;
}

const patienceMs = 240 * secondMs;

async function reportOf(job: string | URL, host?: RunningHost): Promise<FileReport> {
  const place = new URL(job);
  if (host) place.port = new URL(host.url).port;
  const end = Date.now() + patienceMs;
  for (;;) {
    const reply = await fetch(place);
    if (reply.status === 200) return (await reply.json()) as FileReport;
    if (reply.status !== 202 || Date.now() > end)
      throw new Error(`the job is answered ${reply.status}`);
    await reply.arrayBuffer();
    await systemClock.sleep(200);
  }
}
