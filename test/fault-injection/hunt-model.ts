/**
 * Runs the hunts module under random interleavings: one to three instances that may crash at any
 * boundary, lost answers of operations that took effect, a service with a row limit and a random
 * order, late rows, bursts within one tick, equal rows, lost caches, and a clock that moves between
 * any two steps.
 *
 * Only the ports are doubles. The checks read the store and the announcements, not the module.
 */
import { createHash } from "node:crypto";
import { computeChainHash } from "../../shared/hunts/log/metadata.ts";
import { handleRunMessage } from "../../shared/hunts/run/handle-run-message.ts";
import type { ExportStore, ExportWriter, HuntDeps } from "../../shared/hunts/ports.ts";
import type { CompiledHunt } from "../../shared/contracts/compiled-hunt.ts";
import type { HuntRun } from "../../shared/contracts/hunt-run.ts";
import type { RecordStore } from "../../shared/storage/record-store.ts";
import {
  hourMs,
  minuteMs,
  parseInstant,
  secondMs,
  ticksFromMs,
  type Ticks,
} from "../../shared/runtime/time.ts";
import { huntSource, toExportLine, testHunt, type SourceRow } from "../support/hunt-source.ts";
import { memoryExports, type MemoryExport, type MemoryExports } from "../support/memory-exports.ts";
import { ignoreLeases } from "../support/hunt-harness.ts";
import { createMemoryRecords } from "../support/memory-records.ts";
import { createHuntChanges, toIdentityLine, type HuntChanges } from "./hunt-changes.ts";
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
export interface ScheduleResult {
  readonly seed: number;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  /** Violated guarantees other than P1, as sentences. */
  readonly violations: readonly string[];
  readonly exports: number;
  readonly crashes: readonly string[];
  readonly stepCount: number;
}

interface QueuedMessage {
  readonly body: HuntRun;
  visibleMs: number;
  readonly id: number;
}

interface ScheduleShape {
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
}

const startMs = Date.UTC(2026, 0, 5, 18);
const lagMs = 15 * minuteMs;
/** Longer than any schedule takes: a storm of crashes can cost more than half a day. */
const settleMs = 48 * hourMs;

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
  };
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

