/**
 * `npm run bench -- tenants`: 200 tenants with 20 hunts each. What their timers cost, and a day of
 * their runs on four instances on a virtual clock.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { enqueueTimerRuns, type TimerTenant } from "../../shared/app/enqueue-timer-runs.ts";
import {
  computeShareDelaySeconds,
  concurrentRuns,
  createTenantShare,
  type RunWithinShare,
} from "../../shared/app/tenant-share.ts";
import { createMessageQueues } from "../../shared/clients/queues.ts";
import { createRecordStore } from "../../shared/clients/records.ts";
import { createStorageClients } from "../../shared/clients/storage.ts";
import type { HuntRun } from "../../shared/contracts/hunt-run.ts";
import { clearWaiting } from "../../shared/hunts/run/run-queue.ts";
import { hourMs, minuteMs, secondMs } from "../../shared/runtime/time.ts";
import type { MessageQueues, RecordStore } from "../../shared/storage/record-store.ts";
import { createTenantQueues, createTenantRecords } from "../../shared/storage/tenant-records.ts";
import { startAzurite } from "../support/azurite.ts";
import { testHunt } from "../support/hunt-source.ts";
import { createMemoryRecords } from "../support/memory-records.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";
import { spreadOf, toCeilingResult, type Result } from "./harness.ts";

const tenantCount = 200;
const instances = 4;
const hunts = Array.from({ length: 20 }, (_, index) => testHunt({ name: `finds-things-${index}` }));
const tenantNames = Array.from({ length: tenantCount }, (_, index) => `tenant-${index}`);

const createTenants = (records: RecordStore, queues: MessageQueues): readonly TimerTenant[] =>
  tenantNames.map((name) => {
    const [ownRecords, ownQueues] = [
      createTenantRecords(records, name),
      createTenantQueues(queues, name),
    ];
    return {
      tenant: { name, runsHunt: () => true },
      records: async () => ownRecords,
      queues: async () => ownQueues,
    };
  });

export async function* measureTenants(): AsyncIterable<Result> {
  yield await measureTimers();
  yield* await measureDay();
  yield await measureShares();
}

/** Plans and enqueues one run of every hunt of every tenant, on Azurite. */
async function measureTimers(): Promise<Result> {
  const azurite = await startAzurite();
  try {
    const { blobs, queues } = await createStorageClients({
      kind: "connection-string",
      value: azurite.connectionString(),
    });
    const tenants = createTenants(createRecordStore(blobs), createMessageQueues(queues));
    const startUsage = process.cpuUsage();
    for (const hunt of hunts) await enqueueTimerRuns(tenants, hunt, Date.now());
    const { system, user } = process.cpuUsage(startUsage);
    const cpuMs = (system + user) / 1_000;
    return toCeilingResult("timers of 200 tenants, 20 hunts, cpu", spreadOf([cpuMs]), 60_000, "ms");
  } finally {
    await azurite.stop();
  }
}

interface QueuedRun {
  readonly message: HuntRun & { readonly tenant?: string };
  readonly sentMs: number;
  readonly delayMs: number;
  visibleMs: number;
}

interface Deployment {
  readonly clock: VirtualClock;
  readonly queue: QueuedRun[];
  readonly tenants: readonly TimerTenant[];
  readonly records: RecordStore;
  /** Milliseconds that the runs of each tenant took. */
  readonly busyMs: Map<string, number>;
  doneCount: number;
  /** The longest time from when a run was due until it was done. */
  longestMs: number;
}

function createDeployment(): Deployment {
  const clock = createVirtualClock();
  const queue: QueuedRun[] = [];
  const records = createMemoryRecords({ clock });
  const send: MessageQueues["send"] = async (_, message, { delaySeconds = 0 } = {}) => {
    const delayMs = delaySeconds * secondMs;
    const sentMs = clock.now();
    queue.push({
      message: message as QueuedRun["message"],
      sentMs,
      delayMs,
      visibleMs: sentMs + delayMs,
    });
  };
  const tenants = createTenants(records, { send, depth: async () => queue.length });
  return { clock, queue, tenants, records, busyMs: new Map(), doneCount: 0, longestMs: 0 };
}

