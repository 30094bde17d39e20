/**
 * Two tenants in one deployment for two days on a virtual clock: the hunts module with records in
 * memory, one queue, and two instances with the shares of the app. One tenant gets a fault; the
 * other one must not notice. Runs crash at random failpoints.
 */
import { computeOffsetMs } from "../../shared/app/enqueue-timer-runs.ts";
import {
  computeShareDelaySeconds,
  concurrentRuns,
  createTenantShare,
  type RunWithinShare,
} from "../../shared/app/tenant-share.ts";
import type { CompiledHunt } from "../../shared/contracts/compiled-hunt.ts";
import type { HuntRun } from "../../shared/contracts/hunt-run.ts";
import { readHuntHealth } from "../../shared/hunts/hunt-health.ts";
import { enqueueUnlessWaiting } from "../../shared/hunts/overdue-hunts.ts";
import type { HuntDeps, HuntingReply } from "../../shared/hunts/ports.ts";
import { handleRunMessage } from "../../shared/hunts/run/handle-run-message.ts";
import { hourMs, minuteMs, secondMs, ticksFromMs } from "../../shared/runtime/time.ts";
import { createTenantQueues, createTenantRecords } from "../../shared/storage/tenant-records.ts";
import { huntSource, testHunt, toExportLine, type HuntSource } from "../support/hunt-source.ts";
import { memoryExports, type MemoryExports } from "../support/memory-exports.ts";
import { createMemoryRecords, type MemoryRecords } from "../support/memory-records.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";
import { createRandom } from "./scheduler.ts";

/** What happens to the faulty tenant for six hours. */
export const tenantFaults = {
  outage: "every call fails after 30 s",
  throttled: "every call is 429",
  consentWithdrawn: "every call is refused",
  dead: "every call ends at its deadline",
  poisonedMessages: "200 messages that cannot be processed",
  backlog: "200 runs at once",
  longRuns: "300 runs that take all of their time",
  fullDailyLimit: "its records of the day's allowance are full",
} as const;
type TenantFault = keyof typeof tenantFaults;

const faultyTenant = "contoso";
const healthyTenant = "fabrikam";
const startMs = Date.UTC(2026, 0, 5, 0);
const endMs = startMs + 40 * hourMs;
const faultMs = 6 * hourMs;
const redeliveryMs = 10 * minuteMs;
const rowsPerHunt = 120;

/** What a schedule found; empty lists are what is wanted. */
export interface TenantScheduleResult {
  readonly seed: number;
  readonly fault: TenantFault;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  /** Hours at which a hunt of the healthy tenant was older than two intervals. */
  readonly late: readonly string[];
  /** Exports or records of one tenant that name the other. */
  readonly foreign: readonly string[];
  readonly crashes: number;
}

/** Breaks the isolation, for tests of the model. */
export interface TenantMutant {
  /** Tenants share an instance without a bound. */
  readonly isUnbounded?: true;
  /** Tenants share their records. */
  readonly sharesRecords?: true;
}

interface QueuedRun {
  readonly message: HuntRun & { readonly tenant?: string };
  visibleMs: number;
}

interface World {
  readonly clock: VirtualClock;
  readonly random: () => number;
  readonly exports: MemoryExports;
  readonly records: MemoryRecords;
  readonly queue: QueuedRun[];
  readonly tenants: ModelTenant[];
  readonly mutant: TenantMutant;
  readonly killPoint: HuntKillPoint | undefined;
  crashes: number;
}

interface ModelTenant {
  readonly name: string;
  readonly deps: HuntDeps;
  readonly source: HuntSource;
  readonly hunts: readonly CompiledHunt[];
}

const createHunts = (count: number): readonly CompiledHunt[] =>
  Array.from({ length: count }, (_, index) =>
    testHunt({ name: `finds-things-${index}`, settleMs: 4 * hourMs }),
  );

const huntCount = 3;
/** The longest run. No hunt has this name. */
const longRun = { hunt: "takes-all-its-time", ms: 8 * minuteMs };

/** Plays one schedule: the fault, its start, the rows and the crashes follow from the seed. */
export async function runTenantSchedule(
  seed: number,
  mutant: TenantMutant = {},
  killPoint?: HuntKillPoint,
): Promise<TenantScheduleResult> {
  const random = createRandom(seed);
  const faults = Object.keys(tenantFaults) as TenantFault[];
  const fault = faults[seed % faults.length] ?? "outage";
  const faultFromMs = startMs + (6 + Math.floor(random() * 12)) * hourMs;
  const world = createWorld(random, mutant, killPoint);
  const findFault = (): TenantFault | undefined =>
    isWithin(world.clock, faultFromMs) ? fault : undefined;
  world.tenants.push(
    createTenant(world, faultyTenant, createHunts(huntCount), findFault),
    createTenant(world, healthyTenant, createHunts(huntCount), () => undefined),
  );
  const late: string[] = [];
  await world.clock.run(
    Promise.all([
      runTimers(world),
      startFault(world, fault, faultFromMs),
      watchHealth(world, late),
      ...[1, 2].flatMap(() => startInstance(world)),
    ]).then(() => undefined),
  );
  return { seed, fault, late, ...checkWorld(world), crashes: world.crashes };
}

