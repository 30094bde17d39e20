/**
 * The hunts room under every interleaving that a seed can think of: one to three runners, each of which may die at any
 * boundary, answers that are lost after they took effect, a service with a row limit and a random order, rows that come
 * late, bursts within one tick, equal rows, caches that vanish, and a clock that moves between any two steps.
 *
 * The code is the room's own; only its ports are played. What comes out is judged from what lies in the store and what
 * was announced, never by asking the room.
 */
import { createHash } from "node:crypto";
import { chainHash } from "../../shared/hunts/log/metadata.ts";
import { carryOut } from "../../shared/hunts/run/handle-run-message.ts";
import type { ExportStore, ExportWriter, HuntPorts } from "../../shared/hunts/ports.ts";
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
import { huntSource, lineOf, testHunt, type SourceRow } from "../support/hunt-source.ts";
import { memoryExports, type MemoryExport, type MemoryExports } from "../support/memory-exports.ts";
import { memoryRecords } from "../support/memory-records.ts";
import { createScheduler, randomFrom, type Scheduler } from "./scheduler.ts";

/** What a mutant changes: the room's hunt, or one of its ports. */
export interface Mutant {
  readonly hunt?: (hunt: CompiledHunt) => CompiledHunt;
  readonly ports?: (ports: HuntPorts) => HuntPorts;
  readonly overwrites?: boolean;
  /** Told of every event and refusal, to follow one seed. */
  readonly trace?: (line: string) => void;
}

/** What one schedule has shown. Empty arrays are good. */
export interface Verdict {
  readonly seed: number;
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  /** Broken promises other than P1, in words. */
  readonly broken: readonly string[];
  readonly exports: number;
  readonly deaths: readonly string[];
  readonly turns: number;
}

interface Message {
  readonly order: HuntRun;
  visibleMs: number;
  readonly id: number;
}

interface Shape {
  readonly runners: number;
  readonly deathRate: number;
  readonly lostRate: number;
  readonly laterRate: number;
  readonly claims: boolean;
  readonly cacheLoss: boolean;
  readonly newQueryAtMs: number | undefined;
  readonly lateShare: number;
  readonly cap: number;
  readonly hours: number;
  readonly skewMs: number;
}

const startMs = Date.UTC(2026, 0, 5, 18);
const lagMs = 15 * minuteMs;
const settleMs = 12 * hourMs;

function shapeFrom(random: () => number): Shape {
  const one = <T>(...values: readonly [T, ...T[]]): T =>
    values[Math.floor(random() * values.length)] ?? values[0];
  const bumps = random() < 0.2;
  const hours = one(4, 7, 10);
  return {
    runners: one(1, 2, 3),
    deathRate: one(0, 0.002, 0.005, 0.01),
    lostRate: one(0, 0.003, 0.01),
    laterRate: one(0, 0.05),
    claims: one(true, false, false),
    cacheLoss: random() < 0.3,
    newQueryAtMs: bumps ? startMs + Math.floor(random() * hours * hourMs) : undefined,
    // Late rows of a version that was closed are not looked for: its query is gone.
    lateShare: bumps ? 0 : one(0, 0.1, 0.3),
    cap: one(5, 10),
    hours,
    skewMs: one(0, 10 * minuteMs, -10 * minuteMs),
  };
}

/** Rows over the look-back and the hours of the schedule: spread, in bursts of one tick, some equal, some late. */
function sourceRows(random: () => number, shape: Shape): SourceRow[] {
  const rows: SourceRow[] = [];
  const [first, last] = [startMs - 4 * hourMs, startMs + shape.hours * hourMs];
  const add = (at: Ticks, id: string): void => {
    const roll = random();
    const lateMs =
      roll < shape.lateShare ? lagMs + random() * 90 * minuteMs : random() * (lagMs - 2 * secondMs);
    rows.push({ at, arrivesMs: Number(at / 10_000n) + Math.floor(lateMs), id });
  };
  const anyTick = (): Ticks =>
    ticksFromMs(first + random() * (last - first)) + BigInt(Math.floor(random() * 10_000));
  const singles = Math.floor(10 + random() * 40);
  for (let index = 0; index < singles; index += 1) add(anyTick(), `s${index}`);
  const bursts = Math.floor(random() * 3);
  for (let burst = 0; burst < bursts; burst += 1) {
    const at = anyTick();
    const size = Math.floor(2 + random() * shape.cap * 2);
    for (let index = 0; index < size; index += 1) add(at, `b${burst}-${index}`);
  }
  const twin = rows[0];
  if (twin && random() < 0.5) rows.push({ ...twin });
  return rows;
}