/** Starts the slots of every instance until an instant; each run takes as long as `drawMs` says. */
function startInstances(
  deployment: Deployment,
  untilMs: number,
  drawMs: (tenant: string) => number,
): Promise<void>[] {
  return Array.from({ length: instances }, () => createTenantShare()).flatMap((share) =>
    Array.from({ length: concurrentRuns }, () => runSlot(deployment, untilMs, share, drawMs)),
  );
}

async function runSlot(
  deployment: Deployment,
  untilMs: number,
  share: RunWithinShare,
  drawMs: (tenant: string) => number,
): Promise<void> {
  const { busyMs, clock, queue, records } = deployment;
  while (clock.now() < untilMs) {
    const index = queue.findIndex(({ visibleMs }) => visibleMs <= clock.now());
    const [queued] = index < 0 ? [] : queue.splice(index, 1);
    if (!queued) {
      await clock.sleep(secondMs);
      continue;
    }
    const { hunt, tenant = "" } = queued.message;
    const isDone = await share(tenant, tenantCount, async () => {
      await clearWaiting({ records: createTenantRecords(records, tenant) } as never, hunt);
      const runMs = drawMs(tenant);
      await clock.sleep(runMs);
      busyMs.set(tenant, (busyMs.get(tenant) ?? 0) + runMs);
      deployment.doneCount += 1;
      const waitMs = clock.now() - queued.sentMs - queued.delayMs;
      deployment.longestMs = Math.max(deployment.longestMs, waitMs);
    });
    if (!isDone)
      queue.push({
        ...queued,
        visibleMs: clock.now() + computeShareDelaySeconds(queued.message.reason) * secondMs,
      });
  }
}

const megabyte = 2 ** 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function readHeapMb(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / megabyte;
}

/** Every hunt runs each hour for a day; a run takes 5 to 15 s. */
async function measureDay(): Promise<Result[]> {
  const deployment = createDeployment();
  const { clock, tenants } = deployment;
  const heaps: number[] = [];
  const startMs = clock.now();
  const runTimers = async (): Promise<void> => {
    for (let hour = 0; hour < 24; hour += 1) {
      for (const hunt of hunts) await enqueueTimerRuns(tenants, hunt, clock.now());
      if (hour === 2 || hour === 23) heaps.push(readHeapMb());
      await clock.sleep(hourMs);
    }
  };
  await clock.run(
    Promise.all([
      runTimers(),
      ...startInstances(
        deployment,
        startMs + 25 * hourMs,
        () => (5 + Math.random() * 10) * secondMs,
      ),
    ]).then(() => undefined),
  );
  const runs = 24 * hunts.length * tenantCount;
  const [early = 0, late = 0] = heaps;
  return [
    toCeilingResult(
      "a day of 96,000 runs, longest wait until done",
      spreadOf([deployment.longestMs]),
      hourMs,
      "ms",
      `${deployment.doneCount} of ${runs} done`,
    ),
    toCeilingResult(
      "heap after a day over heap after two hours",
      spreadOf([late / early]),
      1.5,
      "x",
    ),
  ];
}

/** Eight tenants with more work than fits, one of them with ten times as much and longer runs. */
async function measureShares(): Promise<Result> {
  const deployment = createDeployment();
  const { busyMs, clock, queue } = deployment;
  const names = tenantNames.slice(0, 8);
  const due = new Date(clock.now()).toISOString();
  for (const [index, tenant] of names.entries())
    for (let run = 0; run < (index === 0 ? 4_000 : 400); run += 1)
      queue.push({
        message: { hunt: `finds-things-${run % 20}`, reason: "timer", scheduledFor: due, tenant },
        sentMs: clock.now(),
        delayMs: 0,
        visibleMs: clock.now(),
      });
  const untilMs = clock.now() + 2 * hourMs;
  const drawMs = (): number => minuteMs * (0.5 + Math.random());
  await clock.run(Promise.all(startInstances(deployment, untilMs, drawMs)).then(() => undefined));
  const shares = names.map((name) => busyMs.get(name) ?? 0);
  const mean = shares.reduce((sum, ms) => sum + ms, 0) / shares.length;
  const deviation = Math.max(...shares.map((ms) => Math.abs(ms - mean) / mean));
  return toCeilingResult("largest distance of a share from equal", spreadOf([deviation]), 0.2, "x");
}