/** Runs one schedule to its end. */
export async function runSchedule(
  seed: number,
  mutant: HuntMutant = {},
  { hasChanges = false }: { readonly hasChanges?: boolean } = {},
): Promise<ScheduleResult> {
  const random = createRandom(seed);
  const shape = createShape(random);
  const scheduler = createScheduler({
    random,
    startMs,
    crashRate: shape.crashRate,
    maxStepMs: 2 * minuteMs,
  });
  const changes = hasChanges
    ? createHuntChanges(createRandom(seed + 1_000_000), startMs, shape.hours)
    : undefined;
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
  for (const after of [2, 3, 4, 5]) {
    scheduler.jumpTo(last + after * hourMs);
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
  const exports = memoryExports({ clock, canOverwrite: mutant.canOverwrite ?? false });
  const records = createMemoryRecords({ clock });
  const source = huntSource({ clock, cap: shape.rowLimit, roundRows: 5, random });
  // NDJSON only: the other encoders use real I/O, which the scheduler cannot order.
  const huntChange = changes ? { columns: changes.columns } : {};
  source.rows.push(...createSourceRows(random, shape));
  const queue: QueuedMessage[] = [];
  const announced: string[] = [];
  const crashes: string[] = [];
  let isCalm = false;
  let [ids, attempts, lives] = [0, 0, 0];

  const mutateHunt = mutant.hunt ?? ((hunt: CompiledHunt): CompiledHunt => hunt);
  const hunt = mutateHunt(testHunt({ lookBackMs: 4 * hourMs, lagMs, settleMs, ...huntChange }));
  const newHunt = { ...hunt, queryHash: "b".repeat(64) };

  const enqueueMessage = (message: HuntRun, delayMs: number): void => {
    ids += 1;
    queue.push({ body: message, id: ids, visibleMs: scheduler.nowMs() + delayMs });
  };

  const createDeps = (runnerId: string): HuntDeps => {
    const boundary = createBoundary(
      runnerId,
      scheduler,
      () => !isCalm && random() < shape.lostRate,
    );
    const deps: HuntDeps = {
      hunting: {
        ...source,
        runQuery: async (query, options, sink) => {
          await scheduler.waitForStep(runnerId, "hunting asked");
          if (!isCalm && random() < shape.laterRate)
            return { kind: "later", retryAfterMs: 30_000, cause: "quota" };
          if (!isCalm && random() < shape.laterRate / 2)
            return { kind: "failed", message: "unavailable" };
          const refusal = changes?.findRefusal(scheduler.nowMs());
          if (refusal) return refusal;
          changes?.changeSource(source, scheduler.nowMs());
          const reply = await source.runQuery(query, options, sink);
          mutant.trace?.(
            `${runnerId} ${query.replaceAll("0000Z", "Z")} -> ${JSON.stringify(reply)}`,
          );
          await scheduler.waitForStep(runnerId, "hunting answered");
          return reply;
        },
      },
      exports: withStorageClock(boundary.wrapExports(exports), changes),
      records: boundary.wrapRecords(shape.usesLease ? records : ignoreLeases(records)),
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
      nowMs: () => scheduler.nowMs() + shape.skewMs,
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
    for (;;) {
      await scheduler.waitForStep(runnerId, "queue asked");
      const message = queue.find(({ visibleMs }) => visibleMs <= scheduler.nowMs());
      if (!message) return;
      message.visibleMs = scheduler.nowMs() + 10 * minuteMs;
      const isQueryChanged =
        shape.newQueryAtMs !== undefined && scheduler.nowMs() > shape.newQueryAtMs;
      const usesOldQuery =
        isQueryChanged &&
        !isCalm &&
        random() < 0.2 &&
        scheduler.nowMs() < shape.newQueryAtMs + 5 * minuteMs;
      const isDone = await handleRunMessage(
        createDeps(runnerId),
        isQueryChanged && !usesOldQuery ? newHunt : hunt,
        message.body,
      ).then(
        () => true,
        (error: unknown) => {
          mutant.trace?.(`${runnerId} threw ${String(error)}`);
          return false;
        },
      );
      if (isDone) queue.splice(queue.indexOf(message), 1);
    }
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
      ...checkStore(exports, source.rows, announced),
      exports: exports.listAll().length,
      crashes,
      stepCount: scheduler.stepCount(),
    }),
  };
}

const withStorageClock = (exports: ExportStore, changes: HuntChanges | undefined): ExportStore =>
  changes
    ? { ...exports, serverNowMs: async () => changes.shiftClock(await exports.serverNowMs()) }
    : exports;

/** Every call crosses a boundary twice, out and back; on the way back its answer may be lost. */
function createBoundary(
  runnerId: string,
  scheduler: Scheduler,
  isLost: () => boolean,
): {
  readonly callThrough: <T>(step: string, action: () => Promise<T>) => Promise<T>;
  readonly wrapExports: (store: MemoryExports) => ExportStore;
  readonly wrapRecords: (store: RecordStore) => RecordStore;
} {
  const callThrough = async <T>(step: string, action: () => Promise<T>): Promise<T> => {
    await scheduler.waitForStep(runnerId, step);
    const result = await action();
    await scheduler.waitForStep(runnerId, `${step}, answered`);
    if (isLost()) throw new Error(`lost: ${step}`);
    return result;
  };

  async function* listThrough<T>(step: string, items: AsyncIterable<T>): AsyncIterable<T> {
    yield* await callThrough(step, () => Array.fromAsync(items));
  }

  const wrapWriter = (inner: ExportWriter): ExportWriter => ({
    writeRows: inner.writeRows,
    finish: () => callThrough("finish", inner.finish),
    commit: (metadata) => callThrough("commit", () => inner.commit(metadata)),
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
      create: (path, value) => callThrough("create", () => store.create(path, value)),
      replace: (path, value, etag) =>
        callThrough("replace", () => store.replace(path, value, etag)),
      remove: (path, etag) => callThrough("remove", () => store.remove(path, etag)),
      list: (prefix, options) => listThrough("list records", store.list(prefix, options)),
    }),
  };
}