/** Plays one schedule to its end. */
export async function playSchedule(seed: number, mutant: Mutant = {}): Promise<Verdict> {
  const random = randomFrom(seed);
  const shape = shapeFrom(random);
  const scheduler = createScheduler({
    random,
    startMs,
    deathRate: shape.deathRate,
    longestMs: 2 * minuteMs,
  });
  const world = createWorld(random, shape, scheduler, mutant);
  const last = startMs + shape.hours * hourMs;
  for (let due = startMs; due <= last; due += hourMs) {
    scheduler.jumpTo(due);
    await world.timer();
    if (shape.cacheLoss && random() < 0.3) world.loseCache(random());
    await world.drain();
  }
  // Quiet at last: nothing dies any more, every row has arrived, every window is recounted once more.
  world.calm();
  for (const after of [2, 3, 4, 5]) {
    scheduler.jumpTo(last + after * hourMs);
    await world.timer();
    await world.drain();
  }
  return world.judge(seed);
}

interface World {
  readonly timer: () => Promise<void>;
  readonly drain: () => Promise<void>;
  readonly loseCache: (roll: number) => void;
  readonly calm: () => void;
  readonly judge: (seed: number) => Verdict;
}

function createWorld(
  random: () => number,
  shape: Shape,
  scheduler: Scheduler,
  mutant: Mutant,
): World {
  const clock = { now: scheduler.nowMs, sleep: () => Promise.resolve() };
  const exports = memoryExports({ clock, overwrites: mutant.overwrites ?? false });
  const records = memoryRecords({ clock });
  const source = huntSource({ clock, cap: shape.cap, roundRows: 5, random });
  source.rows.push(...sourceRows(random, shape));
  const queue: Message[] = [];
  const announced: string[] = [];
  const deaths: string[] = [];
  const etags = new Map<string, string>();
  const changed: string[] = [];
  let calm = false;
  let [ids, attempts, lives] = [0, 0, 0];

  const mutated = mutant.hunt ?? ((hunt: CompiledHunt): CompiledHunt => hunt);
  const hunt = mutated(testHunt({ lookBackMs: 4 * hourMs, lagMs, settleMs }));
  const newer = { ...hunt, queryHash: "b".repeat(64) };

  const send = (order: HuntRun, delayMs: number): void => {
    ids += 1;
    queue.push({ order, id: ids, visibleMs: scheduler.nowMs() + delayMs });
  };

  const portsOf = (who: string): HuntPorts => {
    const crossing = boundaries(who, scheduler, () => !calm && random() < shape.lostRate);
    const ports: HuntPorts = {
      hunting: {
        ...source,
        run: async (query, options, sink) => {
          await scheduler.turn(who, "hunting asked");
          if (!calm && random() < shape.laterRate)
            return { kind: "later", retryAfterMs: 30_000, cause: "quota" };
          if (!calm && random() < shape.laterRate / 2)
            return { kind: "failed", message: "unavailable" };
          const reply = await source.run(query, options, sink);
          mutant.trace?.(`${who} ${query.replaceAll("0000Z", "Z")} -> ${JSON.stringify(reply)}`);
          await scheduler.turn(who, "hunting answered");
          return reply;
        },
      },
      exports: crossing.exports(exports),
      records: crossing.records(shape.claims ? records : withoutClaims(records)),
      queues: {
        send: (name, message, { delaySeconds = 0 } = {}) =>
          crossing.cross(`send ${name}`, async () => {
            if (name === "hunt-results")
              announced.push((message as { readonly blob: string }).blob);
            // A port that takes any object; the room's own type says which one this queue gets.
            if (name === "hunt-runs") send(message as HuntRun, delaySeconds * secondMs);
          }),
      },
      log: (event, fields) => mutant.trace?.(`${who} ${event} ${JSON.stringify(fields)}`),
      reach: (point) => scheduler.turn(who, point),
      nowMs: () => scheduler.nowMs() + shape.skewMs,
      attemptId: () => `attempt-${(attempts += 1)}`,
      portalLink: () => "",
      enrich: async () => new Map(),
    };
    return mutant.ports ? mutant.ports(ports) : ports;
  };

  /** One runner: takes messages until none is visible. Whoever dies leaves its message to come back after ten minutes. */
  const runner = async (): Promise<void> => {
    lives += 1;
    const who = `life-${lives}`;
    for (;;) {
      await scheduler.turn(who, "queue asked");
      const message = queue.find(({ visibleMs }) => visibleMs <= scheduler.nowMs());
      if (!message) return;
      message.visibleMs = scheduler.nowMs() + 10 * minuteMs;
      const isNewer = shape.newQueryAtMs !== undefined && scheduler.nowMs() > shape.newQueryAtMs;
      const isOld =
        isNewer && !calm && random() < 0.2 && scheduler.nowMs() < shape.newQueryAtMs + 5 * minuteMs;
      const done = await carryOut(
        portsOf(who),
        isNewer && !isOld ? newer : hunt,
        message.order,
      ).then(
        () => true,
        (error: unknown) => {
          mutant.trace?.(`${who} threw ${String(error)}`);
          return false;
        },
      );
      if (done) queue.splice(queue.indexOf(message), 1);
    }
  };

  const watch = (): void => {
    for (const { path, etag } of exports.all()) {
      const former = etags.get(path);
      if (former !== undefined && former !== etag) changed.push(path);
      etags.set(path, etag);
    }
  };

  return {
    timer: async () => {
      const order: HuntRun = {
        hunt: hunt.name,
        reason: "timer",
        scheduledFor: new Date(scheduler.nowMs()).toISOString(),
      };
      send(order, 0);
      if (random() < 0.3) send(order, Math.floor(random() * minuteMs));
    },
    drain: async () => {
      for (let round = 0; queue.length > 0; round += 1) {
        if (round > 2_000) throw new Error("the queue does not empty");
        const next = Math.min(...queue.map(({ visibleMs }) => visibleMs));
        scheduler.jumpTo(next);
        for (let index = 0; index < shape.runners; index += 1) void runner();
        await scheduler.run((who, where) => void deaths.push(`${who} ${where}`));
        watch();
      }
    },
    loseCache: (roll) =>
      records.poke(`state/hunts/${hunt.name}/head.json`, roll < 0.5 ? undefined : '{"head":'),
    calm: () => {
      calm = true;
      scheduler.spare();
    },
    judge: (seed) => ({
      seed,
      ...judge(exports, source.rows, { announced, changed }),
      exports: exports.all().length,
      deaths,
      turns: scheduler.turns(),
    }),
  };
}