const isWithin = (clock: VirtualClock, fromMs: number): boolean =>
  clock.now() >= fromMs && clock.now() < fromMs + faultMs;

function createWorld(
  random: () => number,
  mutant: TenantMutant,
  killPoint: HuntKillPoint | undefined,
): World {
  const clock = createVirtualClock(startMs);
  const exports = memoryExports({ clock });
  const records = createMemoryRecords({ clock });
  const queue: QueuedRun[] = [];
  return { clock, random, exports, records, queue, tenants: [], mutant, killPoint, crashes: 0 };
}

const refusedReplies: Partial<Record<TenantFault, readonly [number, HuntingReply]>> = {
  outage: [30 * secondMs, { kind: "failed", message: "503" }],
  throttled: [100, { kind: "later", retryAfterMs: minuteMs, cause: "quota" }],
  consentWithdrawn: [100, { kind: "refused", cause: "permission", message: "403" }],
  dead: [230 * secondMs, { kind: "too-heavy", cause: "timed-out" }],
};

function createTenant(
  world: World,
  name: string,
  hunts: readonly CompiledHunt[],
  findFault: () => TenantFault | undefined,
): ModelTenant {
  const { clock, random } = world;
  const source = huntSource({
    clock,
    random,
    interceptQuery: async () => {
      const fault = findFault();
      const [waitMs, reply] = (fault && refusedReplies[fault]) ?? [2 * secondMs, undefined];
      await clock.sleep(waitMs * (0.5 + random()));
      return reply;
    },
  });
  fillSource(world, source, name);
  const records = world.mutant.sharesRecords
    ? world.records
    : createTenantRecords(world.records, name);
  const send = async (_: string, message: object, { delaySeconds = 0 } = {}): Promise<void> =>
    void world.queue.push({
      message: message as QueuedRun["message"],
      visibleMs: clock.now() + delaySeconds * secondMs,
    });
  const queues = createTenantQueues({ send, depth: async () => 0 }, name);
  let attempts = 0;
  const deps: HuntDeps = {
    tenant: name,
    hunting: source,
    exports: world.exports,
    records,
    queues: {
      send: async (queue, message, options) =>
        queue === "hunt-runs" ? queues.send(queue, message, options) : undefined,
    },
    logEvent: () => undefined,
    failpoint: (point) => crashAtTimes(world, point),
    nowMs: clock.now,
    createAttemptId: () => `${name}-${(attempts += 1)}`,
    createPortalLink: () => "",
    findFileStatistics: async () => new Map(),
  };
  return { name, deps, source, hunts };
}

/** Rows over the whole time; a tenth of them arrives up to two hours late. */
function fillSource({ random }: World, source: HuntSource, name: string): void {
  for (let index = 0; index < rowsPerHunt; index += 1) {
    const atMs = startMs - 3 * hourMs + Math.floor(random() * (endMs - startMs - 5 * hourMs));
    const lateMs = random() < 0.1 ? random() * 2 * hourMs : 0;
    source.rows.push({ at: ticksFromMs(atMs), arrivesMs: atMs + lateMs, id: `${name}-${index}` });
  }
}

class Crash extends Error {}

const crashRate = 0.004;
const killRate = 0.3;

/** Points of the hunt protocol at which runs of both tenants are killed. */
export const huntKillPoints = [
  "E1 head read",
  "E2 window planned",
  "E7 completeness proven",
  "E9 known rows loaded",
  "E13 head cache written",
  "E14 result message sent",
  "R1 recount half done",
] as const;
export type HuntKillPoint = (typeof huntKillPoints)[number];

/** Crashes stop before the end, so that everything can be finished. */
function crashAtTimes(world: World, point: string): void {
  const { clock, killPoint, random } = world;
  const isOfKind = killPoint === undefined || point === killPoint;
  const rate = killPoint === undefined ? crashRate : killRate;
  if (clock.now() > endMs - 8 * hourMs || !isOfKind || random() >= rate) return;
  world.crashes += 1;
  throw new Crash("killed");
}

async function runTimers({ clock, tenants }: World): Promise<void> {
  for (let atMs = startMs; atMs < endMs; atMs += hourMs) {
    for (const { deps, hunts, name } of tenants) {
      for (const hunt of hunts)
        await enqueueUnlessWaiting(deps, hunt, "timer", {
          nowMs: clock.now(),
          delayMs: computeOffsetMs(name, hunt),
        });
    }
    await clock.sleep(hourMs);
  }
}