/** Checks P1 to P6 and the announcements against the store. */
function checkStore(
  store: MemoryExports,
  rows: readonly SourceRow[],
  announced: readonly string[],
): Pick<ScheduleResult, "lost" | "duplicated" | "violations"> {
  const all = store.listAll();
  const own = all.filter(({ path }) => !path.includes("/late/"));
  const late = all.filter(({ path }) => path.includes("/late/"));
  const violations = [
    ...store.overwrittenPaths.map((path) => `P3 ${path} was overwritten`),
    ...all.flatMap(findIncomplete),
    ...findLogViolations(sortBySequence(own)),
    ...all
      .filter(({ path, metadata }) => metadata.rows > 0 && !announced.includes(path))
      .map(({ path }) => `${path} was never announced`),
    ...findWronglyLate(late, rows),
  ];
  const first = own
    .map(({ metadata }) => parseInstant(metadata.from) ?? 0n)
    .reduce((a, b) => (a < b ? a : b), 2n ** 63n);
  const end = own
    .map(({ metadata }) => parseInstant(metadata.to) ?? 0n)
    .reduce((a, b) => (a > b ? a : b), 0n);
  const counts = new Map<string, number>();
  for (const row of rows.filter(({ at }) => at >= first && at < end))
    counts.set(toExportLine(row), (counts.get(toExportLine(row)) ?? 0) + 1);
  for (const line of all.flatMap(({ lines }) => lines.map(toIdentityLine)))
    counts.set(line, (counts.get(line) ?? 0) - 1);
  const unread = rows.some(({ at }) => at >= end)
    ? ["rows after the last window were never read"]
    : [];
  return {
    lost: [...counts].filter(([, remaining]) => remaining > 0).map(([line]) => line),
    duplicated: [...counts].filter(([, remaining]) => remaining < 0).map(([line]) => line),
    violations: [...violations, ...unread],
  };
}

function findIncomplete({ path, metadata, lines }: MemoryExport): string[] {
  const text = lines.map((line) => `${line}\n`).join("");
  const digest = createHash("sha256").update(text).digest("hex");
  const isWhole =
    metadata.rows === lines.length &&
    metadata.rawbytes === Buffer.byteLength(text) &&
    metadata.sha256 === digest;
  return isWhole ? [] : [`P2 ${path} is not what its metadata says`];
}

const versionOf = (path: string): number => Number(/\/v(\d+)\//.exec(path)?.[1]);

const sortBySequence = (own: readonly MemoryExport[]): MemoryExport[] =>
  own.toSorted((a, b) => versionOf(a.path) - versionOf(b.path) || a.metadata.seq - b.metadata.seq);

/**
 * Checks the chain over all versions: no gap in numbers or windows, each record has the hash of the
 * last.
 */
function findLogViolations(own: readonly MemoryExport[]): string[] {
  return own.flatMap((record, index) => {
    const { path, metadata } = record;
    const previous = own[index - 1];
    const isSameVersion = previous && versionOf(previous.path) === versionOf(path);
    const violations: string[] = [];
    if (metadata.seq !== (isSameVersion ? previous.metadata.seq + 1 : 0))
      violations.push(`P3 ${path} is out of sequence`);
    if (previous && metadata.from !== previous.metadata.to)
      violations.push(`P3 ${path} does not begin where the last ends`);
    if (previous && !isSameVersion && previous.metadata.complete !== "closed")
      violations.push(`P3 ${path} follows an open version`);
    if (previous && metadata.prev !== computeChainHash(previous.metadata))
      violations.push(`P3 ${path} does not name the record before`);
    return violations;
  });
}

/** Finds late exports of rows that arrived within the lag: those belong in their window. */
function findWronglyLate(late: readonly MemoryExport[], rows: readonly SourceRow[]): string[] {
  const onTimeLines = new Set(
    rows
      .filter(({ at, arrivesMs }) => arrivesMs - Number(at / 10_000n) < lagMs - secondMs)
      .map(toExportLine),
  );
  return late.flatMap(({ lines }) =>
    lines
      .map(toIdentityLine)
      .filter((line) => onTimeLines.has(line))
      .map((line) => `P5 ${line} was in time`),
  );
}