/** The claim is soft: a schedule may play as if it never held. */
const withoutClaims = (records: RecordStore): RecordStore => ({
  ...records,
  read: async (path) =>
    path.endsWith("/claim.json") ? { kind: "absent", serverNowMs: 0 } : records.read(path),
});

/** Every call crosses a boundary twice, on the way out and on the way back; on the way back its answer may be lost. */
function boundaries(
  who: string,
  scheduler: Scheduler,
  isLost: () => boolean,
): {
  readonly cross: <T>(where: string, act: () => Promise<T>) => Promise<T>;
  readonly exports: (store: MemoryExports) => ExportStore;
  readonly records: (store: RecordStore) => RecordStore;
} {
  const cross = async <T>(where: string, act: () => Promise<T>): Promise<T> => {
    await scheduler.turn(who, where);
    const outcome = await act();
    await scheduler.turn(who, `${where}, answered`);
    if (isLost()) throw new Error(`lost: ${where}`);
    return outcome;
  };

  async function* listed<T>(where: string, items: AsyncIterable<T>): AsyncIterable<T> {
    yield* await cross(where, () => Array.fromAsync(items));
  }

  const writer = (inner: ExportWriter): ExportWriter => ({
    write: inner.write,
    finish: () => cross("finish", inner.finish),
    commit: (metadata) => cross("commit", () => inner.commit(metadata)),
    abandon: inner.abandon,
  });

  return {
    cross,
    exports: (store) => ({
      find: (path) => cross("find", () => store.find(path)),
      list: (prefix) => listed("list exports", store.list(prefix)),
      folders: (prefix) => cross("folders", () => store.folders(prefix)),
      open: (...parts) => writer(store.open(...parts)),
      rows: (...parts) => cross("rows", () => store.rows(...parts)),
      serverNowMs: () => cross("clock", store.serverNowMs),
    }),
    records: (store) => ({
      read: (path) => cross("read", () => store.read(path)),
      create: (path, value) => cross("create", () => store.create(path, value)),
      replace: (path, value, etag) => cross("replace", () => store.replace(path, value, etag)),
      remove: (path, etag) => cross("remove", () => store.remove(path, etag)),
      list: (prefix, options) => listed("list records", store.list(prefix, options)),
    }),
  };
}

