/**
 * Runs the hunts module under random interleavings: one to three instances that may crash at any
 * boundary, lost answers of operations that took effect, a service with a row limit and a random
 * order, late rows, bursts within one tick, equal rows, lost caches, and a clock that moves between
 * any two steps.
 *
 * Only the ports are doubles. The checks read the store and the announcements, not the module.
 */
import { handleRunMessage } from "../../shared/hunts/run/handle-run-message.ts";
import type { ExportStore, ExportWriter, HuntDeps, HuntFormat } from "../../shared/hunts/ports.ts";
import type { CompiledHunt } from "../../shared/contracts/compiled-hunt.ts";
import type { HuntRun } from "../../shared/contracts/hunt-run.ts";
import type { RecordStore } from "../../shared/storage/record-store.ts";
import { hourMs, minuteMs, secondMs, ticksFromMs, type Ticks } from "../../shared/runtime/time.ts";
import { huntSource, testHunt, type SourceRow } from "../support/hunt-source.ts";
import { memoryExports, type MemoryExports } from "../support/memory-exports.ts";
import { ignoreLeases } from "../support/hunt-harness.ts";
import { createMemoryRecords } from "../support/memory-records.ts";
import { drawChanges, HuntChanges, type ScheduledChange } from "./hunt-changes.ts";
import { checkStore, lagMs, type StoreFaults } from "./hunt-schedule-check.ts";
import { baseColumns, callLimits, HuntServiceModel } from "./hunt-service-model.ts";
import { createScheduler, createRandom, type Scheduler } from "./scheduler.ts";

/** The change of a mutant: the hunt, or one of its ports. */
export interface HuntMutant {
  readonly hunt?: (hunt: CompiledHunt) => CompiledHunt;
  readonly deps?: (deps: HuntDeps) => HuntDeps;
  readonly canOverwrite?: boolean;
  /** Receives every event and refusal, to follow one seed. */
  readonly trace?: (line: string) => void;
}

/** The result of one schedule. Empty arrays mean success. */
export interface ScheduleResult extends StoreFaults {
  readonly seed: number;
  readonly exports: number;
  readonly crashes: readonly string[];
  readonly stepCount: number;
}

interface QueuedMessage {
  readonly body: HuntRun;
  visibleMs: number;
  readonly id: number;
  /** How often its handling threw: the platform moves it to poison after the fifth time. */
  throws: number;
}

/** What a schedule plays, apart from its random order. */
export interface ScheduleShape {
  readonly runners: number;
  readonly crashRate: number;
  readonly lostRate: number;
  readonly laterRate: number;
  readonly usesLease: boolean;
  readonly losesCache: boolean;
  readonly newQueryAtMs: number | undefined;
  readonly lateShare: number;
  readonly rowLimit: number;
  readonly hours: number;
  readonly skewMs: number;
  readonly format: HuntFormat;
  /** Absent in schedules without changes. */
  readonly changes?: readonly ScheduledChange[];
}

const startMs = Date.UTC(2026, 0, 5, 18);
/** Longer than any schedule takes: a storm of crashes can cost more than half a day. */
const settleMs = 48 * hourMs;
/** `maxDequeueCount` of host.json. */
const maxThrows = 5;
/** The message of a crashed instance comes back after it. */
const redeliveryMs = 10 * minuteMs;
/** A schedule ends this long after its last hour: final runs, backlog, pauses of an hour each. */
const maxOverdueMs = 18 * hourMs;

function createShape(random: () => number): ScheduleShape {
  const pickOne = <T>(...values: readonly [T, ...T[]]): T =>
    values[Math.floor(random() * values.length)] ?? values[0];
  const changesQuery = random() < 0.2;
  const hours = pickOne(4, 7, 10);
  return {
    runners: pickOne(1, 2, 3),
    crashRate: pickOne(0, 0.002, 0.005, 0.01),
    lostRate: pickOne(0, 0.003, 0.01),
    laterRate: pickOne(0, 0.05),
    usesLease: pickOne(true, false, false),
    losesCache: random() < 0.3,
    newQueryAtMs: changesQuery ? startMs + Math.floor(random() * hours * hourMs) : undefined,
    // Late rows of a closed version are not searched: its query is gone.
    lateShare: changesQuery ? 0 : pickOne(0, 0.1, 0.3),
    rowLimit: pickOne(5, 10),
    hours,
    skewMs: pickOne(0, 10 * minuteMs, -10 * minuteMs),
    format: "ndjson",
  };
}