/** Causes what the tenant's service does not cause by itself. */
async function startFault(world: World, fault: TenantFault, fromMs: number): Promise<void> {
  const { clock, queue, records } = world;
  await clock.sleep(fromMs - clock.now());
  const due = new Date(clock.now()).toISOString();
  const base = { tenant: faultyTenant, reason: "timer", scheduledFor: due } as const;
  const putMessages = (hunt: string, count: number): void => {
    for (let index = 0; index < count; index += 1)
      queue.push({ message: { ...base, hunt }, visibleMs: clock.now() });
  };
  if (fault === "poisonedMessages") putMessages("no-such-hunt", 200);
  if (fault === "backlog") putMessages("finds-things-0", 200);
  if (fault === "longRuns") putMessages(longRun.hunt, 300);
  if (fault === "fullDailyLimit")
    for (let day = 5; day < 8; day += 1)
      records.poke(
        `state/verdict-days/${faultyTenant}/api/2026-01-0${day}.json`,
        JSON.stringify({ version: 1, alerts: 1e9 }),
      );
}

/** Starts the slots of one instance. */
function startInstance(world: World): Promise<void>[] {
  const runWithinShare = createTenantShare();
  return Array.from({ length: concurrentRuns }, () => runSlot(world, runWithinShare));
}

async function runSlot(world: World, runWithinShare: RunWithinShare): Promise<void> {
  const { clock, queue } = world;
  while (clock.now() < endMs) {
    const next = queue.find(({ visibleMs }) => visibleMs <= clock.now());
    if (next) await handleQueued(world, runWithinShare, next);
    else await clock.sleep(5 * secondMs);
  }
}

/** Handles a message as the platform does: hidden during work, tried again after a crash. */
async function handleQueued(
  world: World,
  runWithinShare: RunWithinShare,
  queued: QueuedRun,
): Promise<void> {
  const { clock, queue, tenants } = world;
  queued.visibleMs = clock.now() + redeliveryMs;
  const { tenant: name, ...message } = queued.message;
  const tenant = tenants.find((each) => each.name === name);
  const hunt = tenant?.hunts.find((each) => each.name === message.hunt);
  await clock.sleep(50);
  const run = async (): Promise<void> => {
    if (tenant && hunt) await handleRunMessage(tenant.deps, hunt, message);
    if (message.hunt === longRun.hunt) await clock.sleep(longRun.ms);
  };
  const count = world.mutant.isUnbounded ? 1 : tenants.length;
  try {
    if (!(await runWithinShare(name ?? "", count, run)))
      queue.push({
        message: queued.message,
        visibleMs: clock.now() + computeShareDelaySeconds(queued.message.reason) * secondMs,
      });
    queue.splice(queue.indexOf(queued), 1);
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    queued.visibleMs = clock.now() + minuteMs;
  }
}

const allowedIntervals = 2;

/** Each hour, the watermarks of the healthy tenant must be at most two intervals old. */
async function watchHealth({ clock, tenants }: World, late: string[]): Promise<void> {
  const healthy = tenants.find(({ name }) => name === healthyTenant);
  await clock.sleep(2 * hourMs);
  for (; clock.now() < endMs; await clock.sleep(hourMs)) {
    for (const hunt of healthy?.hunts ?? []) {
      const health = healthy && (await readHuntHealth(healthy.deps, hunt, clock.now()));
      const ageMs = (health?.watermarkAgeSeconds ?? Infinity) * secondMs;
      if (ageMs > hunt.lagMs + allowedIntervals * hunt.intervalMs)
        late.push(`${hunt.name} at ${new Date(clock.now()).toISOString()}: ${ageMs / hourMs} h`);
    }
  }
}

function checkWorld({ exports, records, tenants }: World) {
  const lost: string[] = [];
  const duplicated: string[] = [];
  const all = exports.listAll();
  for (const { hunts, name, source } of tenants) {
    const expected = source.rows
      .filter(({ arrivesMs }) => arrivesMs <= endMs - 6 * hourMs)
      .map(toExportLine);
    for (const hunt of hunts) {
      const prefix = `hl_tenant=${name}/hl_hunt=${hunt.name}/`;
      const lines = all.filter(({ path }) => path.startsWith(prefix)).flatMap((one) => one.lines);
      const counts = new Map<string, number>();
      for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
      lost.push(...expected.filter((line) => !counts.has(line)).map((line) => `${prefix} ${line}`));
      for (const [line, count] of counts) if (count > 1) duplicated.push(`${prefix} ${line}`);
    }
  }
  const otherOf = (name: string): string => (name === faultyTenant ? healthyTenant : faultyTenant);
  const foreign = tenants.flatMap(({ name }) => [
    ...all
      .filter(
        ({ lines, path }) =>
          path.startsWith(`hl_tenant=${name}/`) && lines.join().includes(otherOf(name)),
      )
      .map(({ path }) => path),
    ...records
      .paths()
      .filter((path) => path.includes(`/${name}/`) && records.peek(path)?.includes(otherOf(name))),
  ]);
  return { lost, duplicated, foreign };
}