/** P1 to P6 and the announcements, from what lies in the store. */
function judge(
  store: MemoryExports,
  rows: readonly SourceRow[],
  seen: { readonly announced: readonly string[]; readonly changed: readonly string[] },
): Pick<Verdict, "lost" | "doubled" | "broken"> {
  const all = store.all();
  const own = all.filter(({ path }) => !path.includes("/late/"));
  const late = all.filter(({ path }) => path.includes("/late/"));
  const broken = [
    ...seen.changed.map((path) => `P3 ${path} has changed`),
    ...all.flatMap(halfFile),
    ...brokenLog(inOrder(own)),
    ...all
      .filter(({ path, metadata }) => metadata.rows > 0 && !seen.announced.includes(path))
      .map(({ path }) => `${path} was never announced`),
    ...wronglyLate(late, rows),
  ];
  const first = own
    .map(({ metadata }) => parseInstant(metadata.from) ?? 0n)
    .reduce((a, b) => (a < b ? a : b), 2n ** 63n);
  const end = own
    .map(({ metadata }) => parseInstant(metadata.to) ?? 0n)
    .reduce((a, b) => (a > b ? a : b), 0n);
  const counts = new Map<string, number>();
  for (const row of rows.filter(({ at }) => at >= first && at < end))
    counts.set(lineOf(row), (counts.get(lineOf(row)) ?? 0) + 1);
  for (const line of all.flatMap(({ lines }) => lines))
    counts.set(line, (counts.get(line) ?? 0) - 1);
  const unread = rows.some(({ at }) => at >= end)
    ? ["rows after the last window were never read"]
    : [];
  return {
    lost: [...counts].filter(([, left]) => left > 0).map(([line]) => line),
    doubled: [...counts].filter(([, left]) => left < 0).map(([line]) => line),
    broken: [...broken, ...unread],
  };
}

function halfFile({ path, metadata, lines }: MemoryExport): string[] {
  const text = lines.map((line) => `${line}\n`).join("");
  const digest = createHash("sha256").update(text).digest("hex");
  const whole =
    metadata.rows === lines.length &&
    metadata.rawbytes === Buffer.byteLength(text) &&
    metadata.sha256 === digest;
  return whole ? [] : [`P2 ${path} is not what its metadata says`];
}

const versionIn = (path: string): number => Number(/\/v(\d+)\//.exec(path)?.[1]);

const inOrder = (own: readonly MemoryExport[]): MemoryExport[] =>
  own.toSorted((a, b) => versionIn(a.path) - versionIn(b.path) || a.metadata.seq - b.metadata.seq);

/** One chain over all versions: numbers without gaps, windows without gaps or overlaps, each record naming the last. */
function brokenLog(own: readonly MemoryExport[]): string[] {
  return own.flatMap((record, index) => {
    const { path, metadata } = record;
    const before = own[index - 1];
    const follows = before && versionIn(before.path) === versionIn(path);
    const faults: string[] = [];
    if (metadata.seq !== (follows ? before.metadata.seq + 1 : 0))
      faults.push(`P3 ${path} is out of sequence`);
    if (before && metadata.from !== before.metadata.to)
      faults.push(`P3 ${path} does not begin where the last ends`);
    if (before && !follows && before.metadata.complete !== "closed")
      faults.push(`P3 ${path} follows an open version`);
    if (before && metadata.prev !== chainHash(before.metadata))
      faults.push(`P3 ${path} does not name the record before`);
    return faults;
  });
}

/** A row that came within the lag belongs in its window: the lag is what makes the late log the exception. */
function wronglyLate(late: readonly MemoryExport[], rows: readonly SourceRow[]): string[] {
  const inTime = new Set(
    rows
      .filter(({ at, arrivesMs }) => arrivesMs - Number(at / 10_000n) < lagMs - secondMs)
      .map(lineOf),
  );
  return late.flatMap(({ lines }) =>
    lines.filter((line) => inTime.has(line)).map((line) => `P5 ${line} was in time`),
  );
}