/** Adds changes, and one of the formats, from a random stream of their own. */
function addChanges(shape: ScheduleShape, random: () => number): ScheduleShape {
  const changes = drawChanges(random, startMs, shape.hours);
  const formats = ["ndjson", "csv", "parquet"] as const;
  const format = formats[Math.floor(random() * 3)] ?? "ndjson";
  // With the pipeline and the quota a run has four times as many steps.
  return { ...shape, changes, format, crashRate: shape.crashRate / 4 };
}

/**
 * Creates rows over the look-back and the schedule: spread, in bursts of one tick, some equal, some
 * late.
 */
function createSourceRows(random: () => number, shape: ScheduleShape): SourceRow[] {
  const rows: SourceRow[] = [];
  const [first, last] = [startMs - 4 * hourMs, startMs + shape.hours * hourMs];
  const addRow = (at: Ticks, id: string): void => {
    const roll = random();
    const lateMs =
      roll < shape.lateShare ? lagMs + random() * 90 * minuteMs : random() * (lagMs - 2 * secondMs);
    rows.push({ at, arrivesMs: Number(at / 10_000n) + Math.floor(lateMs), id });
  };
  const pickTick = (): Ticks =>
    ticksFromMs(first + random() * (last - first)) + BigInt(Math.floor(random() * 10_000));
  const singles = Math.floor(10 + random() * 40);
  for (let index = 0; index < singles; index += 1) addRow(pickTick(), `s${index}`);
  const bursts = Math.floor(random() * 3);
  for (let burst = 0; burst < bursts; burst += 1) {
    const at = pickTick();
    const size = Math.floor(2 + random() * shape.rowLimit * 2);
    for (let index = 0; index < size; index += 1) addRow(at, `b${burst}-${index}`);
  }
  const duplicate = rows[0];
  if (duplicate && random() < 0.5) rows.push({ ...duplicate });
  return rows;
}

/** How a schedule differs from the one of its seed alone. */
export interface ScheduleOptions {
  readonly hasChanges?: boolean;
  /** Replaces parts of the shape, to find the smallest schedule that fails. */
  readonly shape?: Partial<ScheduleShape>;
}

const changeSeed = (seed: number): number => seed + 1_000_000;

/** Returns what the schedule of a seed plays. */
export function planSchedule(seed: number, { hasChanges, shape }: ScheduleOptions): ScheduleShape {
  const drawn = createShape(createRandom(seed));
  const full = hasChanges === true ? addChanges(drawn, createRandom(changeSeed(seed))) : drawn;
  return { ...full, ...shape };
}

/** Runs one schedule to its end. */
export async function runSchedule(
  seed: number,
  mutant: HuntMutant = {},
  options: ScheduleOptions = {},
): Promise<ScheduleResult> {
  const random = createRandom(seed);
  createShape(random); // the same draws as in planSchedule, so that a seed keeps its order
  const shape = planSchedule(seed, options);
  let changes: HuntChanges | undefined;
  const scheduler = createScheduler({
    random,
    startMs,
    crashRate: shape.crashRate,
    maxStepMs: 2 * minuteMs,
    onStep: (step) => changes?.passStep(step),
  });
  if (shape.changes)
    changes = new HuntChanges(shape.changes, createRandom(changeSeed(seed)), scheduler.nowMs);
  const model = createModel({ random, shape, scheduler, mutant, changes });
  const last = startMs + shape.hours * hourMs;
  for (let due = startMs; due <= last; due += hourMs) {
    scheduler.jumpTo(due);
    await model.fireTimer();
    if (shape.losesCache && random() < 0.3) model.loseCache(random());
    await model.drainQueue();
  }
  // At the end nothing crashes, every row has arrived, and every window is recounted once.
  model.stopFaults();
  for (let run = 1; run <= 4; run += 1) {
    scheduler.jumpTo(Math.max(last + hourMs, scheduler.nowMs()) + hourMs);
    await model.fireTimer();
    await model.drainQueue();
  }
  return model.check(seed);
}

interface ModelRun {
  readonly fireTimer: () => Promise<void>;
  readonly drainQueue: () => Promise<void>;
  readonly loseCache: (roll: number) => void;
  readonly stopFaults: () => void;
  readonly check: (seed: number) => ScheduleResult;
}

interface ModelOptions {
  readonly random: () => number;
  readonly shape: ScheduleShape;
  readonly scheduler: Scheduler;
  readonly mutant: HuntMutant;
  readonly changes: HuntChanges | undefined;
}

function createModel({ random, shape, scheduler, mutant, changes }: ModelOptions): ModelRun {
  const clock = { now: scheduler.nowMs, sleep: () => Promise.resolve() };
  const storageClock = {
    ...clock,
    now: () => changes?.shiftStorageClock(scheduler.nowMs()) ?? scheduler.nowMs(),
  };
  const exports = memoryExports({
    clock: storageClock,
    canOverwrite: mutant.canOverwrite ?? false,
  });
  const records = createMemoryRecords({ clock: storageClock });
  const source = huntSource({ clock, cap: shape.rowLimit, roundRows: 5, random });
  source.rows.push(...createSourceRows(random, shape));
  const service =
    changes && new HuntServiceModel({ source, changes, random, nowMs: scheduler.nowMs });
  const queue: QueuedMessage[] = [];
  const announced: string[] = [];
  const crashes: string[] = [];
  let isCalm = false;
  let [ids, attempts, lives, poisoned] = [0, 0, 0, 0];

  const mutateHunt = mutant.hunt ?? ((hunt: CompiledHunt): CompiledHunt => hunt);
  const columns = service ? { columns: baseColumns } : {};
  const { format } = shape;
  const hunt = mutateHunt(
    testHunt({ lookBackMs: 4 * hourMs, lagMs, settleMs, format, ...columns }),
  );
  const newHunt = { ...hunt, queryHash: "b".repeat(64) };

  const enqueueMessage = (message: HuntRun, delayMs: number): void => {
    ids += 1;
    queue.push({ body: message, id: ids, throws: 0, visibleMs: scheduler.nowMs() + delayMs });
  };

  const createDeps = (runnerId: string): HuntDeps => {
    const isForbidden = (): boolean => changes?.isActive("forbidWrites") === true;
    const boundary = createBoundary(runnerId, scheduler, {
      isLost: () => !isCalm && random() < shape.lostRate,
      isForbidden,
    });
    const ownRecords = boundary.wrapRecords(shape.usesLease ? records : ignoreLeases(records));
    const nowMs = (): number =>
      scheduler.nowMs() + shape.skewMs + (changes?.findClockOffset() ?? 0);
    const port =
      service?.createPort({
        clock: {
          now: nowMs,
          steadyMs: scheduler.nowMs,
          sleep: (ms, signal) => scheduler.sleep(runnerId, ms, signal),
        },
        records: boundary.wrapRecords(records),
        waitForStep: (step) => scheduler.waitForStep(runnerId, step),
      }) ?? source;
    const deps: HuntDeps = {
      tenant: "default",
      hunting: {
        ...port,
        runQuery: async (query, options, sink) => {
          await scheduler.waitForStep(runnerId, "hunting asked");
          if (!isCalm && random() < shape.laterRate)
            return { kind: "later", retryAfterMs: 30_000, cause: "quota" };
          if (!isCalm && random() < shape.laterRate / 2)
            return { kind: "failed", message: "unavailable" };
          const reply = await port.runQuery(query, options, sink);
          mutant.trace?.(
            `${runnerId} ${query.replaceAll("0000Z", "Z")} -> ${JSON.stringify(reply)}`,
          );
          await scheduler.waitForStep(runnerId, "hunting answered");
          return reply;
        },
      },
      exports: boundary.wrapExports(exports),
      records: ownRecords,
      queues: {
        send: (name, message, { delaySeconds = 0 } = {}) =>
          boundary.callThrough(`send ${name}`, async () => {
            if (name === "hunt-results")
              announced.push((message as { readonly blob: string }).blob);
            // The port takes any object; this queue gets run messages.
            if (name === "hunt-runs") enqueueMessage(message as HuntRun, delaySeconds * secondMs);
          }),
      },
      logEvent: (event, fields) => mutant.trace?.(`${runnerId} ${event} ${JSON.stringify(fields)}`),
      failpoint: (point) => scheduler.waitForStep(runnerId, point),
      nowMs,
      createAttemptId: () => `attempt-${(attempts += 1)}`,
      createPortalLink: () => "",
      findFileStatistics: async () => new Map(),
    };
    return mutant.deps ? mutant.deps(deps) : deps;
  };

  /**
   * Handles messages until none is visible. A crashed instance's message returns after ten minutes.
   */
  const runInstance = async (): Promise<void> => {
    lives += 1;
    const runnerId = `life-${lives}`;
    const deps = createDeps(runnerId);
    for (;;) {
      await scheduler.waitForStep(runnerId, "queue asked");
      const message = queue.find(({ visibleMs }) => visibleMs <= scheduler.nowMs());
      if (!message) return;
      message.visibleMs = scheduler.nowMs() + redeliveryMs;
      const isQueryChanged =
        shape.newQueryAtMs !== undefined && scheduler.nowMs() > shape.newQueryAtMs;
      const usesOldQuery =
        isQueryChanged &&
        !isCalm &&
        random() < 0.2 &&
        scheduler.nowMs() < shape.newQueryAtMs + 5 * minuteMs;
      const isDone = await handleRunMessage(
        deps,
        isQueryChanged && !usesOldQuery ? newHunt : hunt,
        message.body,
      ).then(
        () => true,
        (error: unknown) => {
          mutant.trace?.(`${runnerId} threw ${String(error)}`);
          return false;
        },
      );
      if (!isDone) message.throws += 1;
      if (message.throws === maxThrows) poisoned += 1;
      if (isDone) queue.splice(queue.indexOf(message), 1);
    }
  };

  const findStall = (): string[] => {
    const overdueMs = scheduler.nowMs() - startMs - shape.hours * hourMs;
    const allowedMs = maxOverdueMs + crashes.length * redeliveryMs;
    return overdueMs > allowedMs ? [`P15 the hunt stalled for ${overdueMs / hourMs} hours`] : [];
  };

  return {
    fireTimer: async () => {
      const message: HuntRun = {
        hunt: hunt.name,
        reason: "timer",
        scheduledFor: new Date(scheduler.nowMs()).toISOString(),
      };
      enqueueMessage(message, 0);
      if (random() < 0.5) enqueueMessage(message, Math.floor(random() * 5 * secondMs));
    },
    drainQueue: async () => {
      for (let round = 0; queue.length > 0; round += 1) {
        if (round > 2_000) throw new Error("the queue does not empty");
        const next = Math.min(...queue.map(({ visibleMs }) => visibleMs));
        scheduler.jumpTo(next);
        for (let index = 0; index < shape.runners; index += 1) void runInstance();
        await scheduler.run((runnerId, step) => void crashes.push(`${runnerId} ${step}`));
      }
    },
    loseCache: (roll) =>
      records.poke(`state/hunts/${hunt.name}/head.json`, roll < 0.5 ? undefined : '{"head":'),
    stopFaults: () => {
      isCalm = true;
      changes?.stop();
      scheduler.stopCrashes();
    },
    check: (seed) => ({
      seed,
      ...checkStore({
        exports: exports.listAll(),
        overwrittenPaths: exports.overwrittenPaths,
        rows: source.rows,
        announced,
        poisoned,
        sentForms: service?.sentForms,
        sentMs: service?.sentMs ?? [],
        callLimits,
        violations: [...(service?.violations ?? []), ...findStall()],
      }),
      exports: exports.listAll().length,
      crashes,
      stepCount: scheduler.stepCount(),
    }),
  };
}

/** Every call crosses a boundary twice, out and back; on the way back its answer may be lost. */
function createBoundary(
  runnerId: string,
  scheduler: Scheduler,
  faults: { readonly isLost: () => boolean; readonly isForbidden: () => boolean },
): {
  readonly callThrough: <T>(step: string, action: () => Promise<T>) => Promise<T>;
  readonly wrapExports: (store: MemoryExports) => ExportStore;
  readonly wrapRecords: (store: RecordStore) => RecordStore;
} {
  const callThrough = async <T>(step: string, action: () => Promise<T>): Promise<T> => {
    await scheduler.waitForStep(runnerId, step);
    const result = await action();
    await scheduler.waitForStep(runnerId, `${step}, answered`);
    if (faults.isLost()) throw new Error(`lost: ${step}`);
    return result;
  };

  const writeThrough = <T>(step: string, action: () => Promise<T>): Promise<T> =>
    callThrough(step, () => {
      if (faults.isForbidden()) throw new Error("403 AuthorizationPermissionMismatch");
      return action();
    });

  async function* listThrough<T>(step: string, items: AsyncIterable<T>): AsyncIterable<T> {
    yield* await callThrough(step, () => Array.fromAsync(items));
  }

  const wrapWriter = (inner: ExportWriter): ExportWriter => ({
    writeRows: inner.writeRows,
    finish: () => writeThrough("finish", inner.finish),
    commit: (metadata) => writeThrough("commit", () => inner.commit(metadata)),
    abandon: inner.abandon,
  });

  return {
    callThrough,
    wrapExports: (store) => ({
      find: (path) => callThrough("find", () => store.find(path)),
      list: (prefix) => listThrough("list exports", store.list(prefix)),
      listFolders: (prefix) => callThrough("folders", () => store.listFolders(prefix)),
      openWriter: (...args) => wrapWriter(store.openWriter(...args)),
      readRows: (...args) => callThrough("rows", () => store.readRows(...args)),
      serverNowMs: () => callThrough("clock", store.serverNowMs),
    }),
    wrapRecords: (store) => ({
      read: (path) => callThrough("read", () => store.read(path)),
      create: (path, value) => writeThrough("create", () => store.create(path, value)),
      replace: (path, value, etag) =>
        writeThrough("replace", () => store.replace(path, value, etag)),
      remove: (path, etag) => writeThrough("remove", () => store.remove(path, etag)),
      list: (prefix, options) => listThrough("list records", store.list(prefix, options)),
    }),
  };
}
